//! A replica that answers the queries while it can.
//!
//! It is trusted with them once it has the tables as this program reads them, and again once it
//! answers after it did not; meanwhile the primary has them. What it lags behind is the caller's to
//! know.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use migration::tables::Severity;
use sea_orm::{ConnAcquireErr, DbErr};
use tokio::{sync::Notify, time::sleep};

use super::{
    kept::Kept,
    outage::{Loss, is_passing, is_silence},
    refusal::{one_line, reason, sqlx_error},
};

/// How often a replica that is away is looked for.
const PAUSE: Duration = Duration::from_secs(1);

/// Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Replica(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    db: Kept,
    serves: AtomicBool,
    left: Notify,
}

impl Replica {
    /// A replica that is looked for from now on, until its pool is closed.
    ///
    /// # Errors
    /// Where it is there and does not let us in, in SeaORM's words.
    pub(super) async fn attend(db: Kept) -> Result<Self, DbErr> {
        let replica = Self(Arc::new(Inner {
            db,
            serves: AtomicBool::new(false),
            left: Notify::new(),
        }));
        match replica.look().await {
            Ok(()) => replica.0.serves.store(true, Ordering::Relaxed),
            Err(Away::Refuses(error)) => return Err(error),
            Err(Away::For(why)) => {
                tracing::warn!(
                    "the replica cannot answer yet ({why}): the primary has its queries"
                );
            }
        }
        tokio::spawn(replica.clone().return_always());
        Ok(replica)
    }

    pub(super) fn serves(&self) -> bool {
        self.0.serves.load(Ordering::Relaxed)
    }

    pub(super) fn connections(&self) -> &Kept {
        &self.0.db
    }

    /// Whether what the replica said is to be left to the primary: always, where it is lost.
    pub(super) fn gives_up(&self, error: &DbErr) -> bool {
        match Loss::of(error) {
            Some(Loss::Conflict) => return true,
            Some(Loss::Outdated) => {
                self.0.db.outage().outdate();
                return true;
            }
            Some(_) => {
                self.0.db.outage().suspect();
                // It may have been the statement that takes long: others do, or find out.
                if is_silence(error) {
                    return true;
                }
            }
            None if matches!(
                error,
                DbErr::ConnectionAcquire(ConnAcquireErr::Timeout) | DbErr::Conn(_)
            ) => {}
            None => return false,
        }
        if self.0.serves.swap(false, Ordering::Relaxed) {
            let cause = one_line(error);
            tracing::warn!(%cause, "the replica does not answer: the primary has its queries");
            self.0.left.notify_one();
        }
        true
    }

    async fn return_always(self) {
        let pool = self.0.db.pool();
        while !pool.is_closed() {
            if self.serves() {
                tokio::select! {
                    () = self.0.left.notified() => {}
                    () = pool.close_event() => return,
                }
            }
            tokio::select! { () = sleep(PAUSE) => {}, () = pool.close_event() => return }
            if self.look().await.is_ok() {
                self.0.serves.store(true, Ordering::Relaxed);
                tracing::info!("the replica answers: it has the queries");
            }
        }
    }

    /// Whether it is there, with tables that this program can read.
    async fn look(&self) -> Result<(), Away> {
        let db = &self.0.db;
        let check = db.answered_in_time(migration::check(db.given_back()));
        let differences = check.await.map_err(|error| {
            let passing = sqlx_error(&error).is_none_or(is_passing);
            if passing {
                Away::For(reason(&error))
            } else {
                Away::Refuses(error)
            }
        })?;
        let unreadable = differences.iter().find(|it| it.severity == Severity::Fatal);
        match unreadable {
            None => Ok(()),
            Some(difference) => Err(Away::For(difference.to_string())),
        }
    }
}

/// Why a replica cannot have the queries.
enum Away {
    For(String),
    /// That does not pass by itself.
    Refuses(DbErr),
}
