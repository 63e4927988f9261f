//! Connections to the database: pools, session settings, and what differs between SQLite and
//! PostgreSQL in making them.
//!
//! A failure to connect becomes one line with its remedy here; no other module explains it. Knows
//! nothing of tables. The URL's password never leaves this file.

mod abandoned;
mod readers;

use std::{
    fmt,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::available_parallelism,
    time::{Duration, Instant},
};

use sea_orm::{
    ConnectOptions, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, RuntimeErr,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
    metric::Info,
    sqlx::{
        self, ConnectOptions as _, Connection, Executor, PgConnection,
        postgres::PgConnectOptions,
        sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
    },
};

use readers::Readers;

pub(crate) use readers::Lease;

/// Called with each statement after it ran.
pub type StatementLog = Arc<dyn Fn(&Info<'_>) + Send + Sync>;

/// Longer than a busy pool needs; shorter than a person waits.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a connection to PostgreSQL stays open that nobody uses, at most one and a half times.
const UNUSED: Duration = Duration::from_mins(1);

/// The database, for reading and for writing: two pools on SQLite, one on PostgreSQL.
#[derive(Clone, Debug)]
pub struct Database {
    pub read: DatabaseConnection,
    pub write: DatabaseConnection,
    /// SQLite's for requests; none of them on PostgreSQL.
    readers: Readers,
}

/// Why there is no connection, in one line that says what to do about it.
#[derive(Debug)]
pub struct ConnectError(String);

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConnectError {}

impl Database {
    /// Connects now, so that a wrong URL stops the start and not the first request.
    ///
    /// # Errors
    /// Where there is no such database, or it does not let us in.
    pub async fn connect(
        url: &str,
        max_connections: Option<u32>,
        log: Option<StatementLog>,
    ) -> Result<Database, ConnectError> {
        let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
        let mut database = match scheme {
            "postgres" | "postgresql" => postgres(url, max_connections).await?,
            "sqlite" => sqlite(url, max_connections, log.as_ref()).await?,
            _ => {
                return Err(ConnectError(format!(
                    "DATABASE_URL is {}: it must begin with postgres:// or sqlite://",
                    redacted(url)
                )));
            }
        };
        if let Some(log) = log {
            let write = Arc::clone(&log);
            database.read.set_metric_callback(move |info| log(info));
            database.write.set_metric_callback(move |info| write(info));
        }
        Ok(database)
    }

    /// How many requests may read at a time, and how many write: on SQLite each has a connection to
    /// read with; else two share one, for while one waits for rows, others are read, put into words
    /// and sent.
    pub(crate) fn at_a_time(&self) -> (usize, usize) {
        let writes = 2 * size(&self.write);
        match self.readers.len() {
            0 => (2 * size(&self.read), writes),
            readers => (readers, writes),
        }
    }

    /// A connection that one request alone reads with; none where requests share them.
    pub(crate) async fn reader(&self) -> Option<Lease> {
        self.readers.take().await
    }

    /// Waits for the connections that are in use, and closes them all.
    pub async fn close(self) {
        // Closing a pool cannot fail, nor does it matter at the end whether it did.
        let _ = self.read.close().await;
        let _ = self.write.close().await;
    }
}

/// How many connections a pool may have.
fn size(pool: &DatabaseConnection) -> usize {
    let most = match pool.get_database_backend() {
        DbBackend::Postgres => pool
            .get_postgres_connection_pool()
            .options()
            .get_max_connections(),
        _ => pool
            .get_sqlite_connection_pool()
            .options()
            .get_max_connections(),
    };
    most as usize
}

/// Begins a transaction that is going to write.
///
/// On SQLite it takes the write lock at once: a transaction that turned from reading to writing
/// would be refused, not made to wait, where another program wrote in between.
///
/// # Errors
/// Where no connection is free in time, or the database refuses.
pub async fn begin(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    db.begin_with_options(TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    })
    .await
}

/// The URL without its password and parameters, for people to read.
#[must_use]
pub fn redacted(url: &str) -> String {
    if url.starts_with("sqlite:") {
        return url.split('?').next().unwrap_or_default().to_owned();
    }
    let Some((scheme, rest)) = url.split_once("://") else {
        return "not a URL".to_owned();
    };
    // From the right, for a password may hold any character that should have been escaped.
    let (user, place) = match rest.rsplit_once('@') {
        Some((user, place)) => (user.split(':').next(), place),
        None => (None, rest),
    };
    let place = place.split('?').next().unwrap_or_default();
    match (user, place.split_once(':')) {
        (Some(user), _) => format!("{scheme}://{user}:***@{place}"),
        // Where the host was forgotten, what stands in the port's place is the password.
        (None, Some((host, port))) if !port.starts_with(|it: char| it.is_ascii_digit()) => {
            format!("{scheme}://{host}:***")
        }
        (None, _) => format!("{scheme}://{place}"),
    }
}

async fn postgres(url: &str, max_connections: Option<u32>) -> Result<Database, ConnectError> {
    let options = PgConnectOptions::from_str(&without_channel_binding(url)).map_err(|_| {
        ConnectError(format!(
            "DATABASE_URL is {}: it cannot be understood; write postgres://user:password@host:5432/name, \
             with %40 for an @ in the password",
            redacted(url)
        ))
    })?;
    let options = options
        .application_name("repairshop")
        .disable_statement_logging();

    // The pool would try a refused connection again until its time is up, and then only say so.
    let probe = tokio::time::timeout(ACQUIRE_TIMEOUT, PgConnection::connect_with(&options));
    match probe.await {
        Ok(Ok(connection)) => drop(connection.close().await),
        Ok(Err(error)) => return Err(postgres_refused(&options, &error)),
        Err(_) => return Err(unreachable(&options, "it does not answer")),
    }

    let failed = options.clone();
    let use_of = Arc::new(Use::default());
    let seen = Arc::clone(&use_of);
    // The URL is only for SeaORM to choose the driver by: the options are already made.
    let mut pool = pool("postgres://localhost", max_connections);
    pool.map_sqlx_postgres_opts(move |_| options.clone())
        .map_sqlx_postgres_pool_opts(|pool| {
            // In a statement, for a pooler in between refuses most start-up parameters. The third
            // guard against a transaction that nobody ends, a ROLLBACK in `after_release`, would
            // cost each read a round trip: mutations run in tasks that no client can cancel.
            let pool = pool.after_release(|connection, _| Box::pin(abandoned::end(connection)));
            pool.after_connect(|connection, _| {
                Box::pin(async move {
                    let session = "SET TimeZone = 'UTC'; \
                                   SET idle_in_transaction_session_timeout = '10s'; \
                                   SET statement_timeout = '30s'; \
                                   SET lock_timeout = '2s'";
                    connection.execute(session).await?;
                    connection.execute(abandoned::NOTICE).await.map(drop)
                })
            })
        })
        .map_sqlx_postgres_before_acquire(move |_, _| {
            seen.now();
            Box::pin(async { Ok(true) })
        })
        .test_before_acquire_if_idle_for(Duration::from_secs(30));
    let both =
        sea_orm::Database::connect(pool)
            .await
            .map_err(|error| match sqlx_error(&error) {
                Some(error) => postgres_refused(&failed, error),
                None => unreachable(&failed, &one_line(&error)),
            })?;
    tokio::spawn(close_unused(
        both.get_postgres_connection_pool().clone(),
        use_of,
    ));
    Ok(Database {
        read: both.clone(),
        write: both,
        readers: Readers::default(),
    })
}

/// When a connection was last asked for.
struct Use {
    since: Instant,
    /// Seconds after `since`.
    last: AtomicU64,
}

impl Default for Use {
    fn default() -> Self {
        Self {
            since: Instant::now(),
            last: AtomicU64::new(0),
        }
    }
}

impl Use {
    fn now(&self) {
        (self.last).store(self.since.elapsed().as_secs(), Ordering::Relaxed);
    }

    fn ago(&self) -> Duration {
        let last = Duration::from_secs(self.last.load(Ordering::Relaxed));
        self.since.elapsed().saturating_sub(last)
    }
}

/// Closes the connections once nobody has asked for one for a while: Neon sleeps after five minutes
/// without any, and a connection from before that is dead.
async fn close_unused(pool: sqlx::PgPool, use_of: Arc<Use>) {
    while !pool.is_closed() {
        tokio::time::sleep(UNUSED / 2).await;
        if use_of.ago() >= UNUSED {
            while let Some(connection) = pool.try_acquire() {
                let _ = connection.close().await;
            }
        }
    }
}

/// Neon writes `channel_binding=require` into its URLs; the driver would warn of it at each start.
fn without_channel_binding(url: &str) -> String {
    let Some((base, parameters)) = url.split_once('?') else {
        return url.to_owned();
    };
    let kept: Vec<&str> = parameters
        .split('&')
        .filter(|parameter| !parameter.starts_with("channel_binding="))
        .collect();
    format!("{base}?{}", kept.join("&"))
}

fn postgres_refused(options: &PgConnectOptions, error: &sqlx::Error) -> ConnectError {
    let user = options.get_username();
    let name = options.get_database().unwrap_or(user);
    let at = place(options);
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    ConnectError(match (error, code.as_deref()) {
        (_, Some("28P01")) => {
            format!(
                "the PostgreSQL server at {at} refuses the password of {user}: correct it in DATABASE_URL"
            )
        }
        (_, Some("28000")) => {
            format!(
                "the PostgreSQL server at {at} does not let {user} in: create the role, or allow it in pg_hba.conf"
            )
        }
        (_, Some("3D000")) => {
            format!(
                "there is no database {name} on the PostgreSQL server at {at}: create it with `createdb {name}`"
            )
        }
        (_, Some("42501")) => {
            format!("{user} may not connect to the database {name} at {at}: GRANT CONNECT to it")
        }
        (_, Some("53300")) => {
            format!(
                "the PostgreSQL server at {at} has no connection free: raise its max_connections, or lower --max-connections here"
            )
        }
        (sqlx::Error::Tls(_), _) => {
            format!(
                "the PostgreSQL server at {at} offers no TLS that we trust: check sslmode and sslrootcert in DATABASE_URL"
            )
        }
        (sqlx::Error::Io(cause), _) => return unreachable(options, &one_line(cause)),
        _ => return unreachable(options, &one_line(error)),
    })
}

fn unreachable(options: &PgConnectOptions, why: &str) -> ConnectError {
    let at = place(options);
    ConnectError(format!(
        "no PostgreSQL server can be reached at {at} ({why}): start it, or correct DATABASE_URL"
    ))
}

fn place(options: &PgConnectOptions) -> String {
    let port = options.get_port();
    match options.get_socket() {
        Some(socket) => format!("{} (port {port})", socket.display()),
        None => format!("{}:{port}", options.get_host()),
    }
}

async fn sqlite(
    url: &str,
    max_connections: Option<u32>,
    log: Option<&StatementLog>,
) -> Result<Database, ConnectError> {
    let options = SqliteConnectOptions::from_str(url).map_err(|_| {
        ConnectError(format!(
            "DATABASE_URL is {}: it cannot be understood; write sqlite://path/to/file.db",
            redacted(url)
        ))
    })?;
    let in_memory = url.contains(":memory:") || url.contains("mode=memory");
    let options = options
        .foreign_keys(true)
        // Shorter than the wait for a connection, of which there is one for writing.
        .busy_timeout(Duration::from_secs(2))
        .synchronous(SqliteSynchronous::Normal)
        .row_buffer_size(200)
        .disable_statement_logging();
    let file = options.get_filename().display().to_string();
    let failed = |error: &DbErr| sqlite_refused(&file, error);

    let writer = options.clone().create_if_missing(true);
    let writer = if in_memory {
        writer
    } else {
        writer.journal_mode(SqliteJournalMode::Wal)
    };
    let write = sqlite_pool(writer, 1).await.map_err(|e| failed(&e))?;
    // A file that may only be read says so at the first write, which should not be a request's.
    let trial = begin(&write).await.map_err(|e| failed(&e))?;
    trial.rollback().await.map_err(|e| failed(&e))?;

    if in_memory {
        let (read, readers) = (write.clone(), Readers::default());
        return Ok(Database {
            read,
            write,
            readers,
        });
    }
    let options = options.read_only(true);
    let number = max_connections.unwrap_or_else(default_connections);
    let readers = Readers::new(&options, number, |db| {
        if let Some(log) = log.cloned() {
            db.set_metric_callback(move |info| log(info));
        }
    });
    let readers = readers.await.map_err(|e| failed(&e))?;
    let read = sqlite_pool(options, number).await.map_err(|e| failed(&e))?;
    Ok(Database {
        read,
        write,
        readers,
    })
}

async fn sqlite_pool(
    options: SqliteConnectOptions,
    size: u32,
) -> Result<DatabaseConnection, DbErr> {
    let mut pool = pool("sqlite::memory:", Some(size));
    pool.map_sqlx_sqlite_opts(move |_| options.clone())
        .test_before_acquire(false);
    sea_orm::Database::connect(pool).await
}

fn sqlite_refused(file: &str, error: &DbErr) -> ConnectError {
    let code = sqlx_error(error)
        .and_then(sqlx::Error::as_database_error)
        .and_then(sqlx::error::DatabaseError::code)
        .and_then(|code| code.parse::<u32>().ok());
    // The low byte is the kind; the rest tells its varieties apart.
    ConnectError(match code.map(|code| code & 0xff) {
        Some(14) => format!(
            "the SQLite file {file} cannot be opened: its directory must exist and be writable; \
             create it, or choose another with DATABASE_URL"
        ),
        Some(3 | 8) => format!(
            "the SQLite file {file} cannot be written: change the permissions of it and its directory, \
             or choose another with DATABASE_URL"
        ),
        Some(26) => {
            format!("the file {file} is no SQLite database: choose another with DATABASE_URL")
        }
        Some(5 | 6) => format!(
            "the SQLite file {file} is locked by another program: stop that one, or wait for it"
        ),
        Some(13) => format!("the disk of the SQLite file {file} is full: make room there"),
        _ => format!(
            "the SQLite file {file} cannot be used ({}): repair it, or choose another with DATABASE_URL",
            one_line(error)
        ),
    })
}

fn pool(url: &str, max_connections: Option<u32>) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(max_connections.unwrap_or_else(default_connections))
        .min_connections(0)
        // The pool's own task for these can count below zero where connections come and go at that
        // moment, and then never ends (sqlx 0.9.0, `spawn_maintenance_tasks`): `close_unused` does
        // it on PostgreSQL. SQLite's cost nothing to keep, and one in memory goes with its last.
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .sqlx_logging(false)
        .record_stmt_in_spans(false);
    options
}

/// Small: on few cores, four connections served more requests than sixteen.
fn default_connections() -> u32 {
    let cores = available_parallelism().map_or(2, |cores| cores.get().min(8));
    u32::try_from(cores * 2).map_or(4, |connections| connections.max(4))
}

fn sqlx_error(error: &DbErr) -> Option<&sqlx::Error> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => Some(error),
        _ => None,
    }
}

/// What the database itself says of an error, in one line, for who runs the program.
#[must_use]
pub fn reason(error: &DbErr) -> String {
    let said = sqlx_error(error).and_then(sqlx::Error::as_database_error);
    said.map_or_else(|| one_line(error), |said| one_line(&said.message()))
}

fn one_line(error: &impl fmt::Display) -> String {
    error.to_string().replace('\n', "; ")
}

#[cfg(test)]
mod tests {
    use super::redacted;

    #[test]
    fn a_redacted_url_never_shows_the_password() {
        let urls = [
            "postgres://joe:secret@db:5432/shop?sslmode=require",
            "postgres://joe:secret?x@db/shop",
            "postgres://joe:a@secret/b@db/shop",
            "postgres://joe:secret",
            "postgres://db/shop?user=joe&password=secret",
            "mysql://joe:secret@db/shop",
            "joe:secret",
        ];
        for url in urls {
            assert!(!redacted(url).contains("secret"), "{}", redacted(url));
        }
        assert_eq!(redacted(urls[0]), "postgres://joe:***@db:5432/shop");
        assert_eq!(redacted("sqlite://shop.db?mode=rwc"), "sqlite://shop.db");
    }
}
