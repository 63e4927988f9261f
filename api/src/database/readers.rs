//! SQLite's connections for reading, one for each request that runs: so that what a request leaves
//! behind when it is dropped is ended, and nothing else.
//!
//! SQLite looks every few thousand steps of a statement whether it is to go on. The connections of a
//! pool look all the same from outside; so each of these is a pool of one.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sea_orm::{
    DatabaseConnection, DbErr,
    sqlx::{self, SqliteConnection, sqlite::SqliteConnectOptions},
};

use super::Pool;

/// After how many steps of a statement it is looked whether it is to go on: some ten microseconds.
pub(super) const STEPS: i32 = 10_000;

/// The readers that no request has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Readers(Arc<Mutex<Vec<Reader>>>);

#[derive(Debug)]
struct Reader {
    db: Pool,
    /// Whether what runs on it is not wanted any more.
    ended: Arc<AtomicBool>,
}

/// A request's connection for reading. What runs on it when this is dropped is ended, unless the
/// request says that it has finished.
pub(crate) struct Lease {
    /// None once it is given back.
    reader: Option<Reader>,
    readers: Readers,
}

impl Lease {
    pub(crate) fn db(&self) -> Option<&Pool> {
        self.reader.as_ref().map(|reader| &reader.db)
    }

    /// Gives the connection back, on which nothing runs.
    pub(crate) fn finished(mut self) {
        if let Some(reader) = self.reader.take() {
            self.readers.put(reader);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.ended.store(true, Ordering::Relaxed);
            self.readers.put(reader);
        }
    }
}

/// Has a connection look whether its statement is to go on.
async fn watch(
    connection: &mut SqliteConnection,
    ended: Arc<AtomicBool>,
) -> Result<(), sqlx::Error> {
    let mut handle = connection.lock_handle().await?;
    handle.set_progress_handler(STEPS, move || !ended.load(Ordering::Relaxed));
    Ok(())
}

impl Readers {
    /// So many connections, of which none is opened yet.
    pub(super) async fn new(
        options: &SqliteConnectOptions,
        number: u32,
        mut each: impl FnMut(&mut DatabaseConnection),
    ) -> Result<Self, DbErr> {
        let readers = Self::default();
        for _ in 0..number {
            let ended = Arc::new(AtomicBool::new(false));
            let (options, flag) = (options.clone(), Arc::clone(&ended));
            let mut pool = super::pool("sqlite::memory:", 1);
            pool.connect_lazy(true)
                .map_sqlx_sqlite_opts(move |_| options.clone())
                .map_sqlx_sqlite_pool_opts(move |pool| {
                    let flag = Arc::clone(&flag);
                    pool.after_connect(move |connection, _| {
                        Box::pin(watch(connection, Arc::clone(&flag)))
                    })
                })
                .test_before_acquire(false)
                // Statements of the one request that has it wait for each other, until its deadline.
                .acquire_timeout(Duration::from_hours(1));
            let mut db = sea_orm::Database::connect(pool).await?;
            each(&mut db);
            let db = db.into();
            readers.put(Reader { db, ended });
        }
        Ok(readers)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// One that nobody has; none where all are taken.
    pub(crate) async fn take(&self) -> Option<Lease> {
        let reader = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop()?;
        let lease = Lease {
            reader: Some(reader),
            readers: self.clone(),
        };
        if let Some(reader) = &lease.reader
            && reader.ended.load(Ordering::Relaxed)
        {
            // Its connection comes back when the statement has ended. On the heap, for each request's
            // future holds it.
            Box::pin(reader.db.connection().ping()).await.ok()?;
            reader.ended.store(false, Ordering::Relaxed);
        }
        Some(lease)
    }

    fn put(&self, reader: Reader) {
        let mut readers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        readers.push(reader);
    }
}
