//! The command line: what happens at start and at the end, and nothing in between.
//!
//! All of the program's own input and output is here: configuration, log, database, socket,
//! signals. Whatever fails ends as one line on stderr and exit status 1.

#[path = "main/tables.rs"]
mod tables;

use std::{
    error::Error,
    io::{self, ErrorKind, IsTerminal, Write},
    net::SocketAddr,
    num::NonZeroU32,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use api::{
    App, Auth, Connections, Manifest, RateLimit, Settings, Tokens,
    config::{Command, Config, Listen, Reach, Serve},
    database::{Database, Options, StatementLog, reason},
    seed,
};
use sea_orm::metric::Info;
use tokio::{
    net::{TcpListener, lookup_host},
    signal::unix::{SignalKind, signal},
    sync::oneshot,
    time::{sleep, timeout},
};
use tracing::{Level, debug, info, warn};
use tracing_subscriber::EnvFilter;

/// What was freed last is handed out first, while the processor's cache still has it. With mimalloc,
/// whose blocks go round, a request for a ticket misses its last level four times as often.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

type Outcome = Result<(), Box<dyn Error>>;

/// How long requests may take to finish once the program is told to stop.
const GRACE: Duration = Duration::from_secs(10);

/// File descriptors that the program needs beside its clients'.
const OTHER_FILES: u64 = 256;

const SQL: &str = "repairshop::sql";

fn main() -> ExitCode {
    let outcome = environment().and_then(|()| {
        let config = Config::read();
        log(&config)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        runtime.block_on(run(&config))
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(
                io::stderr(),
                "error: {}",
                error.to_string().replace('\n', "; ")
            );
            ExitCode::FAILURE
        }
    }
}

/// Reads the files of settings; what is set already wins, so `.env.local` over `.env`.
fn environment() -> Outcome {
    for file in [".env.local", ".env"] {
        match dotenvy::from_path(file) {
            Err(error) if !error.not_found() => {
                // Without the line itself, which may hold a password.
                return Err(match error {
                    dotenvy::Error::Io(error) => format!("{file} cannot be read: {error}"),
                    _ => format!(
                        "{file} has a line that is not NAME=value; put values with spaces in quotes"
                    ),
                }
                .into());
            }
            _ => {}
        }
    }
    Ok(())
}

fn log(config: &Config) -> Outcome {
    let filter = std::env::var("RUST_LOG").ok().filter(|it| !it.is_empty());
    let filter = filter.as_deref().unwrap_or(
        "warn,sqlx::postgres::notice=error,sqlx_core::pool=off,repairshop=info,api=info",
    );
    let mut filter = EnvFilter::try_new(filter).map_err(|error| {
        format!("RUST_LOG cannot be understood ({error}): write info, or api=debug")
    })?;
    if config.log_sql {
        filter = filter.add_directive(format!("{SQL}=debug").parse()?);
    }
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
    Ok(())
}

/// Logs the text of each statement with its time; never the values, which are customers' data.
fn statement_log() -> Option<StatementLog> {
    let log = |info: &Info<'_>| {
        let (ms, failed) = (info.elapsed.as_secs_f64() * 1000.0, info.failed);
        debug!(target: SQL, "{ms:.3} ms{} {}", if failed { ", failed:" } else { ":" }, info.statement.sql);
    };
    tracing::enabled!(target: SQL, Level::DEBUG).then(|| Arc::new(log) as StatementLog)
}

async fn run(config: &Config) -> Outcome {
    let log = statement_log();
    let database = Options {
        direct_url: config.database_direct_url.as_deref(),
        ..Options::new(&config.database_url)
    };
    match config.task() {
        Command::Serve(options) => {
            let auth = auth(&options)?;
            if auth.is_none() {
                keep_to_this_machine(&options).await?;
            }
            serve(database, auth, &options, log.as_ref()).await
        }
        Command::Migrate {
            command: migration::Command::Generate(options),
        } => {
            for line in migration::generate(&options).await? {
                say(&line);
            }
            Ok(())
        }
        Command::Migrate { command } => {
            let url = if command == migration::Command::Status {
                migration::to_look_at(database.url)
            } else {
                database.url
            };
            let place = Options { url, ..database };
            let database = Database::connect_with(&place, log.as_ref()).await?;
            let note = |line: &str| {
                let _ = writeln!(io::stderr(), "{line}");
            };
            for line in tables::migrate(&database, &command, note).await? {
                say(&line);
            }
            database.close().await;
            Ok(())
        }
        Command::Check { json } => {
            let url = migration::to_look_at(database.url);
            let place = Options { url, ..database };
            let database = Database::connect_with(&place, log.as_ref()).await?;
            let outcome = tables::check(&database, json).await;
            database.close().await;
            outcome
        }
        Command::Schema => {
            say(api::sdl().trim_end());
            Ok(())
        }
        Command::Seed(options) => {
            let database = Database::connect_with(&database, log.as_ref()).await?;
            tables::prepare(&database, false).await?;
            tables::ours(&database).await?;
            let totals = seed::seed(
                database.write.connection(),
                options.customers,
                options.tickets,
            )
            .await?;
            let (customers, tickets) = (totals.customers, totals.tickets);
            say(&format!(
                "There are {customers} customers and {tickets} tickets now."
            ));
            database.close().await;
            Ok(())
        }
    }
}

async fn serve(
    place: Options<'_>,
    auth: Option<Auth>,
    options: &Serve,
    log: Option<&StatementLog>,
) -> Outcome {
    let place = Options {
        max_connections: options.max_connections,
        unused: Duration::from_secs(options.close_unused.into()),
        ..place
    };
    let mut database = Database::connect_with(&place, log).await?;
    let listen = options.listen();
    let listener = TcpListener::bind((listen.host.as_str(), listen.port)).await;
    let listener = listener.map_err(|error| not_bound(&listen, &error))?;
    let address = listener.local_addr()?;

    let new = tables::prepare(&database, options.migrate).await?;
    if new && !database.is_postgres() && seed::sample(database.write.connection()).await? {
        say("The database was empty: sample customers and tickets are in it now.");
    }
    if let Some(url) = &options.database_replica_url {
        database = database.with_replica(&place, url, log).await?;
    }

    // Each client has one, and the database some; where the system gives fewer, fewer come in.
    let _ = rlimit::increase_nofile_limit(u64::from(options.reach.max_clients) + OTHER_FILES);
    let unique_emails = migration::has_unique_emails(&database.write).await;
    let settings = Settings {
        unique_emails: unique_emails.map_err(|error| reason(&error))?,
        ..settings(auth, options, address.ip().is_loopback())?
    };
    let app = application(database.clone(), settings)?;
    let connections = Connections::new(options.limits.limits());
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut told_to_stop = async move || {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
    };
    let (stop, stopping) = oneshot::channel::<()>();
    let server = api::server::serve(listener, app.clone(), connections.clone(), async {
        let _ = stopping.await;
    });
    welcome(address);

    let impatience = async {
        told_to_stop().await;
        info!(
            "stopping: requests have {} s to finish; once more to stop now",
            GRACE.as_secs()
        );
        let _ = stop.send(());
        tokio::select! { () = sleep(GRACE) => {}, () = told_to_stop() => {} }
    };
    tokio::select! {
        ended = server => ended?,
        () = impatience => warn!("stopped while requests were not finished"),
    }
    // A write that was begun is finished, whether its client still waits or not.
    if timeout(GRACE, app.writes_finished()).await.is_err() {
        warn!("stopped while writes were not finished: the database takes them back");
    }
    let _ = timeout(GRACE, database.close()).await;
    Ok(())
}

fn auth(options: &Serve) -> Result<Option<Auth>, String> {
    let given = options.auth.clone();
    let auth = Auth::new(&Tokens {
        issuer: given.auth_issuer,
        jwks_file: given.auth_jwks_file,
        secret: given.auth_secret,
        audience: given.auth_audience,
        roles_claim: given.auth_roles_claim,
        roles: given.auth_roles,
    })?;
    if let Some(auth) = &auth {
        auth.start();
    }
    Ok(auth)
}

/// Without tokens everybody may do everything: not everybody should get here.
async fn keep_to_this_machine(options: &Serve) -> Result<(), String> {
    let listen = options.listen();
    let addresses = lookup_host((listen.host.as_str(), listen.port)).await;
    // An address that there is not is told where it is listened on.
    let is_open = addresses
        .is_ok_and(|mut all| all.any(|address| !address.ip().to_canonical().is_loopback()));
    if is_open && !options.auth.insecure {
        return Err(format!(
            "on {listen} other machines could do everything: set AUTH_ISSUER, AUTH_JWKS_FILE or AUTH_SECRET, listen on 127.0.0.1, or say --insecure"
        ));
    }
    if is_open {
        warn!("without AUTH_ settings everybody who reaches {listen} may do everything");
    }
    Ok(())
}

fn application(database: Database, settings: Settings) -> Result<App, Box<dyn Error>> {
    App::with(database, settings).map_err(|wrong| {
        let count = wrong.len();
        for document in wrong {
            let _ = writeln!(io::stderr(), "error: the document {document}");
        }
        format!("{count} of the trusted documents are not valid").into()
    })
}

fn settings(
    auth: Option<Auth>,
    options: &Serve,
    on_loopback: bool,
) -> Result<Settings, Box<dyn Error>> {
    if options.documents_only && options.documents.is_none() {
        return Err(
            "--documents-only needs the trusted documents: say where with --documents".into(),
        );
    }
    let documents = options.documents.as_ref().map(|path| {
        let file = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("--documents {file} cannot be read: {error}"))?;
        Manifest::from_json(&text).map_err(|error| format!("--documents {file}: {error}"))
    });
    Ok(Settings {
        introspection: options.introspection,
        documents: documents.transpose()?,
        documents_only: options.documents_only,
        batch: options.batch.into(),
        body_timeout: Duration::from_secs(options.body_timeout.into()),
        limits: options.limits.limits(),
        suggestions: options.suggestions,
        hosts: (on_loopback && auth.is_none()).then(|| options.reach.hosts.clone()),
        auth,
        ..reach(&options.reach)
    })
}

fn reach(options: &Reach) -> Settings {
    let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    Settings {
        request_timeout: Duration::from_secs(options.request_timeout.into()),
        max_waiting: count(options.max_waiting),
        rate_limit: match options.rate_limit.map(NonZeroU32::new) {
            None => RateLimit::default(),
            Some(None) => RateLimit::Off,
            Some(Some(limit)) => RateLimit::Everybody(limit),
        },
        trusted_proxies: options.trusted_proxies.clone(),
        max_clients: count(options.max_clients),
        max_clients_per_address: count(options.max_clients_per_address),
        cors_origins: options.cors_origins.clone(),
        ..Settings::default()
    }
}

fn welcome(address: SocketAddr) {
    // 0.0.0.0 is where to listen, not where to call.
    let host = if address.ip().is_unspecified() {
        format!("localhost:{}", address.port())
    } else {
        address.to_string()
    };
    say(&format!(
        "GraphQL is served at http://{host}/graphql\n\n\
         Open it in a browser, or try it here:\n\n  \
         curl http://{host}/graphql -H 'content-type: application/json' \\\n    \
         -d '{{\"query\": \"{{ customer(id: 1) {{ firstName lastName tickets(first: 2) {{ totalCount nodes {{ number title completed }} }} }} }}\"}}'\n"
    ));
}

fn not_bound(listen: &Listen, error: &io::Error) -> String {
    let why = match error.kind() {
        ErrorKind::AddrInUse => "another program listens there already; stop it, or",
        ErrorKind::PermissionDenied => "this user may not listen there;",
        ErrorKind::AddrNotAvailable => "this machine has no such address;",
        _ => {
            return format!(
                "cannot listen on {listen} ({error}): choose another address with --listen, or port with PORT"
            );
        }
    };
    format!(
        "cannot listen on {listen}: {why} choose another address with --listen, or port with PORT"
    )
}

/// Prints a line; who closes the pipe early has read enough.
fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}
