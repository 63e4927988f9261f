//! `cargo run -p migration -- up|down|status|fresh`: the migrations without the server, the way
//! SeaORM's own tool runs them. The same code is behind `repairshop migrate`.

use std::process::ExitCode;

use clap::Parser;
use migration::{Command, DEFAULT_DATABASE_URL, in_words, run};

/// Bring the database of the repair shop up to date
#[derive(Debug, Parser)]
struct Cli {
    /// The database: `postgres://user:password@host:5432/name`, or `sqlite://path` for a file
    #[arg(long, env, global = true, hide_env_values = true, default_value = DEFAULT_DATABASE_URL)]
    database_url: String,
    #[command(subcommand)]
    command: Command,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    for file in [".env.local", ".env"] {
        if let Err(error) = dotenvy::from_path(file)
            && !error.not_found()
        {
            eprintln!("error: {file} has a line that is not NAME=value");
            return ExitCode::FAILURE;
        }
    }
    let cli = Cli::parse();
    // An empty variable counts as not set.
    let url = Some(cli.database_url.as_str()).filter(|url| !url.is_empty());
    match run(url.unwrap_or(DEFAULT_DATABASE_URL), &cli.command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", in_words(&error));
            ExitCode::FAILURE
        }
    }
}
