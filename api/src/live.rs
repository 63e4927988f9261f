//! Live changes: who listens, what has changed, and how that reaches the subscribers.
//!
//! A change is a table, an operation and a key. Those that belong together make one
//! [`Changes`], which every subscriber gets from one bounded queue; the rows behind
//! it are read once for all of them, when the first one asks. A subscriber that falls a whole queue
//! behind is told so and cut off: nobody can make the server keep more than the queue.
//!
//! Where changes come from: `sqlite` sees what this process commits. Knows no transport, and of the
//! features no more than which tables can be watched.

mod change;
mod event;
mod root;
mod sqlite;

use std::{
    fmt::Display,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_graphql::{
    Context,
    futures_util::{Stream, stream},
};
use sea_orm::{DatabaseConnection, DbBackend};
use tokio::sync::broadcast::{Receiver, Sender, error::RecvError};

use crate::{Error, Result, database::Database};

pub(crate) use change::{Change, ChangeKind, Table};
use change::{Changes, Recorded};
pub(crate) use event::Event;
pub(crate) use root::unfold;

/// How many [`Changes`] a subscriber may be behind.
const QUEUE: usize = 256;
/// How many changes belong together at most.
const TOGETHER: usize = 100;

/// The changes to the database, for who wants to know. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Live(Arc<Inner>);

struct Inner {
    /// Where the rows behind changes are read: it has what was committed.
    db: DatabaseConnection,
    subscribers: Sender<News>,
    source: Source,
}

/// What a subscriber is told.
#[derive(Clone)]
enum News {
    Changes(Arc<Changes>),
    /// There may be changes that nobody knows of.
    Lost(Error),
}

/// Where changes come from.
enum Source {
    Sqlite(sqlite::Outbox),
    // TODO PostgreSQL
    Postgres,
}

impl Live {
    pub(crate) fn new(database: &Database) -> Self {
        let (db, source) = match database.write.get_database_backend() {
            DbBackend::Sqlite => {
                let outbox = sqlite::Outbox::new(database.write.clone());
                (&database.read, Source::Sqlite(outbox))
            }
            _ => (&database.write, Source::Postgres),
        };
        Self(Arc::new(Inner {
            db: db.clone(),
            subscribers: Sender::new(QUEUE),
            source,
        }))
    }

    async fn changes(&self, table: Table) -> Result<impl Stream<Item = Result<Change>> + use<>> {
        // Before the source is asked, which may stop where there is nobody.
        let receiver = self.0.subscribers.subscribe();
        match &self.0.source {
            Source::Sqlite(outbox) => outbox.open().await?,
            Source::Postgres => {}
        }
        Ok(Subscriber::changes(receiver, table))
    }

    /// To be called after each write of this process.
    pub(crate) async fn written(&self) {
        if let Source::Sqlite(outbox) = &self.0.source {
            let anybody = || self.0.subscribers.receiver_count() > 0;
            let outcome = outbox.empty(anybody, |it| self.publish(&it)).await;
            if let Err(cause) = outcome {
                self.lost(cause);
            }
        }
    }

    /// Tells everybody that there may be changes which they will not be told.
    fn lost(&self, cause: impl Display) {
        let error = Error::internal(cause);
        let _ = self.0.subscribers.send(News::Lost(error));
    }

    fn publish(&self, recorded: &[Recorded]) {
        for recorded in recorded.chunks(TOGETHER) {
            let changes = Changes::new(self.0.db.clone(), recorded.to_vec());
            // It fails where nobody is left to tell.
            let _ = self.0.subscribers.send(News::Changes(Arc::new(changes)));
        }
    }
}

/// What a subscription's request carries to its resolver.
pub(crate) struct Subscription {
    pub(crate) live: Live,
    /// Whether it has begun: what fails before that is the request's fault, not an event's.
    pub(crate) begun: Arc<AtomicBool>,
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

/// Where a subscriber is in the queue.
struct Subscriber {
    table: Table,
    receiver: Receiver<News>,
    /// What was taken from the queue last, and how much of it is done.
    current: Option<(Arc<Changes>, usize)>,
}

impl Subscriber {
    fn changes(
        receiver: Receiver<News>,
        table: Table,
    ) -> impl Stream<Item = Result<Change>> + Send {
        let start = Self {
            table,
            receiver,
            current: None,
        };
        stream::unfold(Some(start), async |subscriber| {
            let mut subscriber = subscriber?;
            match subscriber.next().await? {
                Ok(change) => Some((Ok(change), Some(subscriber))),
                Err(error) => Some((Err(error), None)),
            }
        })
    }

    async fn next(&mut self) -> Option<Result<Change>> {
        loop {
            if let Some((changes, done)) = &mut self.current {
                let change = Change::of(changes, self.table, *done);
                if let Some((change, place)) = change {
                    *done = place + 1;
                    return Some(Ok(change));
                }
                self.current = None;
            }
            match self.receiver.recv().await {
                Ok(News::Changes(changes)) => self.current = Some((changes, 0)),
                Ok(News::Lost(error)) => return Some(Err(error)),
                Err(RecvError::Lagged(_)) => return Some(Err(too_slow())),
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

fn too_slow() -> Error {
    Error::unavailable(
        "Expected events to be read as fast as they come, found too many waiting: subscribe again, and fetch what is shown.",
    )
}
