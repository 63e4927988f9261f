//! PostgreSQL: what anybody has committed.
//!
//! Triggers (the migration `changes`) note each change in `repairshop.changes` as long as
//! `repairshop.listeners` says that somebody listens, and NOTIFY, which only wakes: what has changed
//! is read from the table. A snapshot of the transactions that were over at the last look says what
//! is new at the next, whatever the order in which they began and ended; so a lost connection loses
//! nothing, as long as the listener is back before its time in `listeners` is up.
//!
//! The connection that is woken does nothing else, and is the only one that has to go past a pooler.

use std::time::Duration;

use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, QueryResult, Statement, Value,
    sqlx::{
        self,
        postgres::{PgConnectOptions, PgListener, PgPoolOptions},
    },
};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{Live, Reading, change::Noted};
use crate::database::{Database, Direct, Pool, sqlx_error};

/// Where a listener is known, until it says so again. Minutes are also what the triggers go on for
/// after a listener that ended without a word.
const ATTEND: &str = "INSERT INTO repairshop.listeners (until, seen) VALUES \
     (clock_timestamp() + interval '5 minutes', pg_current_snapshot()) \
     RETURNING name::text, pg_current_snapshot()::text";
const STAY: &str = "UPDATE repairshop.listeners SET seen = $2::pg_snapshot, \
     until = clock_timestamp() + interval '5 minutes' WHERE name = $1::uuid AND until > clock_timestamp()";
const LEAVE: &str =
    "DELETE FROM repairshop.listeners WHERE name = $1::uuid OR until < clock_timestamp()";
/// What all who listen have seen.
const FORGET: &str = "DELETE FROM repairshop.changes WHERE NOT EXISTS (SELECT FROM repairshop.listeners \
     WHERE NOT pg_visible_in_snapshot(changes.xid, listeners.seen))";
const NOW: &str = "SELECT pg_current_snapshot()::text";
const NEW: &str = "SELECT id, relation, operation, number, \
     old_customer_id, old_tech, new_customer_id, new_tech FROM repairshop.changes \
     WHERE xid >= pg_snapshot_xmin($1::pg_snapshot) AND id > $3 \
     AND NOT pg_visible_in_snapshot(xid, $1::pg_snapshot) \
     AND pg_visible_in_snapshot(xid, $2::pg_snapshot) \
     ORDER BY id LIMIT 10000";

const CHANNEL: &str = "repairshop";
/// How often a listener says that it is still there.
const MINUTE: Duration = Duration::from_mins(1);
/// How long a connection may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait between attempts, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

pub(super) struct Source {
    db: Pool,
    direct: Direct,
    woken: Notify,
}

/// How far a listener has read.
struct Place {
    name: String,
    /// The transactions that were over then.
    seen: String,
}

/// Why a listener has to begin again.
enum Lost {
    Connection(sqlx::Error),
    Statement(DbErr),
    /// There were changes, or time has passed, and nobody woke us.
    Silence,
}

impl From<sqlx::Error> for Lost {
    fn from(error: sqlx::Error) -> Self {
        Self::Connection(error)
    }
}

impl From<DbErr> for Lost {
    fn from(error: DbErr) -> Self {
        Self::Statement(error)
    }
}

impl Source {
    pub(super) fn new(database: &Database) -> Self {
        if matches!(database.direct(), Direct::Unknown) {
            tracing::warn!(
                "DATABASE_URL leads through a pooler, and DATABASE_DIRECT_URL does not say past it: \
                 subscriptions are told up to a minute late of what other programs change"
            );
        }
        Self {
            db: database.write.clone(),
            direct: database.direct().clone(),
            woken: Notify::new(),
        }
    }

    /// Says that this process has changed something.
    pub(super) fn written(&self) {
        self.woken.notify_one();
    }

    /// Publishes changes until nobody listens any more, and tidies up.
    pub(super) async fn listen(&self, live: &Live, ready: &watch::Sender<Reading>) {
        let mut place = None;
        let mut pause = PAUSE.0;
        loop {
            let began = Instant::now();
            match self.attend(&mut place, live, ready).await {
                Ok(()) => break,
                Err(lost) if lost.is_for_good() => {
                    ready.send_replace(Reading::Impossible);
                }
                Err(lost) => {
                    if began.elapsed() > PAUSE.1 {
                        pause = PAUSE.0;
                    }
                    lost.log(pause == PAUSE.0);
                    live.reads(false);
                }
            }
            tokio::select! { () = sleep(pause) => {}, () = live.0.queue.deserted() => {} }
            if live.is_deserted(ready) {
                break;
            }
            pause = PAUSE.1.min(pause * 2);
        }
        if let Some(place) = place {
            // Where it fails, others do it once the time is up.
            if let Err(error) = self.leave(&place).await {
                tracing::debug!(%error, "a listener could not be signed off");
            }
        }
    }

    /// Publishes changes as long as the connection holds.
    async fn attend(
        &self,
        place: &mut Option<Place>,
        live: &Live,
        ready: &watch::Sender<Reading>,
    ) -> Result<(), Lost> {
        let Some(options) = self.listener() else {
            self.woken.notify_one();
            return self.read(&self.woken, false, place, live, ready).await;
        };
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(PATIENCE)
            // Without the pool's own maintenance, which may never end (sqlx 0.9.0).
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(options);
        let woken = Notify::new();
        let outcome = tokio::select! {
            lost = wake(&pool, &woken) => Err(lost.into()),
            outcome = self.read(&woken, true, place, live, ready) => outcome,
        };
        let _ = timeout(PATIENCE, pool.close()).await;
        outcome
    }

    /// How to connect to where LISTEN works; none where nobody knows.
    fn listener(&self) -> Option<PgConnectOptions> {
        let options = match &self.direct {
            Direct::Pool => (*self.db.connect_options()?).clone(),
            Direct::At(options) => (**options).clone(),
            Direct::Unknown => return None,
        };
        Some(options.application_name("repairshop listener"))
    }

    /// Publishes what is new whenever it is woken, and once a minute in any case; `listens` says
    /// whether all that is new wakes it.
    async fn read(
        &self,
        woken: &Notify,
        listens: bool,
        place: &mut Option<Place>,
        live: &Live,
        ready: &watch::Sender<Reading>,
    ) -> Result<(), Lost> {
        // The connection listens from now on, if there is one.
        woken.notified().await;
        if let Some(before) = place
            && !self.stay(before).await?
        {
            *place = None;
            // First, so that who comes after the gap waits for what comes next.
            ready.send_replace(Reading::NotYet);
            live.publish_gap().await;
        }
        let place = match place {
            Some(place) => place,
            None => place.insert(self.begin().await?),
        };
        ready.send_replace(Reading::Yes);
        live.reads(true);
        let mut alarm = Instant::now() + MINUTE;
        let mut heard = true;
        self.publish(place, live).await?;
        loop {
            tokio::select! {
                () = woken.notified() => {
                    heard = true;
                    self.publish(place, live).await?;
                }
                () = sleep_until(alarm) => {
                    let news = self.publish(place, live).await?;
                    if !self.stay(place).await? || (listens && news && !heard) {
                        return Err(Lost::Silence);
                    }
                    alarm = Instant::now() + MINUTE;
                    heard = false;
                }
                () = live.0.queue.deserted() => {
                    if live.is_deserted(ready) {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// The snapshot is older than the row that makes triggers note changes: what they note is new.
    async fn begin(&self) -> Result<Place, DbErr> {
        let row = self.one(ATTEND).await?;
        Ok(Place {
            name: row.try_get_by_index(0)?,
            seen: row.try_get_by_index(1)?,
        })
    }

    /// Says that we are still there, and forgets what everybody has seen. False where we were not
    /// there in time, and changes may not have been noted.
    async fn stay(&self, place: &Place) -> Result<bool, DbErr> {
        let values = [place.name.as_str().into(), place.seen.as_str().into()];
        let stayed = self.db.execute_raw(statement(STAY, values)).await?;
        self.forget(None).await?;
        Ok(stayed.rows_affected() > 0)
    }

    async fn leave(&self, place: &Place) -> Result<(), DbErr> {
        self.forget(Some(&place.name)).await
    }

    async fn forget(&self, name: Option<&str>) -> Result<(), DbErr> {
        self.db.execute_raw(statement(LEAVE, [name.into()])).await?;
        self.db.execute_raw(statement(FORGET, [])).await?;
        Ok(())
    }

    async fn one(&self, sql: &str) -> Result<QueryResult, DbErr> {
        let row = self.db.query_one_raw(statement(sql, [])).await?;
        row.ok_or_else(|| DbErr::RecordNotFound(sql.to_owned()))
    }

    /// Publishes what was committed since; whether there was anything.
    async fn publish(&self, place: &mut Place, live: &Live) -> Result<bool, DbErr> {
        let now: String = self.one(NOW).await?.try_get_by_index(0)?;
        let mut last = 0_i64;
        loop {
            let values = [place.seen.as_str().into(), now.as_str().into(), last.into()];
            let rows = self.db.query_all_raw(statement(NEW, values)).await?;
            let Some(row) = rows.last() else {
                break;
            };
            last = row.try_get_by_index(0)?;
            let mut noted = Vec::with_capacity(rows.len());
            for row in &rows {
                noted.extend(Noted::read(row)?);
            }
            live.publish(&noted).await;
        }
        place.seen = now;
        Ok(last > 0)
    }
}

impl Lost {
    /// Whether there are no tables to note changes in: PostgreSQL's `undefined_table`. They are looked
    /// for again when the next one subscribes.
    fn is_for_good(&self) -> bool {
        let Self::Statement(error) = self else {
            return false;
        };
        let error = sqlx_error(error).and_then(sqlx::Error::as_database_error);
        error.is_some_and(|error| error.code().as_deref() == Some("42P01"))
    }

    /// The first of several in a row is a line of the log.
    fn log(&self, is_first: bool) {
        let cause: &dyn std::fmt::Display = match self {
            Self::Connection(error) => error,
            Self::Statement(error) => error,
            Self::Silence => &"it said nothing of changes that there were",
        };
        if is_first {
            tracing::warn!(%cause, "the connection that tells of changes was lost; trying again");
        } else {
            tracing::debug!(%cause, "there is no connection that tells of changes; trying again");
        }
    }
}

/// Wakes whenever there may be something new, at first once the connection listens; until the
/// connection is lost.
async fn wake(pool: &sqlx::PgPool, woken: &Notify) -> sqlx::Error {
    let listen = async {
        let mut listener = PgListener::connect_with(pool).await?;
        listener.ignore_pool_close_event(true);
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        woken.notify_one();
        while listener.try_recv().await?.is_some() {
            woken.notify_one();
        }
        Err(sqlx::Error::Io(std::io::ErrorKind::UnexpectedEof.into()))
    };
    let lost: Result<(), sqlx::Error> = listen.await;
    lost.err().unwrap_or(sqlx::Error::WorkerCrashed)
}

fn statement<const N: usize>(sql: &str, values: [Value; N]) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
}
