//! Rows by key that several requests want at the same moment: one statement reads them for all.
//!
//! Who is the first to ask for rows of a kind has a statement of their own, at once. Who asks while
//! that is under way waits for the next one, which is for all of them together. So nobody waits where
//! there is little to do, and the more there is, the less a row costs. Nothing is kept: each row is read
//! after it was asked for. Knows neither what the rows are nor who asks.

use std::{
    collections::HashMap,
    fmt, mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sea_orm::{ConnectionTrait, DbErr, QueryResult, sea_query::SelectStatement};
use tokio::{runtime::Handle, sync::oneshot};

use super::Pool;

/// How many keys are read together at most: some hundreds of microseconds' work, which is waited for.
const KEYS: usize = 128;

/// What is read of a key: from where, and which of the columns there, as sets of bits.
pub(crate) type Kind = (&'static str, [u32; 2]);

/// The statement for the rows with some keys, each of which has its own in the first column.
pub(crate) type Select = Box<dyn Fn(&[i32]) -> SelectStatement + Send>;

/// Rows by their keys: those that were asked for, as far as they exist, and those of others.
pub(crate) type Rows = Arc<HashMap<i32, QueryResult>>;

/// The kinds of which a statement is under way, each with what is read after that.
#[derive(Default)]
pub(super) struct Coalesced(Mutex<HashMap<Kind, Option<Next>>>);

/// What waits for a statement to end.
struct Next {
    select: Select,
    keys: Vec<i32>,
    waiting: Vec<oneshot::Sender<Result<Rows, DbErr>>>,
}

/// How somebody who asks is answered.
enum Place {
    /// By a statement of their own, which others wait for.
    First(UnderWay, Select),
    /// By the next.
    Next(oneshot::Receiver<Result<Rows, DbErr>>),
    /// By one of their own: the next would be too long.
    Alone(Select),
}

/// The statement of a kind that is under way. The next begins when this is dropped, whatever the
/// reason.
struct UnderWay {
    pool: Pool,
    kind: Kind,
}

/// The rows with these keys, and perhaps others.
pub(super) async fn rows(
    pool: &Pool,
    kind: Kind,
    keys: &[i32],
    select: Select,
) -> Result<Rows, DbErr> {
    let (select, _under_way) = match place(pool, kind, keys, select) {
        Place::First(under_way, select) => (select, Some(under_way)),
        Place::Alone(select) => (select, None),
        Place::Next(rows) => {
            let lost = |_| Err(DbErr::Custom("a statement for several was dropped".into()));
            return rows.await.unwrap_or_else(lost);
        }
    };
    read(pool, &select(keys)).await
}

fn place(pool: &Pool, kind: Kind, keys: &[i32], select: Select) -> Place {
    let mut kinds = pool.coalesced().kinds();
    let Some(next) = kinds.get_mut(&kind) else {
        kinds.insert(kind, None);
        let pool = pool.clone();
        return Place::First(UnderWay { pool, kind }, select);
    };
    let waiting = next.as_ref().map_or(0, |next| next.keys.len());
    if waiting + keys.len() > KEYS {
        return Place::Alone(select);
    }
    let next = next.get_or_insert_with(|| Next {
        select,
        keys: Vec::new(),
        waiting: Vec::new(),
    });
    let (sender, receiver) = oneshot::channel();
    next.keys.extend(keys);
    next.waiting.push(sender);
    Place::Next(receiver)
}

pub(super) async fn read(pool: &Pool, select: &SelectStatement) -> Result<Rows, DbErr> {
    let rows = pool.query_all(select).await?.into_iter();
    let rows = rows.map(|row| Ok((row.try_get_by_index(0)?, row)));
    Ok(Arc::new(rows.collect::<Result<_, DbErr>>()?))
}

impl Coalesced {
    fn kinds(&self) -> MutexGuard<'_, HashMap<Kind, Option<Next>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Next {
    /// In a task of its own: of those who wait, each may go away.
    async fn run(mut self, under_way: UnderWay) {
        self.keys.sort_unstable();
        self.keys.dedup();
        let rows = read(&under_way.pool, &(self.select)(&self.keys)).await;
        for waiting in self.waiting {
            // Who has gone away does not want them.
            let _ = waiting.send(rows.clone());
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let next = {
            let mut kinds = self.pool.coalesced().kinds();
            let next = kinds.get_mut(&self.kind).and_then(mem::take);
            if next.is_none() {
                kinds.remove(&self.kind);
            }
            next
        };
        // There is none where the program ends, and nobody waits any more.
        if let (Some(next), Ok(runtime)) = (next, Handle::try_current()) {
            let (pool, kind) = (self.pool.clone(), self.kind);
            runtime.spawn(next.run(Self { pool, kind }));
        }
    }
}

impl fmt::Debug for Coalesced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coalesced").finish_non_exhaustive()
    }
}
