//! Connections to the database: pools, session settings, and what differs between SQLite and
//! PostgreSQL in making them.
//!
//! A failure to connect becomes one line with its remedy in [`refusal`]; no other module explains
//! it. Knows nothing of tables. The URL's password never leaves this folder.

mod address;
mod postgres;
mod refusal;
mod sqlite;

use std::{sync::Arc, thread::available_parallelism, time::Duration};

use sea_orm::{
    ConnectOptions, DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode,
    TransactionOptions, TransactionTrait, metric::Info,
};

pub use address::redacted;
pub use refusal::{ConnectError, reason};

/// Called with each statement after it ran.
pub type StatementLog = Arc<dyn Fn(&Info<'_>) + Send + Sync>;

/// Longer than a busy pool needs; shorter than a person waits.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// The database, for reading and for writing: two pools on SQLite, one on PostgreSQL.
#[derive(Clone, Debug)]
pub struct Database {
    pub read: DatabaseConnection,
    pub write: DatabaseConnection,
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
        let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
        let mut database = match scheme {
            "postgres" | "postgresql" => postgres::connect(url, max_connections).await?,
            "sqlite" => sqlite::connect(url, max_connections).await?,
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

    /// Waits for the connections that are in use, and closes them all.
    pub async fn close(self) {
        // Closing a pool cannot fail, nor does it matter at the end whether it did.
        let _ = self.read.close().await;
        let _ = self.write.close().await;
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
