//! Connections to the database: pools, session settings, and what differs between SQLite and
//! PostgreSQL in making them.
//!
//! A failure to connect becomes one line with its remedy in `refusal`; no other module explains
//! it. Knows nothing of tables. The URL's password never leaves this folder.

mod abandoned;
mod address;
mod again;
mod coalesced;
mod kept;
mod outage;
mod pool;
mod postgres;
mod readers;
mod refusal;
mod replica;
mod run;
mod sqlite;
mod writer;

use std::{borrow::Cow, sync::Arc, thread::available_parallelism, time::Duration};

use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    SqliteTransactionMode, TransactionOptions, TransactionTrait, metric::Info,
};

pub use address::redacted;
pub(crate) use again::{is_loss, is_unknown};
pub use pool::Pool;
pub(crate) use postgres::Direct;
pub(crate) use readers::Lease;
use readers::Readers;
pub(crate) use refusal::sqlx_error;
pub use refusal::{ConnectError, reason};
use writer::Writer;

/// Called with each statement after it ran.
pub type StatementLog = Arc<dyn Fn(&Info<'_>) + Send + Sync>;

/// Longer than a busy pool needs; shorter than a person waits.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// How many requests run at a time for each connection to PostgreSQL: while one waits for rows, another's
/// are put into words and sent.
const REQUESTS: usize = 2;
/// How many of those that write: a commit waits for the disk.
const WRITES: usize = 4;
/// How many of those that read, for one statement may read for several.
const READS: usize = 8;
/// So many share statements well enough.
const ENOUGH: usize = 32;

/// Where the database is, and how its connections are used.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    pub url: &'a str,
    /// PostgreSQL itself, where `url` is a pooler's.
    pub direct_url: Option<&'a str>,
    /// Where it is not said four per core, 8 to 32; on SQLite half as many, all of them to read with.
    pub max_connections: Option<u32>,
    /// How long connections to PostgreSQL stay open that nobody uses, at most one and a half times.
    pub unused: Duration,
}

impl<'a> Options<'a> {
    #[must_use]
    pub fn new(url: &'a str) -> Self {
        Self {
            url,
            direct_url: None,
            max_connections: None,
            unused: Duration::from_mins(1),
        }
    }
}

/// The database, for reading and for writing: two pools on SQLite, on PostgreSQL one, of which
/// each may use a part, and one more where a replica reads.
#[derive(Clone, Debug)]
pub struct Database {
    pub read: Pool,
    pub write: Pool,
    direct: Direct,
    /// SQLite's for requests; none of them on PostgreSQL.
    readers: Readers,
    writer: Writer,
}

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
        let options = Options {
            max_connections,
            ..Options::new(url)
        };
        Self::connect_with(&options, log.as_ref()).await
    }

    /// As [`Database::connect`] does.
    ///
    /// # Errors
    /// As there.
    pub async fn connect_with(
        options: &Options<'_>,
        log: Option<&StatementLog>,
    ) -> Result<Database, ConnectError> {
        let url = options.url;
        let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
        match scheme {
            "postgres" | "postgresql" => postgres::connect(options, log).await,
            "sqlite" => {
                let pools = sqlite::connect(url, options.max_connections, log).await?;
                let (read, write, readers, writer) = pools;
                Ok(Database {
                    read,
                    write,
                    direct: Direct::Pool,
                    readers,
                    writer,
                })
            }
            _ => Err(ConnectError(format!(
                "DATABASE_URL is {}: it must begin with postgres:// or sqlite://",
                redacted(url)
            ))),
        }
    }

    /// How many requests may read at a time, and how many write: on SQLite each has a connection to
    /// read with.
    pub(crate) fn at_a_time(&self) -> (usize, usize) {
        let (reads, writes) = (self.read.size(), self.write.size());
        let reads = match self.readers.len() {
            0 => (READS * reads).min(ENOUGH).max(REQUESTS * reads),
            readers => readers,
        };
        (reads, WRITES * writes)
    }

    /// How many requests of one caller may run at a time: so many that a connection is left for others.
    pub(crate) fn share(&self) -> usize {
        let connections = match self.readers.len() {
            0 => self.read.size(),
            readers => readers,
        };
        connections.saturating_sub(1).max(1)
    }

    /// From now on a change that takes longer is ended on SQLite; PostgreSQL does it by itself.
    pub(crate) fn limit_writes(&self, most: Duration) {
        self.writer.limit(most);
    }

    /// A connection that one request alone reads with; none where requests share them.
    pub(crate) async fn reader(&self) -> Option<Lease> {
        self.readers.take().await
    }

    /// Gives the queries to a replica of a PostgreSQL database, while it answers.
    ///
    /// # Errors
    /// Where `url` is no PostgreSQL's or the replica does not let us in; one that is away is waited
    /// for.
    pub async fn with_replica(
        self,
        options: &Options<'_>,
        url: &str,
        log: Option<&StatementLog>,
    ) -> Result<Database, ConnectError> {
        if !self.is_postgres() || !url.starts_with("postgres") {
            return Err(ConnectError(format!(
                "DATABASE_REPLICA_URL is {}: it must be the replica of a PostgreSQL database, as \
                 DATABASE_URL must",
                redacted(url)
            )));
        }
        postgres::with_replica(self, options, url, log).await
    }

    #[must_use]
    pub fn is_postgres(&self) -> bool {
        self.write.get_database_backend() == DbBackend::Postgres
    }

    /// What migrations run on: PostgreSQL itself, where a pooler is in between.
    ///
    /// # Errors
    /// Where it does not let us in.
    pub async fn for_migrations(&self) -> Result<Cow<'_, DatabaseConnection>, ConnectError> {
        match &self.direct {
            Direct::At(direct) => Ok(Cow::Owned(postgres::past(direct).await?)),
            Direct::Pool | Direct::Unknown => Ok(Cow::Borrowed(self.write.connection())),
        }
    }

    pub(crate) fn direct(&self) -> &Direct {
        &self.direct
    }

    /// Whether the primary, or the file, answers.
    pub(crate) async fn answers(&self) -> bool {
        self.read.answers().await
    }

    /// Waits for the connections that are in use, and closes them all.
    pub async fn close(self) {
        self.read.close().await;
        self.write.close().await;
    }
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

fn pool(url: &str, max_connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(max_connections)
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

/// How many of so many connections queries may use at a time: half, but at least as many as the processor
/// has use for. They wait for nothing else, and on two cores four served more of them than sixteen.
fn for_reading(connections: u32) -> u32 {
    connections.min(two_per_core().max(connections / 2))
}

/// How many mutations may: a commit waits for the disk, too. One is left for queries, for a lock may keep
/// all of them waiting.
fn for_writing(connections: u32) -> u32 {
    connections.saturating_sub(1).max(1)
}

/// 4 to 16; of this machine's cores, which need not be the database's.
fn two_per_core() -> u32 {
    let cores = available_parallelism().map_or(2, |cores| cores.get().clamp(2, 8));
    u32::try_from(2 * cores).unwrap_or(4)
}
