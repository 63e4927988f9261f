//! A pool as resolvers use it: statements survive the loss of connections where they may.
//!
//! A read that met a dead connection is run again on another; a write only where it certainly had no
//! effect; a transaction as long as its COMMIT was not sent. Where a replica reads, what it cannot
//! answer goes to the primary. Knows nothing of what the statements are for.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_graphql::futures_util::future::BoxFuture;
use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    ExecResult, QueryResult, RuntimeErr, Statement,
    prelude::async_trait::async_trait,
    sqlx::{self, Connection, PgConnection},
};
use tokio::time::{sleep, timeout};

use super::{
    begin,
    outage::{Loss, Outage},
    replica::Replica,
};

/// How long a statement is run again; a pool may take its own time once more after that.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often a statement is run again that may itself be what ends its connections.
const ATTEMPTS: u32 = 3;
/// How long to wait before the second attempt to run it again, and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(200));
/// In place of what is said of a write of which nobody knows whether it was done.
const UNKNOWN: &str = "the connection was lost while it wrote";
/// In place of what is said of a pool that is not busy.
const LATE: &str = "there was no connection in time";
/// How long a server has to let us in that is asked whether it is there.
const LOOK: Duration = Duration::from_secs(1);

/// A pool of connections that comes back after it has lost them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Pool(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    db: DatabaseConnection,
    /// None where connections are not lost: on SQLite.
    outage: Option<Arc<Outage>>,
    replica: Option<Replica>,
}

/// A method of `DatabaseConnection`.
type Run<T> = for<'a> fn(&'a DatabaseConnection, Statement) -> BoxFuture<'a, Result<T, DbErr>>;

impl From<DatabaseConnection> for Pool {
    /// For a database whose connections are not lost.
    fn from(db: DatabaseConnection) -> Self {
        Self(Arc::new(Inner {
            db,
            outage: None,
            replica: None,
        }))
    }
}

impl Pool {
    pub(super) fn new(db: DatabaseConnection, outage: Arc<Outage>) -> Self {
        Self(Arc::new(Inner {
            db,
            outage: Some(outage),
            replica: None,
        }))
    }

    /// The same pool, but for reads that a replica answers while it can.
    pub(super) fn behind(&self, replica: Replica) -> Self {
        Self(Arc::new(Inner {
            db: self.0.db.clone(),
            outage: self.0.outage.clone(),
            replica: Some(replica),
        }))
    }

    pub(super) fn replica(&self) -> Option<&Replica> {
        self.0.replica.as_ref()
    }

    /// SeaORM's own pool, for what is no part of a request: migrations, made-up rows. Nothing is run
    /// again there.
    #[must_use]
    pub fn connection(&self) -> &DatabaseConnection {
        &self.0.db
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
            let attempt = async {
                let transaction = begin(&self.0.db).await?;
                let done = work(&transaction).await?;
                committing = true;
                transaction.commit().await?;
                Ok(done)
            };
            match attempt.await {
                Ok(done) => {
                    self.answered();
                    return Ok(done);
                }
                Err(error) => again.after(self, error, !committing).await?,
            }
        }
    }

    async fn run<T>(&self, statement: Statement, run: Run<T>) -> Result<T, DbErr> {
        let statement = match &self.0.replica {
            Some(replica) if replica.serves() && is_read(&statement) => {
                match run(replica.connection(), statement.clone()).await {
                    Err(error) if replica.gives_up(&error) => statement,
                    done => return done,
                }
            }
            _ => statement,
        };
        if self.0.outage.is_none() {
            return run(&self.0.db, statement).await;
        }
        let repeated = statement.clone();
        match run(&self.0.db, statement).await {
            Ok(done) => {
                self.answered();
                Ok(done)
            }
            Err(error) => self.run_again(repeated, run, error).await,
        }
    }

    #[cold]
    async fn run_again<T>(
        &self,
        statement: Statement,
        run: Run<T>,
        mut error: DbErr,
    ) -> Result<T, DbErr> {
        let mut again = Again::default();
        let is_read = is_read(&statement);
        loop {
            again.after(self, error, is_read).await?;
            match run(&self.0.db, statement.clone()).await {
                Ok(done) => {
                    self.answered();
                    return Ok(done);
                }
                Err(next) => error = next,
            }
        }
    }

    fn answered(&self) {
        if let Some(outage) = &self.0.outage {
            outage.answered();
        }
    }

    /// What the loss of a connection meant; none where no connection was lost.
    async fn loss(&self, error: &DbErr) -> Option<Loss> {
        let outage = self.0.outage.as_ref()?;
        let loss = Loss::of(error);
        match loss {
            Some(Loss::Outdated) => outage.outdate(),
            Some(Loss::Conflict) => {}
            Some(_) => outage.lost(error),
            // Too busy, or away? The pool does not tell.
            None if is_timeout(error) => {
                let away = outage.is_found(look(&self.0.db)).await;
                return away.then_some(Loss::Unsent);
            }
            None => {}
        }
        loss
    }
}

/// How often, and how long already, something is tried again.
struct Again {
    began: Instant,
    attempts: u32,
    suspected: u32,
}

impl Default for Again {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            attempts: 0,
            suspected: 0,
        }
    }
}

impl Again {
    /// Waits for a moment after what has failed, if it may be tried again: because it was without
    /// effect, or because it is `harmless` in any case.
    async fn after(&mut self, pool: &Pool, error: DbErr, harmless: bool) -> Result<(), DbErr> {
        let Some(loss) = pool.loss(&error).await else {
            return Err(error);
        };
        if !loss.is_innocent() {
            self.suspected += 1;
        }
        let may = harmless || loss.is_without_effect();
        if !may || self.suspected > ATTEMPTS || self.began.elapsed() > PATIENCE {
            return Err(if !may {
                DbErr::Custom(UNKNOWN.to_owned())
            } else if is_timeout(&error) {
                DbErr::Conn(RuntimeErr::Internal(LATE.to_owned()))
            } else {
                error
            });
        }
        if self.attempts > 0 {
            sleep(PAUSE.1.min(PAUSE.0 * self.attempts)).await;
        }
        self.attempts += 1;
        Ok(())
    }
}

/// Whether nobody knows if a write was done.
pub(crate) fn is_unknown(error: &DbErr) -> bool {
    matches!(error, DbErr::Custom(said) if said == UNKNOWN)
}

/// Whether an error comes of a connection that was lost, which the log has told of.
pub(crate) fn is_loss(error: &DbErr) -> bool {
    let late = matches!(error, DbErr::Conn(RuntimeErr::Internal(said)) if said == LATE);
    late || is_unknown(error) || Loss::of(error).is_some_and(|loss| loss != Loss::Conflict)
}

fn is_timeout(error: &DbErr) -> bool {
    matches!(error, DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))
}

/// Whether a statement changes nothing, so that it may be run twice. All that we write so: SeaORM
/// begins no write with these words, and none of our functions has an effect.
fn is_read(statement: &Statement) -> bool {
    ["SELECT ", "WITH "]
        .iter()
        .any(|word| statement.sql.starts_with(word))
}

/// Connects once, past the pool.
async fn look(db: &DatabaseConnection) -> Result<(), sqlx::Error> {
    let options = db.get_postgres_connection_pool().connect_options();
    match timeout(LOOK, PgConnection::connect_with(&options)).await {
        Ok(Ok(connection)) => connection.close().await,
        Ok(Err(error)) => Err(error),
        Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
    }
}

#[async_trait]
impl ConnectionTrait for Pool {
    fn get_database_backend(&self) -> DbBackend {
        self.0.db.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.run(statement, |db, statement| db.execute_raw(statement))
            .await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.0.db.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        // The driver stops at the first row of one, and on SQLite that is before the commit: a write
        // that failed there, the disk being full, would look done.
        if !is_read(&statement) {
            return Ok(self.query_all_raw(statement).await?.into_iter().next());
        }
        self.run(statement, |db, statement| db.query_one_raw(statement))
            .await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.run(statement, |db, statement| db.query_all_raw(statement))
            .await
    }
}
