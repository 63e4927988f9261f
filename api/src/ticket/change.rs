//! Telling of changes to tickets.

use async_graphql::{
    Context, ID, Object, Subscription,
    futures_util::{Stream, TryStreamExt, future::ready},
};

use super::{Ticket, joined::of_customer};
use crate::{
    Result,
    customer::Customer,
    live::{self, Change, ChangeKind, Event, Table},
    node::{Id, global_id},
    row::Row,
};

/// A change to a ticket.
pub(crate) struct TicketChange(Change);

impl AsRef<Change> for TicketChange {
    fn as_ref(&self) -> &Change {
        &self.0
    }
}

/// A change to a ticket.
#[Object]
impl TicketChange {
    /// What happened to it.
    async fn kind(&self) -> ChangeKind {
        self.0.kind()
    }

    /// The ticket's global id.
    async fn id(&self) -> ID {
        global_id::<Ticket>(self.0.number())
    }

    /// As it stands when the event is delivered; null once deleted.
    async fn ticket(&self, ctx: &Context<'_>) -> Option<Result<Row<Ticket>>> {
        let ticket = self.read(ctx).await.transpose()?;
        Some(ticket.map(Row))
    }
}

impl TicketChange {
    /// The ticket, together with its customer where that is asked for.
    async fn read(&self, ctx: &Context<'_>) -> Result<Option<Ticket>> {
        let Some(mut ticket) = self.0.ticket().await? else {
            return Ok(None);
        };
        let customer = of_customer(ctx, &[&ctx.item.node.selection_set]);
        if customer.is_some_and(|columns| !columns.is_key_alone()) {
            ticket.customer = self.0.owner(ticket.customer_id()).await?;
        }
        Ok(Some(ticket))
    }
}

/// The subscription to tickets.
#[derive(Default)]
pub struct TicketSubscription;

#[Subscription]
impl TicketSubscription {
    /// Each committed change to a ticket; the arguments narrow it down. A ticket that had the
    /// customer or the technician before the change counts too, so that who shows a list hears of
    /// what leaves it.
    async fn ticket_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Of this ticket alone: `Ticket:7` or `7`.")] id: Option<ID>,
        #[graphql(desc = "Of this customer's tickets alone: `Customer:42` or `42`.")]
        customer_id: Option<ID>,
        #[graphql(desc = "Of the tickets alone that are this technician's, exactly as written.")]
        tech: Option<String>,
    ) -> Result<impl Stream<Item = Result<Event<TicketChange>>> + use<>> {
        let customer = customer_id
            .map(|id| Id::<Customer>::parse(&id))
            .transpose()?;
        let wanted = Wanted {
            number: (id.map(|id| Id::<Ticket>::parse(&id)).transpose()?).map(|id| id.number),
            customer: customer.map(|id| id.number),
            tech,
        };
        let changes = live::changes(ctx, Table::Tickets).await?;
        Ok(changes.try_filter_map(move |change| {
            ready(Ok(wanted.has(&change).then(|| Event(TicketChange(change)))))
        }))
    }
}

/// What a subscriber wants to hear of.
struct Wanted {
    number: Option<i32>,
    customer: Option<i32>,
    tech: Option<String>,
}

impl Wanted {
    fn has(&self, change: &Change) -> bool {
        let number = self.number.is_none_or(|it| it == change.number());
        number
            && change.terms().any(|ticket| {
                self.customer.is_none_or(|it| it == ticket.customer)
                    && self.tech.as_ref().is_none_or(|it| *it == ticket.tech)
            })
    }
}
