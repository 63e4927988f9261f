//! Tickets together with their customers, where both are asked for: one statement for a ticket in
//! place of two, and one question for all tickets of a page.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{
    Context, Positioned, ServerResult, dataloader, futures_util::future::BoxFuture,
    parser::types::SelectionSet,
};
use entity::customer;
use sea_orm::{DbErr, QueryResult};

use super::{Ticket, filter::join_customer};
use crate::{
    Error, Result,
    context::{ContextExt, Loader},
    customer::Customer,
    node::Id,
    row::{self, Columns, Record},
    shape::{Writer, selected},
};

/// A ticket's number, and what is shown of it and of its customer.
type Key = (i32, Columns<Ticket>, Columns<Customer>);

impl Ticket {
    /// The ticket behind a field of the document, with what the field's selection shows.
    pub(crate) async fn load(ctx: &Context<'_>, id: Id<Self>) -> Result<Option<Self>> {
        let sets = [&ctx.item.node.selection_set];
        let columns = Columns::selected(ctx, &sets);
        match of_customer(ctx, &sets).filter(|columns| !columns.is_key_alone()) {
            Some(customer) => {
                let key: Key = (id.number, columns, customer);
                ctx.shop().loader.load_one(key).await
            }
            None => row::load(ctx, id.number, columns).await,
        }
    }
}

/// What selections on tickets show of their customers; none where they show no customer.
pub(super) fn of_customer(
    ctx: &Context<'_>,
    sets: &[&Positioned<SelectionSet>],
) -> Option<Columns<Customer>> {
    let shown = selected(ctx, Some(Ticket::NAME), sets).into_iter();
    let mut shown = shown.filter(|field| field.name() == "customer");
    // One field may be there under several names.
    let first = Columns::selected(ctx, &shown.next()?.sets);
    Some(shown.fold(first, |all, field| {
        all.or(Columns::selected(ctx, &field.sets))
    }))
}

/// The field `customer` of the tickets of a list.
pub(super) fn customer<'c>(
    ctx: &'c Context<'c>,
    sets: &'c [&'c Positioned<SelectionSet>],
    rows: &'c [&'c Ticket],
) -> BoxFuture<'c, ServerResult<Writer<Ticket>>> {
    Box::pin(async move {
        let customers = customers(ctx, sets, rows);
        let customers = customers.await.map_err(|error| error.at(ctx))?;
        let ctx = ctx.with_selection_set(&ctx.item.node.selection_set);
        // Those of this place alone, each once: the loader has read for others, too.
        let numbers = row::distinct(rows.iter().map(|ticket| ticket.customer_id()));
        let here: Vec<_> = (numbers.iter())
            .filter_map(|number| customers.get(number))
            .collect();
        let shape = row::shape(&ctx, sets, &here).await?;
        Ok(Box::new(move |ticket: &Ticket, json: &mut Vec<u8>| {
            if let Some(customer) = customers.get(&ticket.customer_id()) {
                shape.write(customer, json);
            }
        }) as Writer<Ticket>)
    })
}

/// The customers of tickets by number, with what a selection shows of them.
async fn customers(
    ctx: &Context<'_>,
    sets: &[&Positioned<SelectionSet>],
    tickets: &[&Ticket],
) -> Result<Arc<HashMap<i32, Customer>>> {
    let numbers = || tickets.iter().map(|ticket| ticket.customer_id());
    let columns = Columns::<Customer>::selected(ctx, sets);
    let read: Option<HashMap<_, _>> = (tickets.iter())
        .map(|ticket| Some((ticket.customer_id(), ticket.customer.clone()?)))
        .collect();
    if let Some(read) = read {
        return Ok(read.into());
    }
    if columns.is_key_alone() {
        return Ok(Arc::new(
            numbers()
                .map(|number| (number, Customer::key(number)))
                .collect(),
        ));
    }
    let customers = row::load_all(ctx, numbers().collect(), columns).await?;
    if numbers().any(|number| !customers.contains_key(&number)) {
        return Err(Error::internal("a ticket's customer is not there"));
    }
    Ok(customers)
}

impl dataloader::Loader<Key> for Loader {
    type Value = Ticket;
    type Error = Error;

    async fn load(&self, keys: &[Key]) -> Result<HashMap<Key, Ticket>> {
        let mut columns = (Columns::key(), Columns::key());
        for (_, ticket, customer) in keys {
            columns = (columns.0.or(*ticket), columns.1.or(*customer));
        }
        let numbers = row::distinct(keys.iter().map(|(number, ..)| *number));
        let select = move |backend, numbers: &[i32]| {
            let mut select = row::among(backend, columns.0, numbers);
            select.columns(columns.1.iter().map(|column| (customer::Entity, column)));
            join_customer(&mut select);
            select
        };
        let kind = ("Ticket.customer", [columns.0.bits(), columns.1.bits()]);
        let rows = self.db.rows_by_key(kind, &numbers, select).await?;
        let tickets = row::own(&rows, &numbers, |row| read(columns, row))?;
        Ok((keys.iter())
            .filter_map(|key| Some((*key, tickets.get(&key.0)?.clone())))
            .collect())
    }
}

fn read(
    (columns, of_customer): (Columns<Ticket>, Columns<Customer>),
    row: &QueryResult,
) -> Result<Ticket, DbErr> {
    let mut ticket: Ticket = columns.read(row, 0)?;
    ticket.customer = Some(of_customer.read(row, columns.count())?);
    Ok(ticket)
}
