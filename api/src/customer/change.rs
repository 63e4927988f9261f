//! Telling of changes to customers.

use async_graphql::{
    Context, ID, Object, Subscription,
    futures_util::{Stream, TryStreamExt, future::ready},
};

use super::Customer;
use crate::{
    Result,
    live::{self, Change, ChangeKind, Event, Table},
    node::{Id, global_id},
    row::Row,
};

/// A change to a customer.
pub(crate) struct CustomerChange(Change);

impl AsRef<Change> for CustomerChange {
    fn as_ref(&self) -> &Change {
        &self.0
    }
}

/// A change to a customer.
#[Object]
impl CustomerChange {
    /// What happened to it.
    async fn kind(&self) -> ChangeKind {
        self.0.kind()
    }

    /// The customer's global id.
    async fn id(&self) -> ID {
        global_id::<Customer>(self.0.number())
    }

    /// As it stands when the event is delivered; null once deleted.
    async fn customer(&self) -> Option<Result<Row<Customer>>> {
        let customer = self.0.customer().await.transpose()?;
        Some(customer.map(Row))
    }
}

/// The subscription to customers.
#[derive(Default)]
pub struct CustomerSubscription;

#[Subscription]
impl CustomerSubscription {
    /// Each committed change to a customer, whoever made it: this server, another replica, or
    /// another program that writes to the same PostgreSQL database. With SQLite, what this server
    /// has changed.
    async fn customer_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Of this customer alone: `Customer:42` or `42`.")] id: Option<ID>,
    ) -> Result<impl Stream<Item = Result<Event<CustomerChange>>> + use<>> {
        let id = id.map(|id| Id::<Customer>::parse(&id)).transpose()?;
        let changes = live::changes(ctx, Table::Customers).await?;
        Ok(changes.try_filter_map(move |change| {
            let wanted = id.is_none_or(|id| id.number == change.number());
            ready(Ok(wanted.then(|| Event(CustomerChange(change)))))
        }))
    }
}
