//! PostgreSQL's connections between two statements.
//!
//! sqlx's pool asks each connection that comes back whether it is alive, in a task of its own: a
//! second round trip for every statement (`Floating::return_to_pool` of sqlx 0.9.0). So who has just
//! answered stays here, for the next statement. The pool makes connections, and gets those back that
//! failed, were abandoned, or are wanted for something else. Knows nothing of what is run.

use std::{
    fmt, io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use sea_orm::{
    ConnAcquireErr, DatabaseConnection, DbErr, RuntimeErr, Statement,
    metric::Info,
    sqlx::{self, PgConnection, PgPool, Postgres, pool::PoolConnection},
};
use tokio::{
    runtime::Handle,
    sync::{Semaphore, SemaphorePermit},
    time::{sleep, timeout},
};

use super::{StatementLog, abandoned, outage::Outage, run::Run};

/// Cheap to clone.
#[derive(Clone)]
pub(super) struct Kept {
    inner: Arc<Inner>,
    /// How many of the connections may be in use by way of this one.
    size: usize,
    turns: Arc<Semaphore>,
}

struct Inner {
    db: DatabaseConnection,
    outage: Arc<Outage>,
    log: Option<StatementLog>,
    /// How long a statement, or a transaction, is waited for.
    silence: Duration,
    /// One for each connection that there may be.
    turns: Semaphore,
    free: Mutex<Vec<Session>>,
    made: Instant,
    /// When a connection was last used, in milliseconds after `made`.
    used: AtomicU64,
}

/// One of its part, and one of all.
#[expect(dead_code, reason = "for its drop")]
pub(super) struct Turn<'a>(SemaphorePermit<'a>, SemaphorePermit<'a>);

struct Session {
    connection: PoolConnection<Postgres>,
    /// When it came from the pool.
    taken: Instant,
    /// When it last answered.
    used: Instant,
}

/// A session whose statement is under way. What becomes of it where that fails, or its caller goes
/// away, is `abandoned`'s to say.
struct Busy(Option<Session>);

impl Busy {
    fn connection(&mut self) -> Result<&mut PgConnection, DbErr> {
        let session = self.0.as_mut();
        session.map_or(
            Err(DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed)),
            |it| Ok(&mut *it.connection),
        )
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        // Without a runtime the process is at its end.
        if let (Some(session), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(abandoned::end(session.connection));
        }
    }
}

impl Kept {
    /// Keeps connections of `db`; closes one that does not answer within `silence`, and them all,
    /// the pool's too, once nobody has asked for one for as long as `unused`, and at most half as
    /// long again.
    pub(super) fn new(
        db: DatabaseConnection,
        outage: Arc<Outage>,
        log: Option<StatementLog>,
        silence: Duration,
        unused: Duration,
    ) -> Self {
        let pool = db.get_postgres_connection_pool();
        let size = pool.options().get_max_connections() as usize;
        let inner = Arc::new(Inner {
            db,
            outage,
            log,
            silence,
            turns: Semaphore::new(size),
            free: Mutex::default(),
            made: Instant::now(),
            used: AtomicU64::new(0),
        });
        let kept = Self::of(inner, size);
        tokio::spawn(kept.clone().close_unused(unused));
        kept
    }

    /// The same connections, of which a part may be in use at a time.
    pub(super) fn part(&self, of: impl FnOnce(u32) -> u32) -> Self {
        let all = self.pool().options().get_max_connections();
        Self::of(Arc::clone(&self.inner), of(all) as usize)
    }

    fn of(inner: Arc<Inner>, size: usize) -> Self {
        Self {
            inner,
            size,
            turns: Arc::new(Semaphore::new(size)),
        }
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn outage(&self) -> &Arc<Outage> {
        &self.inner.outage
    }

    pub(super) fn pool(&self) -> &PgPool {
        self.inner.db.get_postgres_connection_pool()
    }

    /// SeaORM's pool, which has all connections now that nobody uses.
    pub(super) fn given_back(&self) -> &DatabaseConnection {
        self.free().clear();
        &self.inner.db
    }

    /// The pool, for who takes one connection from it; until the turn is dropped there is one.
    pub(super) async fn lend(&self) -> Result<(Turn<'_>, &DatabaseConnection), DbErr> {
        let turn = self.connected_in_time(self.turn()).await?;
        // Also where the pool seems to have one: that may be on its way to somebody else.
        drop(self.kept().await);
        self.note_use(Instant::now());
        Ok((turn, &self.inner.db))
    }

    pub(super) async fn run<R: Run>(
        &self,
        statement: &Statement,
        work: &R,
    ) -> Result<R::Output, DbErr> {
        let session = async {
            let turn = self.turn().await?;
            Ok((turn, self.session().await?))
        };
        let (_turn, session) = self.connected_in_time(session).await?;
        let mut busy = Busy(Some(session));
        let began = Instant::now();
        let answer = work.by_postgres(busy.connection()?, statement);
        let answer = self.answered_in_time(answer).await;
        if let Some(log) = &self.inner.log {
            log(&Info {
                elapsed: began.elapsed(),
                statement,
                failed: answer.is_err(),
            });
        }
        if answer.is_ok()
            && let Some(session) = busy.0.take()
        {
            self.keep(session);
        }
        answer
    }

    pub(super) async fn close(&self) {
        let closed = self.pool().close();
        self.free().clear();
        closed.await;
    }

    fn free(&self) -> MutexGuard<'_, Vec<Session>> {
        (self.inner.free.lock()).unwrap_or_else(PoisonError::into_inner)
    }

    /// What a statement waits for before it is sent.
    async fn connected_in_time<T>(
        &self,
        connection: impl Future<Output = Result<T, DbErr>>,
    ) -> Result<T, DbErr> {
        let time = self.pool().options().get_acquire_timeout();
        let late = |_| DbErr::ConnectionAcquire(ConnAcquireErr::Timeout);
        timeout(time, connection).await.map_err(late)?
    }

    /// A statement's or a transaction's answer: a connection may fall silent, and never be heard of again.
    pub(super) async fn answered_in_time<T>(
        &self,
        answer: impl Future<Output = Result<T, DbErr>>,
    ) -> Result<T, DbErr> {
        let silent = |_| {
            let error = io::Error::new(io::ErrorKind::TimedOut, "the connection is silent");
            DbErr::Query(RuntimeErr::SqlxError(sqlx::Error::Io(error).into()))
        };
        timeout(self.inner.silence, answer).await.map_err(silent)?
    }

    async fn turn(&self) -> Result<Turn<'_>, DbErr> {
        let closed = |_| DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed);
        let own = self.turns.acquire().await.map_err(closed)?;
        let all = self.inner.turns.acquire().await.map_err(closed)?;
        Ok(Turn(own, all))
    }

    async fn session(&self) -> Result<Session, DbErr> {
        match self.kept().await {
            Some(session) => Ok(session),
            // On the heap: a statement's future is small then, for which this is rare.
            None => Box::pin(self.taken()).await,
        }
    }

    async fn taken(&self) -> Result<Session, DbErr> {
        let taken = Instant::now();
        let connection = self.pool().acquire().await.map_err(|error| match error {
            sqlx::Error::PoolTimedOut => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
            sqlx::Error::PoolClosed => DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed),
            error => DbErr::Conn(RuntimeErr::SqlxError(error.into())),
        })?;
        Ok(Session {
            connection,
            taken,
            used: taken,
        })
    }

    /// The one that was used last, if it is alive. Those that are dead do not go back to the pool, where
    /// each would be asked once more.
    async fn kept(&self) -> Option<Session> {
        let mut session = self.free().pop()?;
        let (age, idle) = (session.taken.elapsed(), session.used.elapsed());
        if self
            .inner
            .outage
            .is_usable(&mut session.connection, age, idle)
            .await
        {
            return Some(session);
        }
        session.connection.close_on_drop();
        // The others have been idle for longer.
        for mut other in self.free().drain(..) {
            other.connection.close_on_drop();
        }
        None
    }

    fn keep(&self, mut session: Session) {
        session.used = Instant::now();
        self.note_use(session.used);
        let mut free = self.free();
        // Looked at under the lock, for `close` empties the list once the pool is closed.
        if !self.pool().is_closed() {
            free.push(session);
        }
    }

    fn note_use(&self, now: Instant) {
        let used = u64::try_from((now - self.inner.made).as_millis()).unwrap_or(u64::MAX);
        self.inner.used.store(used, Ordering::Relaxed);
    }

    /// Neon sleeps after five minutes without a connection, and one from before that is dead.
    async fn close_unused(self, unused: Duration) {
        let pool = self.pool();
        while !pool.is_closed() {
            tokio::select! { () = sleep(unused / 2) => {}, () = pool.close_event() => return }
            let is_unused = |session: &mut Session| session.used.elapsed() >= unused;
            for mut session in self.free().extract_if(.., is_unused) {
                // In a task with a limit: over TLS the farewell waits for an answer (sqlx 0.9.0).
                session.connection.close_on_drop();
            }
            let used = Duration::from_millis(self.inner.used.load(Ordering::Relaxed));
            if self.inner.made.elapsed().saturating_sub(used) < unused {
                continue;
            }
            while let Some(mut connection) = pool.try_acquire() {
                connection.close_on_drop();
            }
        }
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").finish_non_exhaustive()
    }
}
