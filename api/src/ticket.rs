//! Tickets: the type and the query for one. Their lists, counts, filter, order and mutations are
//! below this folder.

mod change;
pub mod count;
pub mod filter;
mod joined;
pub mod list;
pub mod mutation;

use async_graphql::{Context, ID, Object};
use entity::ticket::{Column, Entity};
use sea_orm::{DbBackend, sea_query::SelectStatement};

use crate::{
    Error, Result,
    customer::Customer,
    node::{Id, global_id},
    page::{Listed, SortKey, Way},
    row::{Record, Row, Shown, Values},
    scalar::DateTime,
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
    values: Values<Self>,
    customer: Option<Customer>,
}

impl From<Values<Self>> for Ticket {
    fn from(values: Values<Self>) -> Self {
        let customer = None;
        Self { values, customer }
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
        ("id", Column::Id, Shown::Id),
        ("number", Column::Id, Shown::Column),
        ("title", Column::Title, Shown::Column),
        ("description", Column::Description, Shown::Column),
        ("completed", Column::Completed, Shown::Column),
        ("tech", Column::Tech, Shown::Column),
        ("createdAt", Column::CreatedAt, Shown::Column),
        ("updatedAt", Column::UpdatedAt, Shown::Column),
        (
            "customer",
            Column::CustomerId,
            Shown::Below(joined::customer),
        ),
    ];
    const UPDATED_AT: Column = Column::UpdatedAt;

    fn values(&self) -> &Values<Self> {
        &self.values
    }
}

impl Ticket {
    /// Whose it is, by primary key.
    pub(crate) fn customer_id(&self) -> i32 {
        self.values.get(Column::CustomerId)
    }
}

/// One repair job.
#[Object]
impl Ticket {
    // What the schema says of it; `row` writes what is shown.

    /// Global id, unique across all types.
    pub(crate) async fn id(&self) -> ID {
        global_id::<Self>(self.values.number())
    }
    /// The number that people use: the row's primary key.
    fn number(&self) -> i32 {
        self.values.number()
    }
    /// What is to be done, in a line.
    fn title(&self) -> String {
        self.values.get(Column::Title)
    }
    /// What is to be done, at length.
    fn description(&self) -> Option<String> {
        self.values.get(Column::Description)
    }
    /// Whether it is done.
    fn completed(&self) -> bool {
        self.values.get(Column::Completed)
    }
    /// Who works on it; `unassigned` until somebody does.
    fn tech(&self) -> String {
        self.values.get(Column::Tech)
    }
    /// When the row was made.
    fn created_at(&self) -> DateTime {
        self.values.get(Column::CreatedAt)
    }
    /// When the row was last changed, by whatever program.
    fn updated_at(&self) -> DateTime {
        self.values.get(Column::UpdatedAt)
    }
    /// Whose it is.
    async fn customer(&self, ctx: &Context<'_>) -> Result<Row<Customer>> {
        if let Some(customer) = &self.customer {
            return Ok(Row(customer.clone()));
        }
        let customer = Customer::of(ctx, self.customer_id()).await?;
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
