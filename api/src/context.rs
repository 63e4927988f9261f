//! What a request carries to its resolvers: one small struct, and the one way to get at it.

use async_graphql::{
    Context,
    dataloader::DataLoader,
    futures_util::FutureExt,
    futures_util::future::BoxFuture,
    runtime::{Timer, TokioSpawner},
};
use sea_orm::DatabaseConnection;
use std::time::Duration;

/// A request's database and its loader. Made anew for each request, so that no row is shared
/// between two callers.
pub struct Shop {
    pub db: DatabaseConnection,
    pub loader: DataLoader<Loader>,
}

/// What loads rows for many parents at once; each feature implements
/// [`async_graphql::dataloader::Loader`] for its own keys.
pub struct Loader {
    pub db: DatabaseConnection,
}

impl Shop {
    #[must_use]
    pub fn new(db: DatabaseConnection) -> Self {
        let loader = Loader { db: db.clone() };
        Self {
            db,
            loader: DataLoader::new(loader, TokioSpawner::current(), Yield),
        }
    }
}

/// Lets everything that is ready run before a batch is loaded, instead of waiting a millisecond per
/// level. Two turns: the first wakes the parents, the second lets them ask.
struct Yield;

impl Timer for Yield {
    fn delay(&self, _: Duration) -> BoxFuture<'static, ()> {
        async {
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
        }
        .boxed()
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
