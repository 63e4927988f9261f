//! What a request carries to its resolvers: one small struct, and the one way to get at it; and how
//! a request's batches are run.

use std::{
    any::Any,
    collections::HashMap,
    future::{Future, poll_fn, ready},
    hash::{Hash, Hasher},
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use crate::{Result, database::Pool};
use async_graphql::{
    Context,
    dataloader::DataLoader,
    futures_util::{
        FutureExt, StreamExt,
        future::BoxFuture,
        stream::FuturesUnordered,
        task::{FutureObj, Spawn, SpawnError},
    },
    runtime::Timer,
};

/// A request's database and its loader. Made anew for each request: what one has read, no other is
/// shown later.
pub struct Shop {
    pub loader: DataLoader<Loader>,
    /// Whether the values of two fields of the document may have to be merged.
    pub merges: bool,
    /// How long the answer is, by and large, in bytes.
    written: AtomicUsize,
    /// What was made once for a field of the document, by the field's address.
    fields: Mutex<HashMap<usize, Arc<dyn Any + Send + Sync>>>,
}

impl Shop {
    pub fn db(&self) -> &Pool {
        &self.loader.loader().db
    }

    /// Takes note of so many more bytes of the answer, and returns how many there are.
    pub fn written(&self, bytes: usize) -> usize {
        self.written.fetch_add(bytes, Ordering::Relaxed) + bytes
    }
}

/// Shared by reference: two are equal if they are the same one.
pub struct Shared<T>(pub Arc<T>);

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}
impl<T> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
impl<T> Eq for Shared<T> {}
impl<T> Hash for Shared<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

/// What loads rows for many parents at once: [`crate::row`] for records by key, [`crate::page`] for
/// lists below a parent.
pub struct Loader {
    pub db: Pool,
}

/// Gives a request its [`Shop`], and runs the request together with the batches it asks for.
///
/// A batch runs as a part of the request and not in a task of its own: when nothing in the request
/// can go on any more, everybody who is going to ask has asked. That makes batches exact, whatever
/// the threads do, without waiting; and a request that is dropped takes its batches with it.
pub async fn with_shop<T, F>(db: Pool, merges: bool, request: impl FnOnce(Shop) -> F) -> T
where
    F: Future<Output = T>,
{
    let asked = Batches::default();
    let shop = Shop {
        loader: DataLoader::new(Loader { db }, asked.clone(), NoDelay).max_batch_size(usize::MAX),
        merges,
        written: AtomicUsize::new(0),
        fields: Mutex::default(),
    };
    let mut request = pin!(request(shop));
    let mut waiting = Vec::new();
    let mut running = FuturesUnordered::new();
    poll_fn(|cx| {
        loop {
            if let Poll::Ready(value) = request.as_mut().poll(cx) {
                return Poll::Ready(value);
            }
            let new = asked.take();
            if !new.is_empty() {
                // Once more, for who is ready and has not asked yet.
                waiting.extend(new);
                continue;
            }
            running.extend(waiting.drain(..));
            match running.poll_next_unpin(cx) {
                Poll::Ready(Some(())) => {}
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await
}

/// The batches that a request has asked for and that do not run yet.
#[derive(Clone, Default)]
struct Batches(Arc<Mutex<Vec<FutureObj<'static, ()>>>>);

impl Batches {
    fn take(&self) -> Vec<FutureObj<'static, ()>> {
        std::mem::take(&mut lock(&self.0))
    }
}

impl Spawn for Batches {
    fn spawn_obj(&self, batch: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        lock(&self.0).push(batch);
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A batch that runs is complete.
struct NoDelay;

impl Timer for NoDelay {
    fn delay(&self, _: Duration) -> BoxFuture<'static, ()> {
        ready(()).boxed()
    }
}

/// How resolvers reach the request's [`Shop`].
pub trait ContextExt<'a> {
    fn shop(&self) -> &'a Shop;

    /// What a field of the document needs once in a request, whatever the number of its parents.
    ///
    /// # Errors
    /// Those of `make`.
    fn once_per_field<T: Any + Send + Sync>(
        &self,
        make: impl FnOnce() -> Result<T>,
    ) -> Result<Shared<T>>;
}

impl<'a> ContextExt<'a> for Context<'a> {
    fn shop(&self) -> &'a Shop {
        self.data_unchecked::<Shop>()
    }

    fn once_per_field<T: Any + Send + Sync>(
        &self,
        make: impl FnOnce() -> Result<T>,
    ) -> Result<Shared<T>> {
        let mut fields = lock(&self.shop().fields);
        // Not its position: a lone carriage return does not move that on.
        let address = std::ptr::from_ref(&self.item.node).addr();
        if let Some(there) = fields.get(&address).cloned()
            && let Ok(there) = there.downcast()
        {
            return Ok(Shared(there));
        }
        let new = Arc::new(make()?);
        fields.insert(address, Arc::clone(&new) as Arc<dyn Any + Send + Sync>);
        Ok(Shared(new))
    }
}
