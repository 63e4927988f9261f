//! Which tickets, and in which order.

use std::cmp::Reverse;

use async_graphql::{Enum, InputObject};
use entity::{
    customer,
    ticket::{Column, Entity},
};
use sea_orm::{
    Condition, DbBackend,
    sea_query::{Expr, ExprTrait, Query, SelectStatement},
};

use crate::{
    customer::{CustomerFilter, in_name, named},
    dialect::{self, Place},
    filter::{
        BooleanFilter, DateTimeFilter, Filter, IntFilter, RELATION, StringFilter, add, combine,
        size,
    },
    page::{KeyKind, OrderDirection, SortKey, Way},
};

/// Conditions on a ticket. All the conditions given must hold; one that is null counts as not
/// given.
#[derive(InputObject, Clone, Debug, Default)]
pub struct TicketFilter {
    /// All of these hold.
    pub and: Option<Vec<TicketFilter>>,
    /// At least one of these holds.
    pub or: Option<Vec<TicketFilter>>,
    /// This does not hold.
    pub not: Option<Box<TicketFilter>>,
    /// The ticket's number.
    pub number: Option<IntFilter>,
    /// The title.
    pub title: Option<StringFilter>,
    /// The description.
    pub description: Option<StringFilter>,
    /// Whether it is done.
    pub completed: Option<BooleanFilter>,
    /// Who works on it.
    pub tech: Option<StringFilter>,
    /// When the row was made.
    pub created_at: Option<DateTimeFilter>,
    /// When the row was last changed.
    pub updated_at: Option<DateTimeFilter>,
    /// The customer whose it is.
    pub customer: Option<Box<CustomerFilter>>,
}

impl Filter for TicketFilter {
    fn size(&self) -> usize {
        size(self.and.as_ref(), self.or.as_ref(), self.not.as_deref())
            + self
                .customer
                .as_ref()
                .map_or(0, |customer| RELATION + customer.size())
    }

    fn condition(&self, db: DbBackend) -> Condition {
        let all = combine(db, self.and.as_ref(), self.or.as_ref(), self.not.as_deref());
        let col = |column| (Entity, column);
        let all = add(all, db, col(Column::Id), self.number.as_ref());
        let all = add(all, db, col(Column::Title), self.title.as_ref());
        let all = add(all, db, col(Column::Description), self.description.as_ref());
        let all = add(all, db, col(Column::Completed), self.completed.as_ref());
        let all = add(all, db, col(Column::Tech), self.tech.as_ref());
        let all = add(all, db, col(Column::CreatedAt), self.created_at.as_ref());
        let all = add(all, db, col(Column::UpdatedAt), self.updated_at.as_ref());
        match &self.customer {
            Some(customer) => all.add(
                Expr::col((Entity, Column::CustomerId)).in_subquery(
                    Query::select()
                        .column((customer::Entity, customer::Column::Id))
                        .from(customer::Entity)
                        .cond_where(customer.condition(db))
                        .take(),
                ),
            ),
            None => all,
        }
    }
}

/// How many words are looked for by index; the others only in what these have found.
const LEADING: usize = 2;

/// On PostgreSQL, the ways in which the words can be spread over a ticket's row and its customer's
/// name. No index is over both tables; but of each way the planner knows how rare it is, by which
/// index to begin, and whether to walk along the order instead.
pub(super) fn ways(db: DbBackend, words: &[String]) -> Vec<Way> {
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    if db == DbBackend::Sqlite {
        let mentions = |word: &&str| {
            let named = customer_id().in_subquery(named(db, word).take());
            in_ticket(db, word).or(named)
        };
        return vec![Way {
            conditions: words.iter().map(mentions).collect(),
            ..Way::default()
        }];
    }
    // The longest are the rarest, as a rule.
    words.sort_by_key(|word| Reverse(word.chars().count()));
    let (leading, others) = words.split_at(words.len().min(LEADING));
    let way = |choice: u32| {
        let mut conditions = Vec::new();
        let mut elsewhere = Vec::new();
        for (index, word) in leading.iter().enumerate() {
            let in_ticket = in_ticket(db, word);
            if choice >> index & 1 == 0 {
                conditions.push(in_ticket);
            } else {
                conditions.push(in_name(db, word));
                elsewhere.push(in_ticket);
            }
        }
        // A subquery of its own for each row: there are few, and customers so named may be many.
        let mentions = |word: &&str| {
            let customer = Expr::col((customer::Entity, customer::Column::Id));
            let named = named(db, word).and_where(customer.eq(customer_id())).take();
            in_ticket(db, word).or(Expr::exists(named))
        };
        conditions.extend(others.iter().map(mentions));
        Way {
            conditions,
            elsewhere,
            joined: choice > 0,
        }
    };
    (0..1 << leading.len()).map(way).collect()
}

fn in_ticket(db: DbBackend, word: &str) -> Expr {
    let text = Expr::cust(entity::ticket::SEARCH_TEXT);
    dialect::contains(db, text, word, Place::Anywhere)
}

fn customer_id() -> Expr {
    Expr::col((Entity, Column::CustomerId))
}

/// Adds the ticket's customer, for the orders by customer.
pub(super) fn join_customer(select: &mut SelectStatement) {
    select.inner_join(
        customer::Entity,
        Expr::col((customer::Entity, customer::Column::Id)).equals((Entity, Column::CustomerId)),
    );
}

/// One thing to sort tickets by.
#[derive(InputObject, Clone, Copy, Debug)]
pub struct TicketOrder {
    /// What to sort by.
    pub field: TicketOrderField,
    /// Which way.
    #[graphql(default)]
    pub direction: OrderDirection,
}

impl From<TicketOrder> for (TicketOrderField, OrderDirection) {
    fn from(order: TicketOrder) -> Self {
        (order.field, order.direction)
    }
}

/// What tickets can be sorted by.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketOrderField {
    /// The row's primary key.
    Number,
    /// The title.
    Title,
    /// Open tickets come before completed ones.
    Completed,
    /// Who works on it.
    Tech,
    /// When the row was made.
    CreatedAt,
    /// When the row was last changed.
    UpdatedAt,
    /// The customer's given name.
    CustomerFirstName,
    /// The customer's family name.
    CustomerLastName,
    /// The customer's email address.
    CustomerEmail,
}

impl TicketOrderField {
    pub(super) fn sort_key(self) -> SortKey {
        let ticket = |column, kind| SortKey {
            expr: Expr::col((Entity, column)),
            kind,
            joined: false,
        };
        let customer = |column| SortKey {
            expr: Expr::col((customer::Entity, column)),
            kind: KeyKind::Text,
            joined: true,
        };
        match self {
            Self::Number => ticket(Column::Id, KeyKind::Int),
            Self::Title => ticket(Column::Title, KeyKind::Text),
            Self::Completed => ticket(Column::Completed, KeyKind::Bool),
            Self::Tech => ticket(Column::Tech, KeyKind::Text),
            Self::CreatedAt => ticket(Column::CreatedAt, KeyKind::Time),
            Self::UpdatedAt => ticket(Column::UpdatedAt, KeyKind::Time),
            Self::CustomerFirstName => customer(customer::Column::FirstName),
            Self::CustomerLastName => customer(customer::Column::LastName),
            Self::CustomerEmail => customer(customer::Column::Email),
        }
    }
}
