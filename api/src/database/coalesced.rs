//! Reads that several requests want at the same moment: one statement for all of them.
//!
//! Either they want the same: after a change that everybody is told of, say. Or each wants rows by key
//! of its own, and one statement can read them all. Whoever comes first has a statement at once; who
//! comes while that is under way waits for the next one, together with the others, but not for long. So
//! nobody waits where there is little to do, and the more there is, the less it costs. Nothing is kept:
//! what is answered was read after it was asked for. Knows neither what the rows are nor who asks, which
//! no row may depend on.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    hash::{Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use async_graphql::futures_util::future::join_all;
use sea_orm::{DbErr, QueryResult, Statement};
use tokio::{runtime::Handle, select, sync::oneshot, time::timeout};

use super::Pool;

/// How many keys are read together at most: some hundreds of microseconds' work, which is waited for.
const KEYS: usize = 128;

/// How long a statement is waited for by those whom the next one is for: so one that hangs, or waits for
/// a lock, holds up nobody else.
const PATIENCE: Duration = Duration::from_millis(100);

/// What is read by key: of what, and which of the columns there, as sets of bits.
pub(crate) type Kind = (&'static str, [u32; 2]);

/// What is read, as far as it has to be the same.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Read {
    ByKey(Kind),
    Same(Same),
}

/// A statement, its values included.
#[derive(Clone, PartialEq)]
pub(super) struct Same(pub(super) Arc<Statement>);

impl Eq for Same {}
impl Hash for Same {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.sql.hash(state);
        if let Some(values) = &self.0.values {
            values.0.hash(state);
        }
    }
}

/// The statement for some keys.
pub(super) type ForKeys = Box<dyn Fn(&[i32]) -> Arc<Statement> + Send>;

/// What a statement has read, for all who wanted something of it.
pub(crate) type Rows = Arc<Vec<QueryResult>>;

/// The reads that are under way.
#[derive(Default)]
pub(super) struct Coalesced(Mutex<HashMap<Read, Line>>);

#[derive(Default)]
struct Line {
    under_way: usize,
    /// What is read as soon as one of those has ended.
    next: Option<Next>,
    /// Which one that is, or will be.
    number: u64,
}

struct Next {
    statement: ForKeys,
    keys: BTreeSet<i32>,
    waiting: Vec<oneshot::Sender<Result<Rows, DbErr>>>,
}

/// How somebody who asks is answered.
enum Place {
    /// By a statement of their own, which others wait for.
    First(UnderWay, ForKeys),
    /// By the next, which has this number.
    Next(u64, oneshot::Receiver<Result<Rows, DbErr>>),
    /// By one of their own: the next would be too long.
    Alone(ForKeys),
}

/// A read that is under way. The next begins when this is dropped, whatever the reason.
struct UnderWay {
    pool: Pool,
    read: Read,
    since: Instant,
}

/// What is wanted, and perhaps more rows by key. Who comes while `most` such statements are under way
/// waits for the next.
pub(super) async fn rows(
    pool: Pool,
    read: Read,
    most: usize,
    keys: &[i32],
    statement: ForKeys,
) -> Result<Rows, DbErr> {
    let (statement, _under_way) = match place(&pool, &read, most, keys, statement) {
        Place::First(under_way, statement) => (statement, Some(under_way)),
        Place::Alone(statement) => (statement, None),
        Place::Next(number, mut rows) => {
            let rows = if let Ok(rows) = timeout(PATIENCE, &mut rows).await {
                rows
            } else {
                if let Some(next) = pool.coalesced().begin(&read, number) {
                    tokio::spawn(next.run(UnderWay::new(pool, read)));
                }
                rows.await
            };
            let lost = |_| Err(DbErr::Custom("a statement for several was dropped".into()));
            return rows.unwrap_or_else(lost);
        }
    };
    pool.read(&statement(keys)).await.map(Arc::new)
}

fn place(pool: &Pool, read: &Read, most: usize, keys: &[i32], statement: ForKeys) -> Place {
    if keys.len() > KEYS {
        return Place::Alone(statement);
    }
    let mut lines = pool.coalesced().lines();
    let line = lines.entry(read.clone()).or_default();
    if line.under_way < most {
        line.under_way += 1;
        let under_way = UnderWay::new(pool.clone(), read.clone());
        return Place::First(under_way, statement);
    }
    if let Some(Next { keys: there, .. }) = &line.next
        && there.len() + keys.iter().filter(|key| !there.contains(key)).count() > KEYS
    {
        return Place::Alone(statement);
    }
    let next = line.next.get_or_insert_with(|| Next {
        statement,
        keys: BTreeSet::new(),
        waiting: Vec::new(),
    });
    let (sender, receiver) = oneshot::channel();
    next.keys.extend(keys);
    next.waiting.push(sender);
    Place::Next(line.number, receiver)
}

impl Coalesced {
    fn lines(&self) -> MutexGuard<'_, HashMap<Read, Line>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next of this number, if it waits yet, though what is under way has not ended.
    fn begin(&self, read: &Read, number: u64) -> Option<Next> {
        let mut lines = self.lines();
        let line = lines.get_mut(read).filter(|line| line.number == number)?;
        let next = line.take()?;
        line.under_way += 1;
        Some(next)
    }

    /// What is next where a statement has ended, which leaves it its place; not if that took so long that
    /// another has begun beside it.
    fn ended(&self, read: &Read, late: bool) -> Option<Next> {
        let mut lines = self.lines();
        let line = lines.get_mut(read)?;
        let next = if late && line.under_way > 1 {
            None
        } else {
            line.take()
        };
        if next.is_none() {
            line.under_way -= 1;
            if line.under_way == 0 {
                lines.remove(read);
            }
        }
        next
    }
}

impl Line {
    fn take(&mut self) -> Option<Next> {
        let next = self.next.take()?;
        self.number += 1;
        Some(next)
    }
}

impl UnderWay {
    fn new(pool: Pool, read: Read) -> Self {
        let since = Instant::now();
        Self { pool, read, since }
    }
}

impl Next {
    /// In a task of its own, for of those who wait each may go away; it ends when all have.
    async fn run(mut self, under_way: UnderWay) {
        let keys: Vec<i32> = self.keys.into_iter().collect();
        let statement = (self.statement)(&keys);
        let gone = join_all(self.waiting.iter_mut().map(oneshot::Sender::closed));
        let rows = select! {
            biased;
            _ = gone => return,
            rows = under_way.pool.read(&statement) => rows.map(Arc::new),
        };
        for waiting in self.waiting {
            // Who has gone away does not want them.
            let _ = waiting.send(rows.clone());
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let late = self.since.elapsed() > PATIENCE;
        let next = self.pool.coalesced().ended(&self.read, late);
        // There is no runtime where the program ends, and nobody waits any more.
        if let (Some(next), Ok(runtime)) = (next, Handle::try_current()) {
            let under_way = Self::new(self.pool.clone(), self.read.clone());
            runtime.spawn(next.run(under_way));
        }
    }
}

impl fmt::Debug for Coalesced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coalesced").finish_non_exhaustive()
    }
}
