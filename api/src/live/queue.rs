//! The one queue of a process, and where each subscriber is in it.
//!
//! What changes faster than it can be told waits for the slowest subscriber, but not for long: who
//! is a whole queue behind after that is cut off, and told so. So one that does not read costs
//! neither memory nor, more than once, time.

use std::{
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_graphql::futures_util::{Stream, stream};
use tokio::{
    sync::broadcast::{Receiver, Sender, error::RecvError},
    time::{Instant, sleep},
};

use super::{
    change::{Change, Changes, Table},
    lock,
};
use crate::{Error, Result};

/// How much a subscriber may be behind. A power of two: the channel would make it one.
const LENGTH: u64 = 256;
/// How long a subscriber is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a subscriber is told.
#[derive(Clone)]
pub(super) enum News {
    Changes(Arc<Changes>),
    /// There may be changes that nobody knows of.
    Gap(Error),
}

pub(super) struct Queue {
    channel: Sender<News>,
    readers: Mutex<Readers>,
}

#[derive(Default)]
struct Readers {
    /// How much was sent since the beginning.
    sent: u64,
    /// How much of it each subscriber has read.
    read: Vec<Weak<AtomicU64>>,
}

impl Queue {
    pub(super) fn new() -> Self {
        let length = usize::try_from(LENGTH).unwrap_or(usize::MAX);
        Self {
            channel: Sender::new(length),
            readers: Mutex::default(),
        }
    }

    pub(super) fn subscribe(&self) -> Subscriber {
        let mut readers = lock(&self.readers);
        if readers.read.len() > 2 * self.channel.receiver_count() {
            readers.read.retain(|read| read.strong_count() > 0);
        }
        let read = Arc::new(AtomicU64::new(readers.sent));
        readers.read.push(Arc::downgrade(&read));
        Subscriber {
            receiver: self.channel.subscribe(),
            read,
            current: None,
        }
    }

    pub(super) fn is_deserted(&self) -> bool {
        self.channel.receiver_count() == 0
    }

    /// Waits until nobody listens.
    pub(super) async fn deserted(&self) {
        self.channel.closed().await;
    }

    /// Tells everybody, as soon as there is room.
    pub(super) async fn send(&self, news: News) {
        let start = Instant::now();
        while self.is_full() && start.elapsed() < PATIENCE {
            sleep(Duration::from_millis(2)).await;
        }
        let mut readers = lock(&self.readers);
        // It fails where nobody is left to tell.
        if self.channel.send(news).is_ok() {
            readers.sent += 1;
        }
    }

    /// Whether somebody would lose what is oldest. Who has lost something already does not count.
    fn is_full(&self) -> bool {
        if (self.channel.len() as u64) < LENGTH {
            return false;
        }
        let readers = lock(&self.readers);
        let mut read = readers.read.iter().filter_map(Weak::upgrade);
        read.any(|read| readers.sent - read.load(Ordering::Relaxed) == LENGTH)
    }
}

/// Where a subscriber is in the queue.
pub(super) struct Subscriber {
    receiver: Receiver<News>,
    read: Arc<AtomicU64>,
    /// What was read last, and how much of it is done.
    current: Option<(Arc<Changes>, usize)>,
}

impl Subscriber {
    /// The changes to a table. The last may be an error, which says why it is the last.
    pub(super) fn changes(self, table: Table) -> impl Stream<Item = Result<Change>> {
        stream::unfold(Some(self), move |subscriber| async move {
            let mut subscriber = subscriber?;
            match subscriber.next(table).await? {
                Ok(change) => Some((Ok(change), Some(subscriber))),
                Err(error) => Some((Err(error), None)),
            }
        })
    }

    async fn next(&mut self, table: Table) -> Option<Result<Change>> {
        loop {
            if let Some((changes, done)) = &mut self.current {
                if let Some((change, place)) = Change::of(changes, table, *done) {
                    *done = place + 1;
                    return Some(Ok(change));
                }
                self.current = None;
            }
            let news = self.receiver.recv().await;
            self.read.fetch_add(1, Ordering::Relaxed);
            match news {
                Ok(News::Changes(changes)) => self.current = Some((changes, 0)),
                Ok(News::Gap(error)) => return Some(Err(error)),
                Err(RecvError::Lagged(_)) => {
                    return Some(Err(Error::unavailable(
                        "Expected events to be read as they come, found too many waiting: subscribe again, and fetch what is shown.",
                    )));
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }
}
