//! Tickets: the type and the query for one. Their lists, counts, filter, order and mutations are
//! below this folder.

mod change;
pub mod count;
pub mod filter;
mod joined;
pub mod list;
pub mod mutation;

use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use entity::ticket::{Column, Entity, Model};
use sea_orm::{DbBackend, sea_query::SelectStatement};

use crate::{
    Error, Result,
    customer::Customer,
    node::{Id, global_id},
    page::{Listed, SortKey, Way},
    row::{Record, Row, Shown},
    scalar::DateTime,
    shape::append,
};
pub use change::TicketSubscription;
pub use count::TicketCountQuery;
pub use filter::{TicketFilter, TicketOrder, TicketOrderField};
pub use list::{TicketList, TicketsOf};
pub use mutation::{NewTicketInput, TicketMutation};

/// One repair job. Holds the columns that were asked for, and the customer where it was read
/// together with the ticket.
#[derive(Clone, Debug)]
pub struct Ticket {
    row: Arc<Model>,
    customer: Option<Customer>,
}

impl From<Arc<Model>> for Ticket {
    fn from(row: Arc<Model>) -> Self {
        let customer = None;
        Self { row, customer }
    }
}

impl Record for Ticket {
    type Entity = Entity;
    const NAME: &'static str = "Ticket";
    const COLUMNS: &'static [Column] = &[
        Column::Id,
        Column::CustomerId,
        Column::Title,
        Column::Description,
        Column::Completed,
        Column::Tech,
        Column::CreatedAt,
        Column::UpdatedAt,
    ];
    const FIELDS: &'static [(&'static str, Column, Shown<Self>)] = &[
        (
            "id",
            Column::Id,
            Shown::Value(|ticket, json| append(json, &global_id::<Self>(ticket.row.id))),
        ),
        (
            "number",
            Column::Id,
            Shown::Value(|ticket, json| append(json, &ticket.row.id)),
        ),
        (
            "title",
            Column::Title,
            Shown::Value(|ticket, json| append(json, &ticket.row.title)),
        ),
        (
            "description",
            Column::Description,
            Shown::Value(|ticket, json| append(json, &ticket.row.description)),
        ),
        (
            "completed",
            Column::Completed,
            Shown::Value(|ticket, json| append(json, &ticket.row.completed)),
        ),
        (
            "tech",
            Column::Tech,
            Shown::Value(|ticket, json| append(json, &ticket.row.tech)),
        ),
        (
            "createdAt",
            Column::CreatedAt,
            Shown::Value(|ticket, json| append(json, &DateTime(ticket.row.created_at))),
        ),
        (
            "updatedAt",
            Column::UpdatedAt,
            Shown::Value(|ticket, json| append(json, &DateTime(ticket.row.updated_at))),
        ),
        (
            "customer",
            Column::CustomerId,
            Shown::Below(joined::customer),
        ),
    ];
    const UPDATED_AT: Column = Column::UpdatedAt;

    fn number(&self) -> i32 {
        self.row.id
    }
}

impl Ticket {
    /// Whose it is, by primary key.
    pub(crate) fn customer_id(&self) -> i32 {
        self.row.customer_id
    }
}

/// One repair job.
#[Object]
impl Ticket {
    /// Global id, unique across all types.
    pub(crate) async fn id(&self) -> ID {
        global_id::<Self>(self.row.id)
    }
    /// The number that people use: the row's primary key.
    fn number(&self) -> i32 {
        self.row.id
    }
    /// What is to be done, in a line.
    fn title(&self) -> &str {
        &self.row.title
    }
    /// What is to be done, at length.
    fn description(&self) -> Option<&str> {
        self.row.description.as_deref()
    }
    /// Whether it is done.
    fn completed(&self) -> bool {
        self.row.completed
    }
    /// Who works on it; `unassigned` until somebody does.
    fn tech(&self) -> &str {
        &self.row.tech
    }
    /// When the row was made.
    fn created_at(&self) -> DateTime {
        DateTime(self.row.created_at)
    }
    /// When the row was last changed, by whatever program.
    fn updated_at(&self) -> DateTime {
        DateTime(self.row.updated_at)
    }
    /// Whose it is.
    async fn customer(&self, ctx: &Context<'_>) -> Result<Row<Customer>> {
        if let Some(customer) = &self.customer {
            return Ok(Row(customer.clone()));
        }
        let customer = Customer::of(ctx, self.row.customer_id).await?;
        customer
            .map(Row)
            .ok_or_else(|| Error::internal("a ticket's customer is not there"))
    }
}

impl Listed for Ticket {
    type Filter = TicketFilter;
    type Order = TicketOrder;
    type OrderField = TicketOrderField;
    const BY_NUMBER: TicketOrderField = TicketOrderField::Number;

    fn sort_key(field: TicketOrderField) -> SortKey {
        field.sort_key()
    }

    fn ways(backend: DbBackend, words: &[String]) -> Vec<Way> {
        filter::ways(backend, words)
    }

    fn join(select: &mut SelectStatement) {
        filter::join_customer(select);
    }
}

/// The query for one ticket.
#[derive(Default)]
pub struct TicketQuery;

#[Object]
impl TicketQuery {
    /// One ticket, by global id or by `number`.
    async fn ticket(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "`Ticket:7` or `7`.")] id: ID,
    ) -> Option<Result<Row<Ticket>>> {
        let load = async { Ticket::load(ctx, Id::parse(&id)?).await };
        load.await.transpose().map(|ticket| ticket.map(Row))
    }
}
