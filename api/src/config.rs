//! The command line: every option with its environment variable and a sentence.
//!
//! `--help` is the reference; nothing else reads the environment. Knows nothing of what the values
//! are used for.

mod limits;
mod reach;

use std::{env, fmt, path::PathBuf, process, str::FromStr};

use clap::{
    Arg, ArgAction, ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand,
    builder::{BoolishValueParser, Resettable},
    error::ErrorKind,
    parser::ValueSource,
};

pub use self::reach::Reach;

/// A GraphQL API over a repair shop's customers and tickets
///
/// Options are read from the command line, then from the environment, then from the files
/// `.env.local` and `.env` in the working directory. A variable that is empty counts as not set.
#[derive(Debug, Parser)]
#[command(name = "repairshop", version)]
pub struct Config {
    /// The database: `postgres://user:password@host:5432/name`, or `sqlite://path` for a file
    #[arg(long, env, global = true, value_name = "URL", hide_env_values = true)]
    #[arg(default_value = migration::DEFAULT_DATABASE_URL)]
    pub database_url: String,

    /// PostgreSQL itself, where --database-url leads through a pooler; Neon's is found without
    #[arg(long, env, global = true, value_name = "URL", hide_env_values = true)]
    pub database_direct_url: Option<String>,

    /// Log each SQL statement with its time, without the values, which are customers' data
    #[arg(long, env, global = true, value_parser = BoolishValueParser::new())]
    pub log_sql: bool,

    #[command(flatten)]
    serve: Serve,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Serve the API; also what happens without a command
    Serve(Box<Serve>),
    /// Bring the database's tables up to date, or take them back
    Migrate {
        #[command(subcommand)]
        command: migration::Command,
    },
    /// Compare the database with what the server expects; exit status 1 on a difference
    Check {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the GraphQL schema
    Schema,
    /// Fill the database with made-up customers and tickets, the same ones each time
    Seed(Seed),
}

#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "one for each switch")]
pub struct Serve {
    /// Where to listen; 0.0.0.0:8000 lets other machines in, which takes AUTH_ settings or --insecure
    #[arg(long, env, value_name = "HOST:PORT", default_value = "127.0.0.1:8000")]
    listen: Listen,

    /// Changes the port of --listen alone, for hosting platforms that choose it
    #[arg(long, env, value_name = "PORT", value_parser = port)]
    port: Option<u16>,

    /// Bring a PostgreSQL database's tables up to date first; an SQLite file's always are
    #[arg(long, env, value_parser = BoolishValueParser::new())]
    pub migrate: bool,

    /// At most this many connections to the database; of PostgreSQL's, queries use half, but at least two per core, and mutations all but one [default: four per core, 8 to 32; on SQLite half as many]
    #[arg(long, env, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub max_connections: Option<u32>,

    /// Whether to tell the schema: introspection, /schema.graphql and the playground
    #[arg(long, env, value_name = "BOOL", value_parser = BoolishValueParser::new())]
    #[arg(action = ArgAction::Set, default_value = "true", hide_possible_values = true)]
    pub introspection: bool,

    /// A client's trusted documents, which requests may name: persisted-documents.json
    #[arg(long, env, value_name = "FILE")]
    pub documents: Option<PathBuf>,

    /// Run nothing but the trusted documents
    #[arg(long, env, value_parser = BoolishValueParser::new())]
    pub documents_only: bool,

    /// How many requests an array of them may have; without it, arrays are refused
    #[arg(
        long,
        env,
        value_name = "N",
        default_value_t = 0,
        hide_default_value = true
    )]
    #[arg(value_parser = clap::value_parser!(u16).range(0..=100))]
    pub batch: u16,

    /// How long a caller may take to send a request's body or a WebSocket's message, in seconds
    #[arg(long, env, value_name = "SECONDS", default_value_t = 10)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=3600))]
    pub body_timeout: u16,

    /// A replica of the PostgreSQL database, for the queries; mutations go to --database-url
    #[arg(long, env, value_name = "URL", hide_env_values = true)]
    pub database_replica_url: Option<String>,

    /// Close connections to PostgreSQL once nobody has used one for so many seconds, and let Neon sleep
    #[arg(long, env, value_name = "SECONDS", default_value_t = 60)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=86400))]
    pub close_unused: u32,

    #[command(flatten)]
    pub limits: limits::LimitOptions,

    /// For development: errors say what may have been meant, with names of the schema
    #[arg(long, env, value_parser = BoolishValueParser::new())]
    pub suggestions: bool,

    #[command(flatten)]
    pub auth: Auth,

    #[command(flatten)]
    pub reach: Reach,
}

/// Which access tokens are taken, or that none are.
#[derive(Debug, Clone, Args)]
pub struct Auth {
    /// Who issues the access tokens, as in `https://shop.kinde.com`; its keys are found by discovery
    #[arg(long, env, value_name = "URL")]
    pub auth_issuer: Option<String>,

    /// The issuer's keys in a file, a JSON Web Key Set, in place of those that it publishes
    #[arg(long, env, value_name = "FILE")]
    pub auth_jwks_file: Option<PathBuf>,

    /// A secret of 32 bytes or more that tokens are signed with (HS256), in place of an issuer
    #[arg(long, env, value_name = "SECRET", hide_env_values = true)]
    pub auth_secret: Option<String>,

    /// Whom tokens must be for; without it, those that name an audience are refused
    #[arg(long, env, value_name = "NAME")]
    pub auth_audience: Option<String>,

    /// The claim with the roles: a name, or a path such as `realm_access.roles` [default: permissions]
    #[arg(long, env, value_name = "PATH")]
    pub auth_roles_claim: Option<String>,

    /// What its values mean: `shop:admin=MANAGER,shop:repair=TECHNICIAN` [default: the roles' names]
    #[arg(long, env, value_name = "VALUE=ROLE,…")]
    pub auth_roles: Option<String>,

    /// Let other machines in without access tokens, to do everything
    #[arg(long, env, value_parser = BoolishValueParser::new())]
    pub insecure: bool,
}

#[derive(Debug, Clone, Args)]
pub struct Seed {
    /// How many customers to add
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub customers: u32,

    /// How many tickets to add, for the customers that there are then
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub tickets: u32,
}

/// `HOST:PORT`, the host a name or an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    pub host: String,
    pub port: u16,
}

impl Config {
    /// Reads the command line and the environment; a bad value ends the program with one clear line.
    #[must_use]
    pub fn read() -> Config {
        let command = without_empty_variables(Config::command());
        let matches = command.try_get_matches();
        let matches = matches.unwrap_or_else(|error| refuse(&error));
        let config = Config::from_arg_matches(&matches).unwrap_or_else(|error| refuse(&error));
        if let Some(word) = matches.subcommand_name()
            && let Some(option) = misplaced(&matches)
        {
            let message = format!(
                "--{option} belongs to `serve`: write it after that word, not before `{word}`"
            );
            refuse(&Config::command().error(ErrorKind::ArgumentConflict, message))
        }
        config
    }

    /// What to do: to serve, where no word says otherwise.
    #[must_use]
    pub fn task(&self) -> Command {
        let default = || Command::Serve(Box::new(self.serve.clone()));
        self.command.clone().unwrap_or_else(default)
    }
}

impl Serve {
    #[must_use]
    pub fn listen(&self) -> Listen {
        Listen {
            host: self.listen.host.clone(),
            port: self.port.unwrap_or(self.listen.port),
        }
    }
}

/// Hosting platforms and compose files hand on variables that nobody has filled in.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let empty = |arg: &Arg| {
        let value = arg.get_env().and_then(env::var_os);
        value.is_some_and(|value| value.is_empty())
    };
    command
        .mut_args(|arg| {
            if empty(&arg) {
                arg.env(Resettable::Reset)
            } else {
                arg
            }
        })
        .mut_subcommands(without_empty_variables)
}

/// Ends the program: one line of an error, or all of a help.
fn refuse(error: &clap::Error) -> ! {
    let help = ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    if !error.use_stderr() || error.kind() == help {
        error.exit()
    }
    let text = error.to_string();
    let said: Vec<&str> = (text.lines().map(str::trim))
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"))
        .filter(|line| !line.is_empty())
        .collect();
    eprintln!("{}; see --help", said.join("; "));
    process::exit(error.exit_code())
}

fn port(text: &str) -> Result<u16, &'static str> {
    text.parse().map_err(|_| "expected a number up to 65535")
}

/// An option of `serve` that was written before another word, where it would do nothing.
fn misplaced(matches: &ArgMatches) -> Option<String> {
    let serve = Serve::augment_args(clap::Command::new("serve"));
    let found = serve
        .get_arguments()
        .find(|arg| matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine));
    found.and_then(Arg::get_long).map(ToOwned::to_owned)
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Listen, String> {
        let wrong = || "expected HOST:PORT, as in 127.0.0.1:8000".to_owned();
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = port.parse().map_err(|_| wrong())?;
        if host.is_empty() {
            return Err(wrong());
        }
        let host = host.to_owned();
        Ok(Listen { host, port })
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}
