//! Tickets: the type and the query for one. Their lists, counts, filter, order and mutations are
//! below this folder.

pub mod count;
pub mod filter;
pub mod list;
pub mod mutation;

use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use entity::ticket::{Column, Entity, Model};
use sea_orm::{
    DbBackend,
    sea_query::{Expr, SelectStatement},
};

use crate::{
    Error, Result,
    customer::Customer,
    node::{Id, global_id},
    page::{Listed, SortKey},
    row::{self, Columns, Record, Row},
    scalar::DateTime,
};
pub use count::TicketCountQuery;
pub use filter::{TicketFilter, TicketOrder, TicketOrderField};
pub use list::{TicketList, TicketsOf};
pub use mutation::{NewTicketInput, TicketMutation};

/// One repair job. Holds the columns that were asked for.
#[derive(Clone, Debug)]
pub struct Ticket(Arc<Model>);

impl From<Arc<Model>> for Ticket {
    fn from(model: Arc<Model>) -> Self {
        Self(model)
    }
}

impl Record for Ticket {
    type Entity = Entity;
    const NAME: &'static str = "Ticket";
    const COLUMNS: &'static [(Column, Option<&'static str>)] = &[
        (Column::Id, Some("number")),
        (Column::CustomerId, None),
        (Column::Title, Some("title")),
        (Column::Description, Some("description")),
        (Column::Completed, Some("completed")),
        (Column::Tech, Some("tech")),
        (Column::CreatedAt, Some("createdAt")),
        (Column::UpdatedAt, Some("updatedAt")),
    ];
    const COMPUTED: &'static [(&'static str, Column)] =
        &[("id", Column::Id), ("customer", Column::CustomerId)];

    const UPDATED_AT: Column = Column::UpdatedAt;

    fn model(&self) -> &Model {
        &self.0
    }

    fn number(&self) -> i32 {
        self.0.id
    }
}

/// One repair job.
#[Object]
impl Ticket {
    /// Global id, unique across all types.
    pub(crate) async fn id(&self) -> ID {
        global_id::<Self>(self.0.id)
    }
    /// The number that people use: the row's primary key.
    fn number(&self) -> i32 {
        self.0.id
    }
    /// What is to be done, in a line.
    fn title(&self) -> &str {
        &self.0.title
    }
    /// What is to be done, at length.
    fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }
    /// Whether it is done.
    fn completed(&self) -> bool {
        self.0.completed
    }
    /// Who works on it; `unassigned` until somebody does.
    fn tech(&self) -> &str {
        &self.0.tech
    }
    /// When the row was made.
    fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }
    /// When the row was last changed, by whatever program.
    fn updated_at(&self) -> DateTime {
        DateTime(self.0.updated_at)
    }
    /// Whose it is.
    async fn customer(&self, ctx: &Context<'_>) -> Result<Row<Customer>> {
        let customer = Customer::of(ctx, self.0.customer_id).await?;
        customer
            .map(Row)
            .ok_or_else(|| Error::internal("a ticket's customer is not there"))
    }
}

impl Ticket {
    /// The ticket behind a field of the document, with what the field's selection shows.
    pub(crate) async fn load(ctx: &Context<'_>, id: Id<Self>) -> Result<Option<Self>> {
        let columns = Columns::selected(ctx, &ctx.item.node.selection_set.node);
        row::load(ctx, id.number, columns).await
    }
}

impl Listed for Ticket {
    type Filter = TicketFilter;
    type OrderField = TicketOrderField;
    const BY_NUMBER: TicketOrderField = TicketOrderField::Number;

    fn sort_key(field: TicketOrderField) -> SortKey {
        field.sort_key()
    }

    fn mentions(backend: DbBackend, word: &str) -> Expr {
        filter::mentions(backend, word)
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
