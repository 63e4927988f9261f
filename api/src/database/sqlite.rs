//! SQLite: one connection that writes, several that read.

use std::{str::FromStr, time::Duration};

use sea_orm::{
    DatabaseConnection, DbErr,
    sqlx::{
        ConnectOptions as _,
        sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
    },
};

use super::{
    ConnectError, Pool, StatementLog, begin, pool, readers::Readers, redacted,
    refusal::sqlite_refused, two_per_core, writer::Writer,
};

/// The pools to read and to write with, and the connections to read with for requests.
pub(super) async fn connect(
    url: &str,
    max_connections: Option<u32>,
    log: Option<&StatementLog>,
) -> Result<(Pool, Pool, Readers, Writer), ConnectError> {
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
    let watch = Writer::default();
    // One in memory goes with its connection.
    let watched = (!in_memory).then(|| watch.clone());
    let write = sqlite_pool(writer, 1, log, watched).await;
    let write = write.map_err(|e| failed(&e))?;
    // A file that may only be read says so at the first write, which should not be a request's.
    let trial = begin(&write).await.map_err(|e| failed(&e))?;
    trial.rollback().await.map_err(|e| failed(&e))?;

    if in_memory {
        return Ok((
            write.clone().into(),
            write.into(),
            Readers::default(),
            watch,
        ));
    }
    let options = options.read_only(true);
    let number = max_connections.unwrap_or_else(two_per_core);
    let readers = Readers::new(&options, number, |db| {
        if let Some(log) = log.cloned() {
            db.set_metric_callback(move |info| log(info));
        }
    });
    let readers = readers.await.map_err(|e| failed(&e))?;
    let read = sqlite_pool(options, number, log, None).await;
    let read = read.map_err(|e| failed(&e))?;
    Ok((read.into(), write.into(), readers, watch))
}

async fn sqlite_pool(
    options: SqliteConnectOptions,
    size: u32,
    log: Option<&StatementLog>,
    writer: Option<Writer>,
) -> Result<DatabaseConnection, DbErr> {
    let mut pool = pool("sqlite::memory:", size);
    pool.map_sqlx_sqlite_opts(move |_| options.clone())
        .test_before_acquire(false);
    if let Some(writer) = writer {
        pool.map_sqlx_sqlite_pool_opts(move |pool| writer.watching(pool));
    }
    let mut db = sea_orm::Database::connect(pool).await?;
    if let Some(log) = log.cloned() {
        db.set_metric_callback(move |info| log(info));
    }
    Ok(db)
}
