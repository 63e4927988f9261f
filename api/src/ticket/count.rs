//! How many tickets there are in each group.

use async_graphql::{Context, Enum, Object};
use entity::ticket::{Column, Entity};
use sea_orm::{
    ConnectionTrait, DbErr, QueryResult,
    prelude::Date as Day,
    sea_query::{Asterisk, Expr, Func, Order},
};

use super::{Ticket, TicketFilter};
use crate::{
    Result,
    context::ContextExt,
    customer::Customer,
    dialect,
    limits::MAX_GROUPS,
    page::{Scope, at_most},
    row::Row,
    scalar::{Date, Needle},
};

/// What tickets can be counted by.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketDimension {
    /// Who works on it.
    Tech,
    /// Whether it is done.
    Completed,
    /// The UTC day on which it was created.
    CreatedOn,
    /// Whose it is.
    Customer,
}

/// One group of tickets; a dimension that was not asked for is null.
#[derive(Default)]
pub struct TicketCount {
    tech: Option<String>,
    completed: Option<bool>,
    created_on: Option<Day>,
    customer_id: Option<i32>,
    count: i64,
}

/// One group of tickets; a dimension that was not asked for is null.
#[Object]
impl TicketCount {
    /// Who works on these.
    fn tech(&self) -> Option<&str> {
        self.tech.as_deref()
    }
    /// Whether these are done.
    fn completed(&self) -> Option<bool> {
        self.completed
    }
    /// The UTC day on which these were created.
    fn created_on(&self) -> Option<Date> {
        self.created_on.map(Date)
    }
    /// Whose these are.
    async fn customer(&self, ctx: &Context<'_>) -> Option<Result<Row<Customer>>> {
        let customer = Customer::of(ctx, self.customer_id?).await;
        customer.transpose().map(|customer| customer.map(Row))
    }
    /// How many there are.
    fn count(&self) -> i32 {
        i32::try_from(self.count).unwrap_or(i32::MAX)
    }
}

/// The query for the counts.
#[derive(Default)]
pub struct TicketCountQuery;

#[Object]
impl TicketCountQuery {
    /// How many tickets there are in each group, the largest group first: for dashboards, and for
    /// the choices of a filter.
    async fn ticket_counts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What makes a group; nothing makes one group of all.")] by: Vec<
            TicketDimension,
        >,
        #[graphql(name = "where", desc = "Only tickets that satisfy this.")] filter: Option<
            Box<TicketFilter>,
        >,
        #[graphql(
            desc = "Words that must all occur, whatever their case, in the title, description, technician or the customer's name."
        )]
        search: Option<Needle>,
        #[graphql(desc = "How many groups: 0 to 1,000.", default = 100)] first: i32,
    ) -> Result<Vec<TicketCount>> {
        let first = at_most(MAX_GROUPS, "first", first)?;
        let db = ctx.shop().db();
        let backend = db.get_database_backend();
        let mut dimensions: Vec<TicketDimension> = Vec::new();
        for dimension in by {
            if !dimensions.contains(&dimension) {
                dimensions.push(dimension);
            }
        }
        let mut select = Scope::<Ticket>::new(filter, search.as_ref())?.rows(backend);
        select
            .limit(first)
            .expr(Func::count(Expr::col(Asterisk)))
            .order_by_expr(Func::count(Expr::col(Asterisk)).into(), Order::Desc);
        for dimension in &dimensions {
            let column = |column| Expr::col((Entity, column));
            let group = match dimension {
                TicketDimension::Tech => column(Column::Tech),
                TicketDimension::Completed => column(Column::Completed),
                TicketDimension::CreatedOn => dialect::day(backend, column(Column::CreatedAt)),
                TicketDimension::Customer => column(Column::CustomerId),
            };
            select
                .expr(group.clone())
                .add_group_by([group.clone()])
                .order_by_expr(group, Order::Asc);
        }
        let rows = db.query_all(&select).await?;
        let groups = rows.iter().map(|row| read(row, &dimensions));
        Ok(groups.collect::<Result<_, DbErr>>()?)
    }
}

fn read(row: &QueryResult, dimensions: &[TicketDimension]) -> Result<TicketCount, DbErr> {
    let mut group = TicketCount {
        count: row.try_get_by_index(0)?,
        ..TicketCount::default()
    };
    for (index, dimension) in (1..).zip(dimensions) {
        match dimension {
            TicketDimension::Tech => group.tech = row.try_get_by_index(index)?,
            TicketDimension::Completed => group.completed = row.try_get_by_index(index)?,
            TicketDimension::CreatedOn => group.created_on = dialect::date(row, index)?,
            TicketDimension::Customer => group.customer_id = row.try_get_by_index(index)?,
        }
    }
    Ok(group)
}
