//! Live changes: who listens, what has changed, and how that reaches the subscribers.
//!
//! A change is a table, an operation and a key. Those that became known together travel together,
//! through one bounded [`queue`] for all subscribers of the process; the rows behind them are read
//! once for everybody, when the first one asks ([`change`]). Each subscriber makes an [`event`] of
//! what it wants to hear of.
//!
//! Changes come from where the database notes them while somebody listens, as a part of the
//! transaction that makes them: [`postgres`] reads what anybody has committed, [`sqlite`] what this
//! process has. Knows no transport, and of the features which tables can be watched.

mod change;
mod event;
mod postgres;
mod queue;
mod sqlite;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_graphql::{Context, futures_util::Stream};
use sea_orm::{ConnectionTrait, DbBackend};
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

use crate::{
    Error, Result,
    admission::{Admission, Turn},
    database::{Database, Pool},
    viewer::Caller,
};
pub(crate) use change::{Change, ChangeKind, Table};
use change::{Changes, Noted};
pub(crate) use event::Event;
use queue::{News, Queue};

/// How many changes travel together at most: the rows behind them are one statement.
const TOGETHER: usize = 100;
/// What an event costs that shows a ticket with its customer.
const ROW_ALONE: u32 = 3;
/// How long a subscription may take to begin.
const PATIENCE: Duration = Duration::from_secs(3);

/// The changes to the database, for who wants to know. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Live(Arc<Inner>);

struct Inner {
    /// Where the rows behind changes are read: it has what was committed.
    db: Pool,
    queue: Queue,
    source: Source,
    /// Whether changes are noted and read; none where there is no task that reads them.
    listening: Mutex<Option<watch::Receiver<Reading>>>,
    /// Since when somebody has wanted to know of changes, and nobody has read them.
    deaf: Mutex<Option<Instant>>,
}

/// Whether changes are noted and read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    NotYet,
    Yes,
    /// The database has nothing that would note them.
    Impossible,
}

/// Where changes come from.
enum Source {
    Postgres(postgres::Source),
    Sqlite(sqlite::Source),
}

impl Live {
    pub(crate) fn new(database: &Database) -> Self {
        let write = &database.write;
        let (db, source) = match write.get_database_backend() {
            DbBackend::Sqlite => {
                let source = sqlite::Source::new(write.clone());
                (&database.read, Source::Sqlite(source))
            }
            _ => (write, Source::Postgres(postgres::Source::new(database))),
        };
        Self(Arc::new(Inner {
            db: db.clone(),
            queue: Queue::new(),
            source,
            listening: Mutex::new(None),
            deaf: Mutex::new(None),
        }))
    }

    /// Whether somebody waits for changes who could not hear of any, for as long as a subscription may
    /// take to begin.
    pub(crate) fn is_missed(&self) -> bool {
        let deaf = *lock(&self.0.deaf);
        deaf.is_some_and(|since| since.elapsed() >= PATIENCE) && !self.0.queue.is_deserted()
    }

    /// Takes note of whether changes are read.
    fn reads(&self, reads: bool) {
        let mut deaf = lock(&self.0.deaf);
        if reads {
            *deaf = None;
        } else {
            deaf.get_or_insert_with(Instant::now);
        }
    }

    /// To be called after each write of this process.
    pub(crate) fn written(&self) {
        match &self.0.source {
            Source::Postgres(source) => source.written(),
            Source::Sqlite(source) => source.wake(),
        }
    }

    /// Waits until the database knows that nobody listens, where nobody does.
    pub(crate) async fn signed_off(&self) {
        let listening = lock(&self.0.listening).clone();
        if let Some(mut listening) = listening.filter(|_| self.0.queue.is_deserted()) {
            while listening.changed().await.is_ok() {}
        }
    }

    async fn changes(&self, table: Table) -> Result<impl Stream<Item = Result<Change>> + use<>> {
        // First of all: what reads changes may stop where there is nobody.
        let subscriber = self.0.queue.subscribe();
        let mut listening = self.listening();
        let reading = listening.wait_for(|it| *it != Reading::NotYet);
        match timeout(PATIENCE, reading).await.map(|it| it.map(|it| *it)) {
            Ok(Ok(Reading::Yes)) => Ok(subscriber.changes(table)),
            Ok(Ok(Reading::Impossible)) => Err(Error::unavailable(
                "Expected a database that notes what changes, found one without the triggers that do: \
                 `repairshop migrate up` adds them.",
            )),
            _ => Err(Error::unavailable(
                "The database does not tell of changes; try again in a moment.",
            )),
        }
    }

    /// Whether there is a task that reads changes; there is one afterwards.
    fn listening(&self) -> watch::Receiver<Reading> {
        let mut listening = lock(&self.0.listening);
        let listening = listening.get_or_insert_with(|| {
            let (ready, listening) = watch::channel(Reading::NotYet);
            tokio::spawn(self.clone().listen(ready));
            listening
        });
        listening.clone()
    }

    /// Reads changes as long as anybody wants to know.
    async fn listen(self, ready: watch::Sender<Reading>) {
        loop {
            self.reads(false);
            match &self.0.source {
                Source::Postgres(source) => source.listen(&self, &ready).await,
                Source::Sqlite(source) => source.listen(&self, &ready).await,
            }
            let mut listening = lock(&self.0.listening);
            if self.0.queue.is_deserted() {
                *listening = None;
                self.reads(true);
                return;
            }
        }
    }

    /// Whether the last subscriber has gone. Who comes from then on waits to be `ready` again.
    fn is_deserted(&self, ready: &watch::Sender<Reading>) -> bool {
        let _listening = lock(&self.0.listening);
        let deserted = self.0.queue.is_deserted();
        if deserted {
            ready.send_replace(Reading::NotYet);
        }
        deserted
    }

    async fn publish(&self, noted: &[Noted]) {
        for noted in noted.chunks(TOGETHER) {
            let changes = Changes::new(self.0.db.clone(), noted.to_vec());
            self.0.queue.send(News::Changes(Arc::new(changes))).await;
        }
    }

    /// Tells everybody that there may be changes which nobody knows of.
    async fn publish_gap(&self) {
        let error = Error::unavailable(
            "Expected to know every change, found a gap: subscribe again, and fetch what is shown.",
        );
        self.0.queue.send(News::Gap(error)).await;
    }
}

/// What a subscription's request carries to its resolver.
pub(crate) struct Subscription {
    pub(crate) live: Live,
    /// Whether it has begun: what fails before that is the request's fault, not an event's.
    pub(crate) begun: Arc<AtomicBool>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) caller: Option<Caller>,
    /// Of each event.
    pub(crate) cost: u32,
}

impl Subscription {
    /// Waits until an event's turn comes, and has the subscriber pay for it. What shows no more than
    /// the row itself, which is read once for everybody, needs no turn.
    ///
    /// # Errors
    /// `RATE_LIMITED`, or `UNAVAILABLE`.
    async fn admit(&self) -> Result<Option<Turn>> {
        if let Some(caller) = &self.caller {
            self.admission.charge(caller, self.cost)?;
        }
        if self.cost <= ROW_ALONE {
            return Ok(None);
        }
        let turn = self.admission.turn(self.caller.as_ref(), false).await?;
        Ok(Some(turn))
    }
}

/// The changes to a table from now on, for the resolver of a subscription. Ends with an error for
/// who does not keep up.
///
/// # Errors
/// `UNAVAILABLE` where the database does not tell of changes.
pub(crate) async fn changes(
    ctx: &Context<'_>,
    table: Table,
) -> Result<impl Stream<Item = Result<Change>> + use<>> {
    let subscription = ctx.data_unchecked::<Subscription>();
    let changes = subscription.live.changes(table).await?;
    subscription.begun.store(true, Ordering::Relaxed);
    Ok(changes)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
