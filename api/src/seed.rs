//! Made-up customers and tickets: a handful for a first look, or many for measuring.
//!
//! The same numbers asked of the same database give the same rows, whatever the machine or the
//! version of a library. Knows nothing of the API.

use std::fmt;

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use entity::{customer, ticket};
use indicatif::{ProgressBar, ProgressStyle};
use sea_orm::{
    ActiveValue::Set, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    EntityTrait, PaginatorTrait, QueryOrder, QuerySelect,
};

use crate::database::begin;

/// Rows in one statement, whose parameters `SQLite` limits to 32,766: 12 and 7 a row.
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
            SeedError::Database(error) => write!(f, "nothing was added: {error}"),
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
    add(&txn, 6, 16, &ProgressBar::hidden()).await?;
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
    if db.get_database_backend() == DbBackend::Postgres {
        // The search indexes take what is new in few large helpings, not in many small ones.
        let bulk = "SET LOCAL gin_pending_list_limit = '256MB'";
        txn.execute_unprepared(bulk).await?;
    }
    add(&txn, customers, tickets, &bar).await?;
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
    let mut dice = Dice(u64::from(first));
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
    let Some(&(_, since)) = owners.first() else {
        return Err(SeedError::NoCustomers);
    };
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

fn a_customer(dice: &mut Dice, number: u32, at: NaiveDateTime) -> customer::ActiveModel {
    let (first, last) = (dice.pick(FIRST_NAMES), dice.pick(LAST_NAMES));
    let &(city, state, zip, area) = dice.choose(CITIES);
    let host = dice.pick(&["example.com", "example.net", "example.org"]);
    let email = format!("{first}.{last}{number}@{host}").to_lowercase();
    let changed = at + TimeDelta::minutes(dice.below(60 * 24 * 90));
    customer::ActiveModel {
        first_name: Set(first.to_owned()),
        last_name: Set(last.to_owned()),
        email: Set(email),
        phone: Set(format!("{area}-555-{:04}", dice.below(10_000))),
        address1: Set(format!("{} {}", 1 + dice.below(9_899), dice.pick(STREETS))),
        address2: Set((dice.below(5) == 0).then(|| format!("Apt {}", 1 + dice.below(40)))),
        city: Set(city.to_owned()),
        state: Set(state.to_owned()),
        zip_code: Set(format!("{zip}{:02}", dice.below(100))),
        notes: Set((dice.below(4) == 0).then(|| dice.pick(NOTES).to_owned())),
        active: Set(dice.below(12) > 0),
        created_at: Set(at),
        updated_at: Set(changed.min(closing())),
        ..Default::default()
    }
}

fn a_ticket(
    dice: &mut Dice,
    owners: &[(i32, NaiveDateTime)],
    at: NaiveDateTime,
    until: NaiveDateTime,
) -> ticket::ActiveModel {
    let known = owners.partition_point(|(_, since)| *since <= at).max(1);
    // The lower of two throws: some customers come again and again.
    let owner = dice.index(known).min(dice.index(known));
    let &(problem, symptom) = dice.choose(PROBLEMS);
    let device = dice.pick(DEVICES);
    let old = until - at > TimeDelta::days(45);
    let completed = dice.below(100) < if old { 97 } else { 40 };
    let unassigned = !completed && dice.below(4) == 0;
    let tech = if unassigned {
        "unassigned"
    } else {
        dice.pick(TECHS)
    };
    let worked = TimeDelta::minutes(dice.below(60 * 24 * 10));
    let changed = if unassigned {
        at
    } else {
        (at + worked).min(until)
    };
    let description = format!("{symptom} {}", dice.pick(REMARKS));
    ticket::ActiveModel {
        customer_id: Set(owners.get(owner).map_or(0, |(id, _)| *id)),
        title: Set(format!("{device}: {problem}")),
        description: Set((dice.below(10) > 0).then_some(description)),
        completed: Set(completed),
        tech: Set(tech.to_owned()),
        created_at: Set(at),
        updated_at: Set(changed),
        ..Default::default()
    }
}

/// The `i`th of `of` moments, evenly between two others.
fn moment(from: NaiveDateTime, to: NaiveDateTime, i: u32, of: u32) -> NaiveDateTime {
    let all = (to - from).num_milliseconds();
    from + TimeDelta::milliseconds(all / i64::from(of.max(1)) * i64::from(i))
}

fn opening() -> NaiveDateTime {
    day(2021)
}

fn closing() -> NaiveDateTime {
    day(2026)
}

fn day(year: i32) -> NaiveDateTime {
    let day = NaiveDate::from_ymd_opt(year, 9, 1).unwrap_or_default();
    day.and_hms_opt(8, 30, 0).unwrap_or_default()
}

/// `SplitMix64`, written out because a library's generator may change with its version.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u32) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        i64::try_from((z ^ (z >> 31)) % u64::from(n)).unwrap_or(0)
    }

    fn index(&mut self, len: usize) -> usize {
        let n = u32::try_from(len).unwrap_or(u32::MAX);
        usize::try_from(self.below(n)).unwrap_or(0)
    }

    fn choose<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.index(from.len())]
    }

    fn pick(&mut self, words: &[&'static str]) -> &'static str {
        self.choose::<&str>(words)
    }
}

mod words;
use words::{CITIES, DEVICES, FIRST_NAMES, LAST_NAMES, NOTES, PROBLEMS, REMARKS, STREETS, TECHS};
