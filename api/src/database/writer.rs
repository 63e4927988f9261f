//! SQLite's connection for writing, of which there is one: who takes too long on it is ended, as
//! PostgreSQL ends a statement after its `statement_timeout`, so that the others get on.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use sea_orm::sqlx::{self, Sqlite, SqliteConnection, pool::PoolOptions};

use super::readers::STEPS;

/// How long the connection may be had. Cheap to clone; on PostgreSQL it watches nothing.
#[derive(Clone, Debug)]
pub(super) struct Writer(Arc<Watch>);

#[derive(Debug)]
struct Watch {
    begin: Instant,
    /// When somebody took the connection, in milliseconds after `begin`.
    taken: AtomicU64,
    /// For how long, in milliseconds; 0 for ever, as migrations may take it.
    most: AtomicU64,
    /// Whether its statement was ended.
    ended: AtomicBool,
}

impl Default for Writer {
    fn default() -> Self {
        Self(Arc::new(Watch {
            begin: Instant::now(),
            taken: AtomicU64::new(0),
            most: AtomicU64::new(0),
            ended: AtomicBool::new(false),
        }))
    }
}

impl Writer {
    /// From now on nobody has the connection for longer.
    pub(super) fn limit(&self, most: Duration) {
        self.0.most.store(milliseconds(most), Ordering::Relaxed);
    }

    pub(super) fn watching(&self, pool: PoolOptions<Sqlite>) -> PoolOptions<Sqlite> {
        let (connected, taken, released) = (self.clone(), self.clone(), self.clone());
        pool.after_connect(move |connection, _| {
            let writer = connected.clone();
            writer.taken();
            Box::pin(writer.watch(connection))
        })
        .before_acquire(move |_, _| {
            taken.taken();
            Box::pin(async { Ok(true) })
        })
        // SQLite has ended the transaction with the statement, and sqlx does not know (0.9.0).
        .after_release(move |_, _| {
            let whole = !released.0.ended.swap(false, Ordering::Relaxed);
            Box::pin(async move { Ok(whole) })
        })
    }

    fn taken(&self) {
        let now = milliseconds(self.0.begin.elapsed());
        self.0.taken.store(now, Ordering::Relaxed);
    }

    /// Has the connection look whether its statement is to go on.
    async fn watch(self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        let mut handle = connection.lock_handle().await?;
        handle.set_progress_handler(STEPS, move || self.goes_on());
        Ok(())
    }

    fn goes_on(&self) -> bool {
        let most = self.0.most.load(Ordering::Relaxed);
        let had = milliseconds(self.0.begin.elapsed())
            .saturating_sub(self.0.taken.load(Ordering::Relaxed));
        let is_late = most > 0 && had > most;
        if is_late {
            self.0.ended.store(true, Ordering::Relaxed);
        }
        !is_late
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
