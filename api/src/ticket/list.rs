//! The field `tickets`, which the query, a customer and a technician share.

use async_graphql::{Context, Object};
use entity::ticket::Column;

use super::{Ticket, TicketFilter, TicketOrder};
use crate::{
    Result,
    page::{self, Arguments, Page},
    scalar::Needle,
};

/// Whose tickets.
pub enum TicketsOf {
    Everybody,
    /// A customer's, by primary key.
    Customer(i32),
    /// A technician's, by name.
    Technician(String),
}

/// Flattened into the types that have the field.
pub struct TicketList(pub TicketsOf);

#[Object]
impl TicketList {
    /// The tickets, by `number` unless `orderBy` says otherwise.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn tickets(
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
        #[graphql(name = "where", desc = "Only tickets that satisfy this.")] filter: Option<
            Box<TicketFilter>,
        >,
        #[graphql(
            desc = "What to sort by, the first counting most. Rows that are equal in all of it come by `number`, the way of the last."
        )]
        order_by: Option<Vec<TicketOrder>>,
        #[graphql(
            desc = "Words that must all occur, whatever their case, in the title, description, technician or the customer's name."
        )]
        search: Option<Needle>,
    ) -> Result<Page<Ticket>> {
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
        match &self.0 {
            TicketsOf::Everybody => page::list(ctx, arguments).await,
            TicketsOf::Customer(number) => {
                page::list_below(ctx, Column::CustomerId, *number, arguments).await
            }
            TicketsOf::Technician(name) => {
                page::list_below(ctx, Column::Tech, name.clone(), arguments).await
            }
        }
    }
}
