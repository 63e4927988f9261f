//! Connections that are lost: how to tell, what that means for the statement that met it, and that
//! the log has one line for an outage, not one for each request.

use std::{
    io::ErrorKind,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use sea_orm::{
    DbErr, RuntimeErr,
    sqlx::{self, Connection, PgConnection, postgres::PgDatabaseError},
};
use tokio::{sync::Mutex, time::timeout};

use super::sqlx_error;

/// How long a connection may be idle and still be trusted without a round trip.
const TRUSTED: Duration = Duration::from_secs(30);
/// How long an idle connection has to answer, where it may be dead.
const PING: Duration = Duration::from_secs(1);
/// How often an outage is told of at most.
const PAUSE: u64 = 10_000;

/// What the loss of a connection means for the statement that met it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// There was no connection to send it on.
    Unsent,
    /// PostgreSQL said that it ends the session. It says so of a transaction that it has not
    /// committed alone: where it may have, it closes the connection without a word, lest the client
    /// think that it was undone (`SyncRepWaitForLSN` and `ProcessClientWriteInterrupt` in its
    /// sources say why).
    Ended,
    /// The connection was cut while the statement was under way: nobody knows.
    Cut,
    /// It stood in another's way, and was undone: on a replica, in that of what came from the
    /// primary.
    Conflict,
    /// It was prepared for a table that has been altered since. It was not run.
    Outdated,
}

impl Loss {
    pub(super) fn of(error: &DbErr) -> Option<Self> {
        match error {
            DbErr::Conn(RuntimeErr::SqlxError(error)) => is_passing(error).then_some(Self::Unsent),
            DbErr::Exec(RuntimeErr::SqlxError(error))
            | DbErr::Query(RuntimeErr::SqlxError(error)) => Self::of_statement(error),
            _ => None,
        }
    }

    fn of_statement(error: &sqlx::Error) -> Option<Self> {
        let error = match error {
            sqlx::Error::Io(_) | sqlx::Error::Protocol(_) => return Some(Self::Cut),
            sqlx::Error::Database(error) => error.try_downcast_ref::<PgDatabaseError>()?,
            _ => return None,
        };
        // A pooler does not say where in PostgreSQL's sources that was.
        let routine = error.routine();
        match error.code() {
            "57P01" | "57P02" | "57P03" | "57P04" | "57P05" if routine.is_some() => {
                Some(Self::Ended)
            }
            "0A000" if routine == Some("RevalidateCachedQuery") => Some(Self::Outdated),
            // Whatever the language of the message: `serialization_failure`, `deadlock_detected`.
            "40001" | "40P01" => Some(Self::Conflict),
            code => ["57P", "08"]
                .iter()
                .any(|class| code.starts_with(class))
                .then_some(Self::Cut),
        }
    }

    /// Whether the statement has certainly changed nothing.
    pub(super) fn is_without_effect(self) -> bool {
        !matches!(self, Self::Cut)
    }

    /// Whether the statement itself cannot have been the cause.
    pub(super) fn is_innocent(self) -> bool {
        matches!(self, Self::Unsent | Self::Ended)
    }
}

/// Whether a connection fell silent.
pub(super) fn is_silence(error: &DbErr) -> bool {
    matches!(sqlx_error(error), Some(sqlx::Error::Io(error)) if error.kind() == ErrorKind::TimedOut)
}

/// Whether there may be a connection in a moment: nobody answers, or the server starts or stops.
/// A certificate that is refused is no answer either.
pub(super) fn is_passing(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => error.kind() != ErrorKind::InvalidData,
        sqlx::Error::Protocol(_) => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            let classes = ["57P", "08", "53300"];
            classes.iter().any(|class| code.starts_with(class))
        }),
        _ => false,
    }
}

/// What a pool does with a connection before it hands it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    Use,
    /// It may be dead.
    Ping,
    /// What is prepared on it is outdated.
    Close,
}

/// What is known of the losses of a pool's connections.
#[derive(Debug)]
pub(super) struct Outage {
    what: &'static str,
    made: Instant,
    /// Milliseconds after `made`, and one: when a connection was last lost; 0 for never.
    lost: AtomicU64,
    /// Likewise, when what is prepared on all connections was outdated.
    outdated: AtomicU64,
    /// Likewise, when it began; 0 where there is none.
    since: AtomicU64,
    /// Likewise, when the log was last told of one.
    told: AtomicU64,
    /// Whether it was told of this one.
    is_told: AtomicBool,
    /// Held by who looks whether the server is there.
    looking: Mutex<()>,
}

impl Outage {
    pub(super) fn new(what: &'static str) -> Self {
        Self {
            what,
            made: Instant::now(),
            lost: AtomicU64::new(0),
            outdated: AtomicU64::new(0),
            since: AtomicU64::new(0),
            told: AtomicU64::new(0),
            is_told: AtomicBool::new(false),
            looking: Mutex::new(()),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.made.elapsed().as_millis()).unwrap_or(u64::MAX - 1) + 1
    }

    /// A connection was found dead: those that were idle then may be, too.
    pub(super) fn suspect(&self) {
        self.lost.store(self.now(), Ordering::Relaxed);
    }

    /// What is prepared on the connections is outdated.
    pub(super) fn outdate(&self) {
        self.outdated.store(self.now(), Ordering::Relaxed);
    }

    /// A connection was lost, or could not be made.
    pub(super) fn lost(&self, cause: &dyn std::fmt::Display) {
        self.suspect();
        let now = self.now();
        let begun = (self.since).compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
        if begun.is_err() {
            return;
        }
        let told = self.told.load(Ordering::Relaxed);
        let what = self.what;
        if told == 0 || now.saturating_sub(told) > PAUSE {
            self.told.store(now, Ordering::Relaxed);
            self.is_told.store(true, Ordering::Relaxed);
            tracing::warn!(%cause, "connections to {what} were lost; requests wait for others");
        } else {
            tracing::debug!(%cause, "connections to {what} were lost again");
        }
    }

    /// A statement was answered.
    pub(super) fn answered(&self) {
        if self.is_on() {
            self.end();
        }
    }

    #[cold]
    fn end(&self) {
        let since = self.since.swap(0, Ordering::Relaxed);
        if since > 0 && self.is_told.swap(false, Ordering::Relaxed) {
            let ms = self.now().saturating_sub(since);
            tracing::info!("{} answers again, after {ms} ms", self.what);
        }
    }

    pub(super) fn is_on(&self) -> bool {
        self.since.load(Ordering::Relaxed) > 0
    }

    /// Whether the server does not answer, where `connect` tries; one at a time does.
    pub(super) async fn is_found(
        &self,
        connect: impl Future<Output = Result<(), sqlx::Error>>,
    ) -> bool {
        if !self.is_on()
            && let Ok(_looking) = self.looking.try_lock()
            && let Err(error) = connect.await
            && is_passing(&error)
        {
            self.lost(&error);
        }
        self.is_on()
    }

    /// Whether a connection of this age is alive and fit for use; asks it where that is not known.
    pub(super) async fn is_usable(
        &self,
        connection: &mut PgConnection,
        age: Duration,
        idle: Duration,
    ) -> bool {
        match self.trust(age, idle) {
            Trust::Use => true,
            Trust::Close => false,
            Trust::Ping => {
                // On the heap, for a statement's future holds it.
                let ping = Box::pin(connection.ping());
                let is_alive = matches!(timeout(PING, ping).await, Ok(Ok(())));
                if !is_alive {
                    self.suspect();
                }
                is_alive
            }
        }
    }

    fn trust(&self, age: Duration, idle: Duration) -> Trust {
        let before = |moment: &AtomicU64, ago: Duration| {
            let moment = moment.load(Ordering::Relaxed);
            let ago = u64::try_from(ago.as_millis()).unwrap_or(u64::MAX);
            moment > 0 && self.now().saturating_sub(ago) <= moment
        };
        if before(&self.outdated, age) {
            Trust::Close
        } else if idle >= TRUSTED || before(&self.lost, idle) {
            Trust::Ping
        } else {
            Trust::Use
        }
    }
}
