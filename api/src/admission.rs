//! Who may begin, and when: a few requests run at a time, a bounded number waits for its turn, and
//! each caller has so much to spend a minute. Knows no transport, and not what a request does.
//!
//! More at a time than the database can serve only wait there, where nobody counts them; and who would
//! wait for long is refused at once, which costs little: so that a server that is asked for more than it
//! can do goes on doing what it can.

mod bodies;
mod budget;
mod queue;

pub(crate) use self::bodies::Room;
pub use self::budget::RateLimit;
pub(crate) use self::queue::Turn;
use self::{budget::Budgets, queue::Queue};
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::{Result, database::Database, settings::Settings, viewer::Caller};

pub(crate) struct Admission {
    /// Apart, for a lock that writes wait for does not keep reads waiting.
    reads: Queue,
    writes: Queue,
    budgets: Budgets,
    /// The bytes that there is room for in long bodies.
    bodies: Arc<Semaphore>,
}

impl Admission {
    pub(crate) fn new(database: &Database, settings: &Settings) -> Self {
        let (reads, writes) = database.at_a_time();
        let limits = &settings.limits;
        // One is as long as it may be in any case.
        let room = |bytes: usize| bytes.max(limits.message);
        let own = room(limits.bodies / bodies::OWN);
        Self {
            reads: Queue::new(reads, settings.max_waiting),
            writes: Queue::new(writes, settings.max_waiting),
            budgets: Budgets::new(settings.rate_limit, database.share(), own),
            bodies: Arc::new(Semaphore::new(room(limits.bodies))),
        }
    }

    /// Takes what a request costs from what its caller may spend.
    ///
    /// # Errors
    /// `RATE_LIMITED` where that is spent; nothing is taken then.
    pub(crate) fn charge(&self, caller: &Caller, cost: u32) -> Result<()> {
        self.budgets.charge(caller, cost)
    }

    /// Waits until a request may run, which it may until the turn is dropped.
    ///
    /// # Errors
    /// `UNAVAILABLE` where too many wait already, or where the turn does not come; `RATE_LIMITED` where
    /// too many of the caller's own do.
    pub(crate) async fn turn(&self, caller: Option<&Caller>, writes: bool) -> Result<Turn> {
        let share = match caller.and_then(|caller| self.budgets.share(caller)) {
            Some(share) => Some(share.enter().await?),
            None => None,
        };
        let queue = if writes { &self.writes } else { &self.reads };
        queue.turn(share).await
    }

    /// Room for a long body, none of it taken.
    pub(crate) fn room(&self, caller: &Caller) -> Room {
        let own = self.budgets.share(caller);
        let own = own.map(|share| Arc::clone(&share.bodies));
        Room::of(Arc::clone(&self.bodies), own)
    }

    /// Looks before anything is read whether a request would be refused whatever it is.
    ///
    /// # Errors
    /// `UNAVAILABLE` where too many wait already.
    pub(crate) fn has_room(&self) -> Result<()> {
        self.reads.has_room()
    }
}
