//! What a subscriber is sent for one change: executed by itself, as a request is.

use std::{borrow::Cow, panic::AssertUnwindSafe};

use async_graphql::{
    ContextSelectionSet, Data, OutputType, Positioned, ServerResult, Value,
    futures_util::FutureExt, parser::types::Field, registry::Registry,
};

use super::{Change, Subscription};
use crate::{Error, context::with_shop};

/// The same object as `T`, made from a change with a database and a loader of its own. A panic is
/// an error of this one event.
pub(crate) struct Event<T>(pub(crate) T);

impl<T: OutputType + AsRef<Change>> OutputType for Event<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    async fn resolve(
        &self,
        ctx: &ContextSelectionSet<'_>,
        field: &Positioned<Field>,
    ) -> ServerResult<Value> {
        let fails = |error: Error| {
            let error = async_graphql::Error::from(error);
            ctx.set_error_path(error.into_server_error(field.pos))
        };
        let subscription = ctx.data_unchecked::<Subscription>();
        let _turn = subscription.admit().await.map_err(fails)?;
        let db = self.0.as_ref().db().clone();
        let event = with_shop(db, true, async |shop| {
            let mut data = Data::default();
            data.insert(shop);
            let mut ctx = ctx.clone();
            ctx.execute_data = Some(&data);
            self.0.resolve(&ctx, field).await
        });
        let event = AssertUnwindSafe(event).catch_unwind().await;
        event.unwrap_or_else(|panic| Err(fails(Error::panicked(&*panic))))
    }
}
