//! What a request carries to its resolvers: one small struct, and the one way to get at it; and how
//! a request's batches are run.

use std::{
    future::{Future, poll_fn, ready},
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    task::Poll,
    time::Duration,
};

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
use sea_orm::DatabaseConnection;

/// A request's database and its loader. Made anew for each request, so that no row is shared
/// between two callers.
pub struct Shop {
    pub db: DatabaseConnection,
    pub loader: DataLoader<Loader>,
}

/// What loads rows for many parents at once: [`crate::row`] for records by key, [`crate::page`] for
/// lists below a parent.
pub struct Loader {
    pub db: DatabaseConnection,
}

/// Gives a request its [`Shop`], and runs the request together with the batches it asks for.
///
/// A batch runs as a part of the request and not in a task of its own: when nothing in the request
/// can go on any more, everybody who is going to ask has asked. That makes batches exact, whatever
/// the threads do, without waiting; and a request that is dropped takes its batches with it.
pub async fn with_shop<T, F>(db: DatabaseConnection, request: impl FnOnce(Shop) -> F) -> T
where
    F: Future<Output = T>,
{
    let asked = Batches::default();
    let shop = Shop {
        loader: DataLoader::new(Loader { db: db.clone() }, asked.clone(), NoDelay)
            .max_batch_size(usize::MAX),
        db,
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
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Spawn for Batches {
    fn spawn_obj(&self, batch: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        let mut batches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        batches.push(batch);
        Ok(())
    }
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
}

impl<'a> ContextExt<'a> for Context<'a> {
    fn shop(&self) -> &'a Shop {
        self.data_unchecked::<Shop>()
    }
}
