//! A pool as resolvers use it: statements survive the loss of connections where they may.
//!
//! A read that met a dead connection is run again on another; a write only where it certainly had no
//! effect; a transaction as long as its COMMIT was not sent. Where a replica reads, what it cannot
//! answer goes to the primary. Knows nothing of what the statements are for.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_graphql::futures_util::future::BoxFuture;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult,
    QueryResult, Statement,
    prelude::async_trait::async_trait,
    sea_query::SelectStatement,
    sqlx::{self, Connection, PgConnection, PgPool, postgres::PgConnectOptions},
};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

use super::{
    again::{Again, is_timeout},
    begin,
    coalesced::{self, Coalesced, ForKeys, Kind, Read, Rows, Same},
    kept::Kept,
    outage::{Loss, Outage},
    replica::Replica,
    run::{Execute, Fetch, Run},
};

/// How long a server has to let us in that is asked whether it is there.
const LOOK: Duration = Duration::from_secs(1);

/// A pool of connections that comes back after it has lost them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Pool {
    inner: Arc<Inner>,
    /// How many statements may run at a time; none where it is for the pool to say.
    places: Option<Arc<Semaphore>>,
    /// Where it is noted that a statement was run that may have changed something.
    written: Option<Arc<AtomicBool>>,
}

#[derive(Debug)]
struct Inner {
    connections: Connections,
    replica: Option<Replica>,
    coalesced: Coalesced,
}

#[derive(Clone, Debug)]
enum Connections {
    Postgres(Kept),
    /// Which are not lost.
    Sqlite(DatabaseConnection),
}

impl From<DatabaseConnection> for Pool {
    /// For SQLite.
    fn from(db: DatabaseConnection) -> Self {
        Connections::Sqlite(db).into()
    }
}

impl From<Kept> for Pool {
    fn from(kept: Kept) -> Self {
        Connections::Postgres(kept).into()
    }
}

impl From<Connections> for Pool {
    fn from(connections: Connections) -> Self {
        let inner = Inner {
            connections,
            replica: None,
            coalesced: Coalesced::default(),
        };
        Arc::new(inner).into()
    }
}

impl From<Arc<Inner>> for Pool {
    /// For no request in particular.
    fn from(inner: Arc<Inner>) -> Self {
        Self {
            inner,
            places: None,
            written: None,
        }
    }
}

impl Pool {
    /// The same pool, but for reads that a replica answers while it can.
    pub(super) fn behind(&self, replica: Replica) -> Self {
        let inner = Inner {
            connections: self.inner.connections.clone(),
            replica: Some(replica),
            coalesced: Coalesced::default(),
        };
        Arc::new(inner).into()
    }

    /// The same pool, where a statement begins once it has one of these places.
    pub(crate) fn within(&self, places: Arc<Semaphore>) -> Self {
        Self {
            places: Some(places),
            ..Arc::clone(&self.inner).into()
        }
    }

    /// The same pool, which notes there whether something may have been changed by way of it.
    pub(crate) fn noting(self, written: Arc<AtomicBool>) -> Self {
        Self {
            written: Some(written),
            ..self
        }
    }

    /// SeaORM's own pool, for what is no part of a request: migrations, made-up rows. Nothing is run
    /// again there.
    #[must_use]
    pub fn connection(&self) -> &DatabaseConnection {
        match &self.inner.connections {
            Connections::Postgres(kept) => kept.given_back(),
            Connections::Sqlite(db) => db,
        }
    }

    /// How many connections it may use at a time.
    pub(super) fn size(&self) -> usize {
        match &self.inner.connections {
            Connections::Postgres(kept) => kept.size(),
            Connections::Sqlite(db) => {
                (db.get_sqlite_connection_pool().options()).get_max_connections() as usize
            }
        }
    }

    /// How to connect past the pool; nothing on SQLite.
    pub(crate) fn connect_options(&self) -> Option<Arc<PgConnectOptions>> {
        let kept = self.kept()?;
        Some(kept.pool().connect_options())
    }

    pub(super) async fn answers(&self) -> bool {
        let one = Statement::from_string(self.get_database_backend(), "SELECT 1");
        self.query_one_raw(one).await.is_ok()
    }

    /// The rows of a statement that changes nothing. On PostgreSQL others who want the same at the
    /// moment may have it run for them, too; on SQLite a request reads with a connection of its own.
    pub(crate) async fn rows(&self, statement: Statement) -> Result<Rows, DbErr> {
        let statement = Arc::new(statement);
        let read = Read::Same(Same(Arc::clone(&statement)));
        // Nobody waits for another's while there are connections.
        let most = self.size().saturating_sub(1).max(1);
        let statement = Box::new(move |_: &[i32]| Arc::clone(&statement));
        self.coalesced_rows(read, most, &[], statement).await
    }

    /// The rows that `select` selects by their keys, and perhaps others of the same kind: those that
    /// are asked for at the same moment, as in [`Pool::rows`].
    pub(crate) async fn rows_by_key(
        &self,
        kind: Kind,
        keys: &[i32],
        select: impl Fn(DbBackend, &[i32]) -> SelectStatement + Send + 'static,
    ) -> Result<Rows, DbErr> {
        let backend = self.get_database_backend();
        let statement =
            Box::new(move |keys: &[i32]| Arc::new(backend.build(&select(backend, keys))));
        self.coalesced_rows(Read::ByKey(kind), 1, keys, statement)
            .await
    }

    async fn coalesced_rows(
        &self,
        read: Read,
        most: usize,
        keys: &[i32],
        statement: ForKeys,
    ) -> Result<Rows, DbErr> {
        // First, or others would wait for this caller's own statements.
        let _place = self.place().await;
        let pool = Self::from(Arc::clone(&self.inner));
        match &self.inner.connections {
            Connections::Postgres(_) => coalesced::rows(pool, read, most, keys, statement).await,
            Connections::Sqlite(_) => pool.read(&statement(keys)).await.map(Arc::new),
        }
    }

    pub(super) fn coalesced(&self) -> &Coalesced {
        &self.inner.coalesced
    }

    /// Runs a statement that changes nothing, whoever waits for it.
    pub(super) async fn read(&self, statement: &Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.run(statement, &Fetch(Ok)).await
    }

    /// What is made of each row of a statement that changes nothing.
    pub(crate) async fn read_each<T: Send>(
        &self,
        statement: &Statement,
        make: impl Fn(QueryResult) -> Result<T, DbErr> + Sync,
    ) -> Result<Vec<T>, DbErr> {
        self.run(statement, &Fetch(make)).await
    }

    /// Waited for as long as the request may take: it waits for its own.
    async fn place(&self) -> Option<SemaphorePermit<'_>> {
        self.places.as_ref()?.acquire().await.ok()
    }

    /// Waits for the connections that are in use, and closes them all.
    pub(super) async fn close(&self) {
        if let Some(replica) = &self.inner.replica {
            replica.connections().close().await;
        }
        match &self.inner.connections {
            Connections::Postgres(kept) => kept.close().await,
            // It cannot fail, nor does it matter at the end whether it did.
            Connections::Sqlite(db) => drop(db.clone().close().await),
        }
    }

    fn kept(&self) -> Option<&Kept> {
        match &self.inner.connections {
            Connections::Postgres(kept) => Some(kept),
            Connections::Sqlite(_) => None,
        }
    }

    fn outage(&self) -> Option<&Arc<Outage>> {
        self.kept().map(Kept::outage)
    }

    /// Runs `work` in a transaction that is going to write, from its beginning again where it
    /// certainly was not committed.
    ///
    /// # Errors
    /// Those of `work`, and those of the database; nothing is written then, unless the connection
    /// was lost during COMMIT.
    pub async fn transaction<T>(
        &self,
        work: impl for<'t> Fn(&'t DatabaseTransaction) -> BoxFuture<'t, Result<T, DbErr>>,
    ) -> Result<T, DbErr> {
        let mut again = Again::default();
        loop {
            let mut committing = false;
            let mut whole = async |db| {
                let transaction = begin(db).await?;
                let done = work(&transaction).await?;
                committing = true;
                transaction.commit().await?;
                Ok(done)
            };
            let attempt = async {
                match &self.inner.connections {
                    Connections::Postgres(kept) => {
                        let (_turn, db) = kept.lend().await?;
                        kept.answered_in_time(whole(db)).await
                    }
                    Connections::Sqlite(db) => whole(db).await,
                }
            };
            // On the heap, for a resolver's future holds it.
            match Box::pin(attempt).await {
                Ok(done) => {
                    self.answered();
                    self.note_written();
                    return Ok(done);
                }
                Err(error) => again.after(self, error, !committing).await?,
            }
        }
    }

    async fn run<R: Run>(&self, statement: &Statement, work: &R) -> Result<R::Output, DbErr> {
        let _place = self.place().await;
        let done = match &self.inner.connections {
            Connections::Postgres(kept) => self.run_on(kept, statement, work).await?,
            Connections::Sqlite(db) => work.by_sqlite(db, statement).await?,
        };
        if !is_read(statement) {
            self.note_written();
        }
        Ok(done)
    }

    fn note_written(&self) {
        if let Some(written) = &self.written {
            written.store(true, Ordering::Relaxed);
        }
    }

    async fn run_on<R: Run>(
        &self,
        kept: &Kept,
        statement: &Statement,
        work: &R,
    ) -> Result<R::Output, DbErr> {
        if let Some(replica) = &self.inner.replica
            && replica.serves()
            && is_read(statement)
        {
            match replica.connections().run(statement, work).await {
                Err(error) if replica.gives_up(&error) => {}
                done => return done,
            }
        }
        match kept.run(statement, work).await {
            Ok(done) => {
                self.answered();
                Ok(done)
            }
            Err(error) => Box::pin(self.run_again(kept, statement, work, error)).await,
        }
    }

    #[cold]
    async fn run_again<R: Run>(
        &self,
        kept: &Kept,
        statement: &Statement,
        work: &R,
        mut error: DbErr,
    ) -> Result<R::Output, DbErr> {
        let mut again = Again::default();
        let is_read = is_read(statement);
        loop {
            again.after(self, error, is_read).await?;
            match kept.run(statement, work).await {
                Ok(done) => {
                    self.answered();
                    return Ok(done);
                }
                Err(next) => error = next,
            }
        }
    }

    fn answered(&self) {
        if let Some(outage) = self.outage() {
            outage.answered();
        }
    }

    /// What the loss of a connection meant; none where no connection was lost.
    pub(super) async fn loss(&self, error: &DbErr) -> Option<Loss> {
        let kept = self.kept()?;
        let outage = kept.outage();
        let loss = Loss::of(error);
        match loss {
            Some(Loss::Outdated) => outage.outdate(),
            Some(Loss::Conflict) => {}
            Some(_) => outage.lost(error),
            // Too busy, or away? The pool does not tell.
            None if is_timeout(error) => {
                // On the heap, for a transaction's future holds it.
                let away = outage.is_found(Box::pin(look(kept.pool()))).await;
                return away.then_some(Loss::Unsent);
            }
            None => {}
        }
        loss
    }
}

/// Whether a statement changes nothing, so that it may be run twice. All that we write so: SeaORM
/// begins no write with these words, and none of our functions has an effect.
fn is_read(statement: &Statement) -> bool {
    ["SELECT ", "WITH "]
        .iter()
        .any(|word| statement.sql.starts_with(word))
}

/// Connects once, past the pool.
async fn look(pool: &PgPool) -> Result<(), sqlx::Error> {
    let options = pool.connect_options();
    match timeout(LOOK, PgConnection::connect_with(&options)).await {
        Ok(Ok(connection)) => connection.close().await,
        Ok(Err(error)) => Err(error),
        Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
    }
}

#[async_trait]
impl ConnectionTrait for Pool {
    fn get_database_backend(&self) -> DbBackend {
        match self.inner.connections {
            Connections::Postgres(_) => DbBackend::Postgres,
            Connections::Sqlite(_) => DbBackend::Sqlite,
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.run(&statement, &Execute).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.connection().execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        // The driver stops at the first row of one, and on SQLite that is before the commit: a write
        // that failed there, the disk being full, would look done.
        Ok(self.query_all_raw(statement).await?.into_iter().next())
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.run(&statement, &Fetch(Ok)).await
    }
}
