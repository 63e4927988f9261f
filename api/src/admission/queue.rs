//! Turns: a few at a time, the others in the order in which they came.
//!
//! How many may wait depends on how long they do, as RFC 8289 has it for packets: while turns come soon, as
//! many as come at once; after one that has waited long, only so many that the next ones do not.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::{Result, error::Error};

/// How many may wait in any case while turns come late: a few people, however slow it is.
const WAITING: usize = 64;
/// A turn that comes later than this comes late. So long the queue is when more comes in than goes
/// out, and so long it takes to be as before, once that is over.
const LATE: Duration = Duration::from_millis(200);
/// Who has not had a turn by then gets none: as long as a connection is waited for.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often it is logged that requests are refused, in seconds.
const TOLD: u64 = 10;

pub(super) struct Queue {
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// Whether the last turn came late.
    late: AtomicBool,
    /// How many may wait, and how many while turns come late.
    most: usize,
    most_while_late: usize,
    refusals: Refusals,
}

/// A request's turn; the next one's when dropped.
pub(crate) struct Turn(
    #[expect(dead_code, reason = "for its drop")] OwnedSemaphorePermit,
    Option<Own>,
);

impl Turn {
    /// What its caller's statements run by, all together; none where callers are not told apart.
    pub(crate) fn statements(&self) -> Option<&Arc<Semaphore>> {
        self.1.as_ref().map(|own| &own.statements)
    }
}

/// What one caller may have running and waiting, so that there is a turn for others.
pub(super) struct Share {
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
    /// A request may have several under way, each of which takes a connection.
    statements: Arc<Semaphore>,
    /// Bytes of long bodies.
    pub(super) bodies: Arc<Semaphore>,
}

/// A caller's own turn, and its place.
pub(super) struct Own {
    _turn: OwnedSemaphorePermit,
    _place: OwnedSemaphorePermit,
    statements: Arc<Semaphore>,
}

impl Share {
    /// Of so many turns, and of bytes for bodies.
    pub(super) fn of(turns: usize, bodies: usize) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(turns)),
            places: Arc::new(Semaphore::new(turns + WAITING)),
            statements: Arc::new(Semaphore::new(turns)),
            bodies: Arc::new(Semaphore::new(bodies)),
        }
    }

    pub(super) async fn enter(&self) -> Result<Own> {
        let refused = || Error::crowded(WAITING);
        let place = (Arc::clone(&self.places).try_acquire_owned()).map_err(|_| refused())?;
        let turn = timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await;
        match turn {
            Ok(Ok(turn)) => Ok(Own {
                _turn: turn,
                _place: place,
                statements: Arc::clone(&self.statements),
            }),
            _ => Err(refused()),
        }
    }
}

impl Queue {
    pub(super) fn new(running: usize, most: usize) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(running)),
            waiting: AtomicUsize::new(0),
            late: AtomicBool::new(false),
            most,
            most_while_late: most.min(WAITING.max(running)),
            refusals: Refusals::default(),
        }
    }

    pub(super) fn has_room(&self) -> Result<()> {
        let late = self.late.load(Ordering::Relaxed);
        let most = if late {
            self.most_while_late
        } else {
            self.most
        };
        // Nobody waits where there is a turn to be had.
        if self.waiting.load(Ordering::Relaxed) < most || self.turns.available_permits() > 0 {
            Ok(())
        } else {
            self.refusals.another();
            Err(Error::too_busy())
        }
    }

    pub(super) async fn turn(&self, own: Option<Own>) -> Result<Turn> {
        if let Ok(turn) = Arc::clone(&self.turns).try_acquire_owned() {
            self.came(false);
            return Ok(Turn(turn, own));
        }
        self.has_room()?;
        let _place = Place::taken(&self.waiting);
        let begin = Instant::now();
        let turn = timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await;
        self.came(begin.elapsed() > LATE);
        if let Ok(Ok(turn)) = turn {
            Ok(Turn(turn, own))
        } else {
            self.refusals.another();
            Err(Error::too_busy())
        }
    }

    fn came(&self, late: bool) {
        // Looked at first, for a write is not cheap where several processors want it.
        if self.late.load(Ordering::Relaxed) != late {
            self.late.store(late, Ordering::Relaxed);
        }
    }
}

/// A place among those that wait.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn taken(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Those who were refused, for the log: a line for each would cost more than the refusal.
struct Refusals {
    since: Instant,
    count: AtomicU64,
    /// Seconds after `since` at which the log was last told.
    told: AtomicU64,
}

impl Default for Refusals {
    fn default() -> Self {
        Self {
            since: Instant::now(),
            count: AtomicU64::new(0),
            told: AtomicU64::new(0),
        }
    }
}

impl Refusals {
    fn another(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
        let now = self.since.elapsed().as_secs() + TOLD;
        let told = self.told.load(Ordering::Relaxed);
        if now - told >= TOLD
            && (self.told)
                .compare_exchange(told, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        {
            let requests = self.count.swap(0, Ordering::Relaxed);
            tracing::warn!(requests, "refused: more than the server can do");
        }
    }
}
