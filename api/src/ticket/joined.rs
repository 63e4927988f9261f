//! Tickets together with their customers, where both are asked for: one statement for a ticket in
//! place of two, and one question for all tickets of a page.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{Context, dataloader, parser::types::SelectionSet};
use entity::{
    customer,
    ticket::{Column, Entity},
};
use sea_orm::{
    ConnectionTrait, DbErr,
    sea_query::{Expr, Query},
};

use super::{Ticket, filter::join_customer};
use crate::{
    Error, Result,
    context::{ContextExt, Loader},
    customer::Customer,
    dialect,
    node::Id,
    page::rows,
    row::{self, Columns, Record, selected},
};

/// A ticket's number, and what is shown of it and of its customer.
type Key = (i32, Columns<Ticket>, Columns<Customer>);

impl Ticket {
    /// The ticket behind a field of the document, with what the field's selection shows.
    pub(crate) async fn load(ctx: &Context<'_>, id: Id<Self>) -> Result<Option<Self>> {
        let set = &ctx.item.node.selection_set.node;
        let columns = Columns::selected(ctx, set);
        match of_customer(ctx, &[set]).filter(|columns| !columns.is_key_alone()) {
            Some(customer) => {
                let key: Key = (id.number, columns, customer);
                ctx.shop().loader.load_one(key).await
            }
            None => row::load(ctx, id.number, columns).await,
        }
    }
}

/// What the selections on tickets show of their customers; none where they show no customer.
pub(super) fn of_customer(ctx: &Context<'_>, sets: &[&SelectionSet]) -> Option<Columns<Customer>> {
    (sets.iter())
        .flat_map(|set| selected(ctx, Some(Ticket::NAME), set))
        .filter(|field| field.node.name.node == "customer")
        .map(|field| Columns::selected(ctx, &field.node.selection_set.node))
        .reduce(Columns::or)
}

/// The tickets of a page with their customers, where these are asked for.
pub(super) async fn complete(ctx: &Context<'_>, tickets: Arc<[Ticket]>) -> Result<Arc<[Ticket]>> {
    let Some(columns) = of_customer(ctx, &rows(ctx)) else {
        return Ok(tickets);
    };
    let mut customers = HashMap::new();
    if !columns.is_key_alone() {
        let keys = tickets
            .iter()
            .map(|ticket| (ticket.row.customer_id, columns));
        customers = ctx.shop().loader.load_many(keys).await?;
    }
    let with_customer = |ticket: &Ticket| {
        let number = ticket.row.customer_id;
        Ticket {
            row: Arc::clone(&ticket.row),
            customer: if columns.is_key_alone() {
                Some(Customer::key(number))
            } else {
                customers.get(&(number, columns)).cloned()
            },
        }
    };
    Ok(tickets.iter().map(with_customer).collect())
}

impl dataloader::Loader<Key> for Loader {
    type Value = Ticket;
    type Error = Error;

    async fn load(&self, keys: &[Key]) -> Result<HashMap<Key, Ticket>> {
        let mut columns = (Columns::key(), Columns::key());
        for (_, ticket, customer) in keys {
            columns = (columns.0.or(*ticket), columns.1.or(*customer));
        }
        let numbers: Vec<i32> = keys.iter().map(|(number, ..)| *number).collect();
        let backend = self.db.get_database_backend();
        let number = Expr::col((Entity, Column::Id));
        let mut select = Query::select();
        select
            .columns(columns.0.iter().map(|column| (Entity, column)))
            .columns(columns.1.iter().map(|column| (customer::Entity, column)))
            .from(Entity)
            .and_where(dialect::one_of(backend, number, &numbers));
        join_customer(&mut select);
        let rows = self.db.query_all(&select).await?;
        let tickets = rows.iter().map(|row| {
            let mut ticket: Ticket = columns.0.read(row, 0)?;
            ticket.customer = Some(columns.1.read(row, columns.0.iter().count())?);
            Ok((ticket.row.id, ticket))
        });
        let tickets: HashMap<i32, Ticket> = tickets.collect::<Result<_, DbErr>>()?;
        Ok((keys.iter())
            .filter_map(|key| Some((*key, tickets.get(&key.0)?.clone())))
            .collect())
    }
}
