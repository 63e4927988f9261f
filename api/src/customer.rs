//! Customers: the type and the queries. Its filter, order and mutations are below this folder.

mod change;
mod email;
pub mod filter;
pub mod mutation;

use async_graphql::{
    Context, ID, Object, Positioned, ServerResult, futures_util::future::BoxFuture,
    parser::types::SelectionSet,
};
use entity::{
    customer::{Column, Entity},
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
    row::{self, Columns, Record, Row, Shown, Values},
    scalar::{DateTime, Needle, Text},
    shape::Writer,
    ticket::{Ticket, TicketList, TicketsOf},
};
pub use change::CustomerSubscription;
pub(crate) use email::Emails;
pub use filter::{CustomerFilter, CustomerOrder, CustomerOrderField, TicketListFilter};
pub(crate) use filter::{in_name, named};
pub use mutation::CustomerMutation;

/// Someone who brings in things to repair. Holds the columns that were asked for.
#[derive(Clone, Debug)]
pub struct Customer {
    values: Values<Self>,
}

impl From<Values<Self>> for Customer {
    fn from(values: Values<Self>) -> Self {
        Self { values }
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
        ("id", Column::Id, Shown::Id),
        ("number", Column::Id, Shown::Column),
        ("firstName", Column::FirstName, Shown::Column),
        ("lastName", Column::LastName, Shown::Column),
        ("email", Column::Email, Shown::Column),
        ("phone", Column::Phone, Shown::Column),
        ("address1", Column::Address1, Shown::Column),
        ("address2", Column::Address2, Shown::Column),
        ("city", Column::City, Shown::Column),
        ("state", Column::State, Shown::Column),
        ("zipCode", Column::ZipCode, Shown::Column),
        ("notes", Column::Notes, Shown::Column),
        ("active", Column::Active, Shown::Column),
        ("createdAt", Column::CreatedAt, Shown::Column),
        ("updatedAt", Column::UpdatedAt, Shown::Column),
        ("tickets", Column::Id, Shown::Below(tickets)),
    ];
    const UPDATED_AT: Column = Column::UpdatedAt;

    fn values(&self) -> &Values<Self> {
        &self.values
    }
}

/// Someone who brings in things to repair.
#[Object]
impl Customer {
    // What the schema says of it; `row` writes what is shown.

    /// Global id, unique across all types.
    pub(crate) async fn id(&self) -> ID {
        global_id::<Self>(self.values.number())
    }
    /// The number that people use: the row's primary key.
    fn number(&self) -> i32 {
        self.values.number()
    }
    /// Given name.
    fn first_name(&self) -> String {
        self.values.get(Column::FirstName)
    }
    /// Family name.
    fn last_name(&self) -> String {
        self.values.get(Column::LastName)
    }
    /// Email address; no two customers have the same.
    fn email(&self) -> String {
        self.values.get(Column::Email)
    }
    /// Telephone number, as it was given.
    fn phone(&self) -> String {
        self.values.get(Column::Phone)
    }
    /// Street and house number.
    fn address1(&self) -> String {
        self.values.get(Column::Address1)
    }
    /// Flat, floor or company.
    fn address2(&self) -> Option<String> {
        self.values.get(Column::Address2)
    }
    /// Town.
    fn city(&self) -> String {
        self.values.get(Column::City)
    }
    /// Two-letter code.
    fn state(&self) -> String {
        self.values.get(Column::State)
    }
    /// ZIP or other postal code.
    fn zip_code(&self) -> String {
        self.values.get(Column::ZipCode)
    }
    /// What the shop wants to remember.
    fn notes(&self) -> Option<String> {
        self.values.get(Column::Notes)
    }
    /// Whether the shop still works for this customer.
    fn active(&self) -> bool {
        self.values.get(Column::Active)
    }
    /// When the row was made.
    fn created_at(&self) -> DateTime {
        self.values.get(Column::CreatedAt)
    }
    /// When the row was last changed, by whatever program.
    fn updated_at(&self) -> DateTime {
        self.values.get(Column::UpdatedAt)
    }
    #[graphql(flatten)]
    fn tickets(&self, _ctx: &Context<'_>) -> TicketList {
        TicketList(TicketsOf::Customer(self.values.number()))
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
        |customer| customer.values.number(),
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
        Values::key(number).into()
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
