//! Made-up customers and tickets: a handful for a first look, or many for measuring.
//!
//! The same numbers asked of the same database give the same rows, whatever the machine or the
//! version of a library. Knows nothing of the API.

use std::fmt;

use chrono::{NaiveDateTime, TimeDelta};
use entity::{customer, ticket};
use indicatif::{ProgressBar, ProgressStyle};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, EntityTrait,
    PaginatorTrait, QueryOrder, QuerySelect,
};

use crate::database::{begin, reason};
use rows::{Dice, a_customer, a_ticket, closing, opening};

mod rows;
#[rustfmt::skip] // One word a line would make it six hundred.
mod words;

/// Rows in one statement, whose parameters SQLite limits to 32,766: 13 and 7 a row.
const BATCH: u32 = 2_500;

/// How many rows there are in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    pub customers: u64,
    pub tickets: u64,
}

#[derive(Debug)]
pub enum SeedError {
    /// There is nobody whose the tickets could be.
    NoCustomers,
    Database(DbErr),
}

impl From<DbErr> for SeedError {
    fn from(error: DbErr) -> SeedError {
        SeedError::Database(error)
    }
}

impl fmt::Display for SeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SeedError::NoCustomers => f.write_str(
                "tickets belong to customers, and there are none: add some with --customers",
            ),
            SeedError::Database(error) => write!(f, "nothing was added: {}", reason(error)),
        }
    }
}

impl std::error::Error for SeedError {}

/// Puts a handful of customers and tickets into a database that has none; says whether it did.
///
/// # Errors
/// Where the database refuses; nothing is added then.
pub async fn sample(db: &DatabaseConnection) -> Result<bool, SeedError> {
    let txn = begin(db).await?;
    if customer::Entity::find().count(&txn).await? > 0 {
        return Ok(false);
    }
    // So that most are still open, as on a workbench.
    let lately = closing() - TimeDelta::days(60);
    add(&txn, 6, 16, lately, &ProgressBar::hidden()).await?;
    txn.commit().await?;
    Ok(true)
}

/// Adds that many customers, then that many tickets of whatever customers there are: all or none.
///
/// # Errors
/// Where tickets are asked for and there is no customer, or the database refuses.
pub async fn seed(
    db: &DatabaseConnection,
    customers: u32,
    tickets: u32,
) -> Result<Totals, SeedError> {
    let bar = ProgressBar::new(u64::from(customers) + u64::from(tickets));
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} rows, {elapsed}") {
        bar.set_style(style);
    }
    let txn = begin(db).await?;
    add(&txn, customers, tickets, opening(), &bar).await?;
    txn.commit().await?;
    bar.finish_and_clear();
    // The planner's figures would otherwise be those of the tables before.
    db.execute_unprepared(if db.get_database_backend() == DbBackend::Postgres {
        "VACUUM (ANALYZE) public.customers, public.tickets"
    } else {
        "ANALYZE"
    })
    .await?;
    Ok(Totals {
        customers: customer::Entity::find().count(db).await?,
        tickets: ticket::Entity::find().count(db).await?,
    })
}

async fn add(
    txn: &DatabaseTransaction,
    customers: u32,
    tickets: u32,
    since: NaiveDateTime,
    bar: &ProgressBar,
) -> Result<(), SeedError> {
    let highest: Option<Option<i32>> = customer::Entity::find()
        .select_only()
        .column_as(customer::COLUMN.id.max(), "highest")
        .into_tuple()
        .one(txn)
        .await?;
    // Addresses are numbered past every row's number, so that no two runs make the same one.
    let first = u32::try_from(highest.flatten().unwrap_or(0)).unwrap_or(0) + 1;
    let mut dice = Dice::new(first);
    for from in (0..customers).step_by(BATCH as usize) {
        let rows: Vec<_> = (from..customers.min(from + BATCH))
            .map(|i| {
                a_customer(
                    &mut dice,
                    first + i,
                    moment(opening(), closing(), i, customers),
                )
            })
            .collect();
        let added = rows.len() as u64;
        customer::Entity::insert_many(rows)
            .exec_without_returning(txn)
            .await?;
        bar.inc(added);
    }
    if tickets == 0 {
        return Ok(());
    }

    let owners: Vec<(i32, NaiveDateTime)> = customer::Entity::find()
        .select_only()
        .column(customer::Column::Id)
        .column(customer::Column::CreatedAt)
        .order_by_asc(customer::Column::CreatedAt)
        .order_by_asc(customer::Column::Id)
        .into_tuple()
        .all(txn)
        .await?;
    let Some(&(_, oldest)) = owners.first() else {
        return Err(SeedError::NoCustomers);
    };
    let since = since.max(oldest);
    let until = closing().max(since + TimeDelta::days(30));
    for from in (0..tickets).step_by(BATCH as usize) {
        let rows: Vec<_> = (from..tickets.min(from + BATCH))
            .map(|i| {
                a_ticket(
                    &mut dice,
                    &owners,
                    moment(since, until, i + 1, tickets),
                    until,
                )
            })
            .collect();
        let added = rows.len() as u64;
        ticket::Entity::insert_many(rows)
            .exec_without_returning(txn)
            .await?;
        bar.inc(added);
    }
    Ok(())
}

/// The `i`th of `of` moments, evenly between two others.
fn moment(from: NaiveDateTime, to: NaiveDateTime, i: u32, of: u32) -> NaiveDateTime {
    let all = (to - from).num_milliseconds();
    from + TimeDelta::milliseconds(all / i64::from(of.max(1)) * i64::from(i))
}
