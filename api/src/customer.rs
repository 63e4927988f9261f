//! Customers: the type and the queries. Its filter, order and mutations are below this folder.

mod change;
mod email;
pub mod filter;
pub mod mutation;

use std::sync::Arc;

use async_graphql::{
    Context, ID, Object, Positioned, ServerResult, futures_util::future::BoxFuture,
    parser::types::SelectionSet,
};
use entity::{
    customer::{Column, Entity, Model},
    ticket,
};
use sea_orm::{
    ConnectionTrait, DbBackend,
    sea_query::{Expr, ExprTrait, Order, Query, SelectStatement},
};

use crate::{
    Result,
    context::ContextExt,
    node::{Id, global_id},
    page::{self, Arguments, Listed, Page, SortKey, Way},
    row::{self, Columns, Record, Row, Shown},
    scalar::{DateTime, Needle, Text},
    shape::{Writer, append},
    ticket::{Ticket, TicketList, TicketsOf},
};
pub use change::CustomerSubscription;
pub(crate) use email::Emails;
pub use filter::{CustomerFilter, CustomerOrder, CustomerOrderField, TicketListFilter};
pub(crate) use filter::{in_name, named};
pub use mutation::CustomerMutation;

/// Someone who brings in things to repair. Holds the columns that were asked for.
#[derive(Clone, Debug)]
pub struct Customer(Arc<Model>);

impl From<Arc<Model>> for Customer {
    fn from(model: Arc<Model>) -> Self {
        Self(model)
    }
}

impl Record for Customer {
    type Entity = Entity;
    const NAME: &'static str = "Customer";
    const COLUMNS: &'static [Column] = &[
        Column::Id,
        Column::FirstName,
        Column::LastName,
        Column::Email,
        Column::Phone,
        Column::Address1,
        Column::Address2,
        Column::City,
        Column::State,
        Column::ZipCode,
        Column::Notes,
        Column::Active,
        Column::CreatedAt,
        Column::UpdatedAt,
    ];
    const FIELDS: &'static [(&'static str, Column, Shown<Self>)] = &[
        (
            "id",
            Column::Id,
            Shown::Value(|customer, json| append(json, &global_id::<Self>(customer.0.id))),
        ),
        (
            "number",
            Column::Id,
            Shown::Value(|customer, json| append(json, &customer.0.id)),
        ),
        (
            "firstName",
            Column::FirstName,
            Shown::Value(|customer, json| append(json, &customer.0.first_name)),
        ),
        (
            "lastName",
            Column::LastName,
            Shown::Value(|customer, json| append(json, &customer.0.last_name)),
        ),
        (
            "email",
            Column::Email,
            Shown::Value(|customer, json| append(json, &customer.0.email)),
        ),
        (
            "phone",
            Column::Phone,
            Shown::Value(|customer, json| append(json, &customer.0.phone)),
        ),
        (
            "address1",
            Column::Address1,
            Shown::Value(|customer, json| append(json, &customer.0.address1)),
        ),
        (
            "address2",
            Column::Address2,
            Shown::Value(|customer, json| append(json, &customer.0.address2)),
        ),
        (
            "city",
            Column::City,
            Shown::Value(|customer, json| append(json, &customer.0.city)),
        ),
        (
            "state",
            Column::State,
            Shown::Value(|customer, json| append(json, &customer.0.state)),
        ),
        (
            "zipCode",
            Column::ZipCode,
            Shown::Value(|customer, json| append(json, &customer.0.zip_code)),
        ),
        (
            "notes",
            Column::Notes,
            Shown::Value(|customer, json| append(json, &customer.0.notes)),
        ),
        (
            "active",
            Column::Active,
            Shown::Value(|customer, json| append(json, &customer.0.active)),
        ),
        (
            "createdAt",
            Column::CreatedAt,
            Shown::Value(|customer, json| append(json, &DateTime(customer.0.created_at))),
        ),
        (
            "updatedAt",
            Column::UpdatedAt,
            Shown::Value(|customer, json| append(json, &DateTime(customer.0.updated_at))),
        ),
        ("tickets", Column::Id, Shown::Below(tickets)),
    ];
    const UPDATED_AT: Column = Column::UpdatedAt;

    fn number(&self) -> i32 {
        self.0.id
    }
}

/// Someone who brings in things to repair.
#[Object]
impl Customer {
    /// Global id, unique across all types.
    pub(crate) async fn id(&self) -> ID {
        global_id::<Self>(self.0.id)
    }
    /// The number that people use: the row's primary key.
    fn number(&self) -> i32 {
        self.0.id
    }
    /// Given name.
    fn first_name(&self) -> &str {
        &self.0.first_name
    }
    /// Family name.
    fn last_name(&self) -> &str {
        &self.0.last_name
    }
    /// Email address; no two customers have the same.
    fn email(&self) -> &str {
        &self.0.email
    }
    /// Telephone number, as it was given.
    fn phone(&self) -> &str {
        &self.0.phone
    }
    /// Street and house number.
    fn address1(&self) -> &str {
        &self.0.address1
    }
    /// Flat, floor or company.
    fn address2(&self) -> Option<&str> {
        self.0.address2.as_deref()
    }
    /// Town.
    fn city(&self) -> &str {
        &self.0.city
    }
    /// Two-letter code.
    fn state(&self) -> &str {
        &self.0.state
    }
    /// ZIP or other postal code.
    fn zip_code(&self) -> &str {
        &self.0.zip_code
    }
    /// What the shop wants to remember.
    fn notes(&self) -> Option<&str> {
        self.0.notes.as_deref()
    }
    /// Whether the shop still works for this customer.
    fn active(&self) -> bool {
        self.0.active
    }
    /// When the row was made.
    fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }
    /// When the row was last changed, by whatever program.
    fn updated_at(&self) -> DateTime {
        DateTime(self.0.updated_at)
    }
    #[graphql(flatten)]
    fn tickets(&self, _ctx: &Context<'_>) -> TicketList {
        TicketList(TicketsOf::Customer(self.0.id))
    }
}

/// The field `tickets` of the customers of a list.
fn tickets<'c>(
    ctx: &'c Context<'c>,
    sets: &'c [&'c Positioned<SelectionSet>],
    rows: &'c [&'c Customer],
) -> BoxFuture<'c, ServerResult<Writer<Customer>>> {
    let parent = ticket::Column::CustomerId;
    Box::pin(page::below::<Ticket, _, _>(
        ctx,
        sets,
        rows,
        parent,
        |customer| customer.0.id,
    ))
}

impl Customer {
    /// The customer that a row names, behind a field of the document; nothing is read where the
    /// field's selection shows no more than the key.
    pub(crate) async fn of(ctx: &Context<'_>, number: i32) -> Result<Option<Self>> {
        let columns = Columns::<Self>::selected(ctx, &[&ctx.item.node.selection_set]);
        if columns.is_key_alone() {
            return Ok(Some(Self::key(number)));
        }
        row::load(ctx, number, columns).await
    }

    /// A customer of whom nothing but the key is known.
    pub(crate) fn key(number: i32) -> Self {
        Self(Arc::new(Model {
            id: number,
            ..Model::default()
        }))
    }

    /// The customer behind a field of the document, with what the field's selection shows.
    pub(crate) async fn load(ctx: &Context<'_>, id: Id<Self>) -> Result<Option<Self>> {
        let columns = Columns::selected(ctx, &[&ctx.item.node.selection_set]);
        row::load(ctx, id.number, columns).await
    }
}

impl Listed for Customer {
    type Filter = CustomerFilter;
    type Order = CustomerOrder;
    type OrderField = CustomerOrderField;
    const BY_NUMBER: CustomerOrderField = CustomerOrderField::Number;

    fn sort_key(field: CustomerOrderField) -> SortKey {
        field.sort_key()
    }

    fn ways(backend: DbBackend, words: &[String]) -> Vec<Way> {
        let mentions = words.iter().map(|word| filter::mentions(backend, word));
        vec![Way {
            conditions: mentions.collect(),
            ..Way::default()
        }]
    }

    fn join(_: &mut SelectStatement) {}
}

/// The queries for customers.
#[derive(Default)]
pub struct CustomerQuery;

#[Object]
impl CustomerQuery {
    /// One customer, by global id or by `number`.
    async fn customer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "`Customer:42` or `42`.")] id: ID,
    ) -> Option<Result<Row<Customer>>> {
        let load = async { Customer::load(ctx, Id::parse(&id)?).await };
        load.await.transpose().map(|customer| customer.map(Row))
    }

    /// One customer, by email address, whatever its case.
    async fn customer_by_email(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The whole address; blanks around it do not count.")] email: String,
    ) -> Option<Result<Row<Customer>>> {
        by_email(ctx, email).await.transpose()
    }

    /// Customers, by `number` unless `orderBy` says otherwise.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn customers(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "How many, from the start or from `after`: 0 to 100; 20 where neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(
            desc = "Only what comes after the row with this cursor, which is one of the same `orderBy`."
        )]
        after: Option<String>,
        #[graphql(desc = "How many, from the end or from `before`: 0 to 100.")] last: Option<i32>,
        #[graphql(
            desc = "Only what comes before the row with this cursor, which is one of the same `orderBy`."
        )]
        before: Option<String>,
        #[graphql(
            desc = "How many to skip, 0 or more, for numbered pages; not together with a cursor."
        )]
        offset: Option<i32>,
        #[graphql(name = "where", desc = "Only customers that satisfy this.")] filter: Option<
            Box<CustomerFilter>,
        >,
        #[graphql(
            desc = "What to sort by, the first counting most. Rows that are equal in all of it come by `number`, the way of the last."
        )]
        order_by: Option<Vec<CustomerOrder>>,
        #[graphql(
            desc = "Words that must all occur, whatever their case, in the name, email, phone, city, state, ZIP code or notes."
        )]
        search: Option<Needle>,
    ) -> Result<Page<Customer>> {
        let arguments = Arguments {
            first,
            after,
            last,
            before,
            offset,
            filter,
            order_by,
            search,
        };
        page::list(ctx, arguments).await
    }
}

/// An exact match goes before others, which only another program can have stored.
async fn by_email(ctx: &Context<'_>, email: String) -> Result<Option<Row<Customer>>> {
    let email: Text = Text::new(email.trim().to_owned())?;
    let columns = Columns::<Customer>::selected(ctx, &[&ctx.item.node.selection_set]);
    let column = Expr::col((Entity, Column::Email));
    let select = Query::select()
        .columns(columns.iter().map(|column| (Entity, column)))
        .from(Entity)
        .and_where(email::is(email.as_str()))
        .order_by_expr(column.eq(email.as_str()), Order::Desc)
        .order_by((Entity, Column::Id), Order::Asc)
        .limit(1)
        .take();
    let row = ctx.shop().db().query_one(&select).await?;
    let customer = row.map(|row| columns.read(&row, 0)).transpose()?;
    Ok(customer.map(Row))
}
