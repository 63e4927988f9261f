//! One change, and the rows behind changes, read once for all subscribers.

use std::{collections::HashMap, future::Future, sync::Arc};

use async_graphql::Enum;
use sea_orm::{DbErr, QueryResult};
use tokio::sync::OnceCell;

use crate::{
    Result,
    customer::Customer,
    database::Pool,
    row::{Columns, Record, by_number, distinct},
    ticket::Ticket,
};

/// What happened to a record.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new.
    Created,
    /// Something about it is not as it was.
    Updated,
    /// It is gone.
    Deleted,
}

/// A table that can be watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    Customers,
    Tickets,
}

/// What a ticket's subscribers may ask for.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) customer: i32,
    pub(crate) tech: String,
}

/// A change as the database has noted it.
#[derive(Clone, Debug)]
pub(super) struct Noted {
    table: Table,
    kind: ChangeKind,
    number: i32,
    /// A ticket's, before and after.
    terms: [Option<Terms>; 2],
}

impl Noted {
    /// Reads it from the columns `id, relation, operation, number, old_customer_id, old_tech,
    /// new_customer_id, new_tech`; none where this version does not know what it is.
    pub(super) fn read(row: &QueryResult) -> Result<Option<Self>, DbErr> {
        let table = match row.try_get_by_index::<String>(1)?.as_str() {
            "customers" => Table::Customers,
            "tickets" => Table::Tickets,
            _ => return Ok(None),
        };
        let kind = match row.try_get_by_index::<String>(2)?.as_str() {
            "INSERT" => ChangeKind::Created,
            "UPDATE" => ChangeKind::Updated,
            "DELETE" => ChangeKind::Deleted,
            _ => return Ok(None),
        };
        let terms = |from: usize| -> Result<Option<Terms>, DbErr> {
            let customer: Option<i32> = row.try_get_by_index(from)?;
            let tech: Option<String> = row.try_get_by_index(from + 1)?;
            Ok((customer.zip(tech)).map(|(customer, tech)| Terms { customer, tech }))
        };
        Ok(Some(Self {
            table,
            kind,
            number: row.try_get_by_index(3)?,
            terms: [terms(4)?, terms(6)?],
        }))
    }
}

/// Changes that became known together, in their order, and the rows behind them.
pub(super) struct Changes {
    db: Pool,
    noted: Vec<Noted>,
    customers: Rows<Customer>,
    tickets: Rows<Ticket>,
    /// The tickets' customers.
    owners: Rows<Customer>,
}

impl Changes {
    pub(super) fn new(db: Pool, noted: Vec<Noted>) -> Self {
        Self {
            db,
            noted,
            customers: Rows::default(),
            tickets: Rows::default(),
            owners: Rows::default(),
        }
    }

    fn numbers(&self, table: Table) -> Vec<i32> {
        let of_table = self.noted.iter().filter(|it| it.table == table);
        let mut numbers: Vec<i32> = of_table.map(|it| it.number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    async fn customers(&self) -> Result<&HashMap<i32, Customer>> {
        let numbers = async || Ok(self.numbers(Table::Customers));
        self.customers.get(&self.db, numbers).await
    }

    async fn tickets(&self) -> Result<&HashMap<i32, Ticket>> {
        let numbers = async || Ok(self.numbers(Table::Tickets));
        self.tickets.get(&self.db, numbers).await
    }

    async fn owners(&self) -> Result<&HashMap<i32, Customer>> {
        let numbers = async || {
            let tickets = self.tickets().await?.values();
            Ok(distinct(tickets.map(Ticket::customer_id)))
        };
        self.owners.get(&self.db, numbers).await
    }
}

/// The rows of some records, with all their columns: read by who asks first, and what came of that
/// is so for everybody.
struct Rows<R>(OnceCell<Result<HashMap<i32, R>>>);

impl<R> Default for Rows<R> {
    fn default() -> Self {
        Self(OnceCell::new())
    }
}

impl<R: Record> Rows<R> {
    async fn get<F>(&self, db: &Pool, numbers: impl FnOnce() -> F) -> Result<&HashMap<i32, R>>
    where
        F: Future<Output = Result<Vec<i32>>>,
    {
        let read = async || {
            let numbers = numbers().await?;
            by_number(db, Columns::all(), &numbers).await
        };
        let rows = self.0.get_or_init(read).await;
        rows.as_ref().map_err(Clone::clone)
    }
}

/// One change to one record.
#[derive(Clone)]
pub(crate) struct Change {
    together: Arc<Changes>,
    place: usize,
}

impl Change {
    /// The first change to a table from a place on, and its own place.
    pub(super) fn of(together: &Arc<Changes>, table: Table, from: usize) -> Option<(Self, usize)> {
        let rest = together.noted.get(from..)?;
        let place = from + rest.iter().position(|it| it.table == table)?;
        let together = Arc::clone(together);
        Some((Self { together, place }, place))
    }

    fn noted(&self) -> &Noted {
        &self.together.noted[self.place]
    }

    pub(super) fn db(&self) -> &Pool {
        &self.together.db
    }

    pub(crate) fn kind(&self) -> ChangeKind {
        self.noted().kind
    }

    /// The record's primary key.
    pub(crate) fn number(&self) -> i32 {
        self.noted().number
    }

    /// A ticket's, before and after; no more than one of them where it is new or gone.
    pub(crate) fn terms(&self) -> impl Iterator<Item = &Terms> {
        self.noted().terms.iter().flatten()
    }

    /// The customer, if that is what has changed and it is still there.
    pub(crate) async fn customer(&self) -> Result<Option<Customer>> {
        if self.kind() == ChangeKind::Deleted {
            return Ok(None);
        }
        Ok(self
            .together
            .customers()
            .await?
            .get(&self.number())
            .cloned())
    }

    /// The ticket, if that is what has changed and it is still there.
    pub(crate) async fn ticket(&self) -> Result<Option<Ticket>> {
        if self.kind() == ChangeKind::Deleted {
            return Ok(None);
        }
        Ok(self.together.tickets().await?.get(&self.number()).cloned())
    }

    /// A changed ticket's customer.
    pub(crate) async fn owner(&self, number: i32) -> Result<Option<Customer>> {
        Ok(self.together.owners().await?.get(&number).cloned())
    }
}
