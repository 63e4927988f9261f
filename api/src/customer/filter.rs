//! Which customers, and in which order.

use async_graphql::{Enum, InputObject};
use entity::{
    customer::{Column, Entity},
    ticket,
};
use sea_orm::{
    Condition, DbBackend,
    sea_query::{Asterisk, Expr, ExprTrait, Func, Query, SelectStatement},
};

use crate::{
    dialect::{self, Place},
    filter::{
        BooleanFilter, DateTimeFilter, Filter, IntFilter, RELATION, StringFilter, add, combine,
        size, truth,
    },
    page::{KeyKind, OrderDirection, SortKey},
    ticket::TicketFilter,
};

/// Conditions on a customer. All the conditions given must hold; one that is null counts as not
/// given.
#[derive(InputObject, Clone, Debug, Default)]
pub struct CustomerFilter {
    /// All of these hold.
    pub and: Option<Vec<CustomerFilter>>,
    /// At least one of these holds.
    pub or: Option<Vec<CustomerFilter>>,
    /// This does not hold.
    pub not: Option<Box<CustomerFilter>>,
    /// The number.
    pub number: Option<IntFilter>,
    /// The given name.
    pub first_name: Option<StringFilter>,
    /// The family name.
    pub last_name: Option<StringFilter>,
    /// The email address.
    pub email: Option<StringFilter>,
    /// The telephone number.
    pub phone: Option<StringFilter>,
    /// Street and house number.
    pub address1: Option<StringFilter>,
    /// Flat, floor or company.
    pub address2: Option<StringFilter>,
    /// The town.
    pub city: Option<StringFilter>,
    /// The two-letter code of the state.
    pub state: Option<StringFilter>,
    /// The postal code.
    pub zip_code: Option<StringFilter>,
    /// What the shop wants to remember.
    pub notes: Option<StringFilter>,
    /// Whether the shop still works for the customer.
    pub active: Option<BooleanFilter>,
    /// When the row was made.
    pub created_at: Option<DateTimeFilter>,
    /// When the row was last changed.
    pub updated_at: Option<DateTimeFilter>,
    /// The customer's tickets.
    pub tickets: Option<Box<TicketListFilter>>,
}

/// Conditions on a customer's tickets.
#[derive(InputObject, Clone, Debug, Default)]
pub struct TicketListFilter {
    /// At least one ticket satisfies this.
    pub some: Option<TicketFilter>,
    /// Each ticket satisfies this; so it is without any ticket.
    pub every: Option<TicketFilter>,
    /// No ticket satisfies this.
    pub none: Option<TicketFilter>,
}

impl Filter for CustomerFilter {
    fn size(&self) -> usize {
        size(self.and.as_ref(), self.or.as_ref(), self.not.as_deref())
            + self.tickets.as_ref().map_or(0, |tickets| tickets.size())
    }

    fn condition(&self, db: DbBackend) -> Condition {
        let all = combine(db, self.and.as_ref(), self.or.as_ref(), self.not.as_deref());
        let col = |column| (Entity, column);
        let all = add(all, db, col(Column::Id), self.number.as_ref());
        let all = add(all, db, col(Column::FirstName), self.first_name.as_ref());
        let all = add(all, db, col(Column::LastName), self.last_name.as_ref());
        let all = add(all, db, col(Column::Email), self.email.as_ref());
        let all = add(all, db, col(Column::Phone), self.phone.as_ref());
        let all = add(all, db, col(Column::Address1), self.address1.as_ref());
        let all = add(all, db, col(Column::Address2), self.address2.as_ref());
        let all = add(all, db, col(Column::City), self.city.as_ref());
        let all = add(all, db, col(Column::State), self.state.as_ref());
        let all = add(all, db, col(Column::ZipCode), self.zip_code.as_ref());
        let all = add(all, db, col(Column::Notes), self.notes.as_ref());
        let all = add(all, db, col(Column::Active), self.active.as_ref());
        let all = add(all, db, col(Column::CreatedAt), self.created_at.as_ref());
        let all = add(all, db, col(Column::UpdatedAt), self.updated_at.as_ref());
        match &self.tickets {
            Some(tickets) => all.add(tickets.condition(db)),
            None => all,
        }
    }
}

impl TicketListFilter {
    fn size(&self) -> usize {
        let filters = [&self.some, &self.every, &self.none];
        filters
            .into_iter()
            .flatten()
            .map(|filter| RELATION + filter.size())
            .sum()
    }

    fn condition(&self, db: DbBackend) -> Condition {
        let truth = |filter: &TicketFilter| truth(filter.condition(db));
        Condition::all()
            .add_option(self.some.as_ref().map(|some| exists(truth(some))))
            .add_option((self.every.as_ref()).map(|every| exists(dialect::not(truth(every))).not()))
            .add_option(self.none.as_ref().map(|none| exists(truth(none)).not()))
    }
}

/// Whether the customer has a ticket that satisfies a condition.
fn exists(condition: Expr) -> Expr {
    Expr::exists(of_customer().expr(Expr::val(1)).and_where(condition).take())
}

/// The tickets of the customer of the enclosing statement.
fn of_customer() -> SelectStatement {
    Query::select()
        .from(ticket::Entity)
        .and_where(
            Expr::col((ticket::Entity, ticket::Column::CustomerId)).equals((Entity, Column::Id)),
        )
        .take()
}

/// Whether a word of a search occurs in a customer's row.
pub(super) fn mentions(db: DbBackend, word: &str) -> Expr {
    let text = Expr::cust(entity::customer::SEARCH_TEXT);
    dialect::contains(db, text, word, Place::Anywhere)
}

/// The customers in whose name a word occurs, by primary key.
pub(crate) fn named(db: DbBackend, word: &str) -> SelectStatement {
    Query::select()
        .column((Entity, Column::Id))
        .from(Entity)
        .and_where(in_name(db, word))
        .take()
}

/// Whether a word occurs in a customer's name.
pub(crate) fn in_name(db: DbBackend, word: &str) -> Expr {
    let name = Expr::cust(entity::customer::NAME_TEXT);
    dialect::contains(db, name, word, Place::Anywhere)
}

/// One thing to sort customers by.
#[derive(InputObject, Clone, Copy, Debug)]
pub struct CustomerOrder {
    /// What to sort by.
    pub field: CustomerOrderField,
    /// Which way.
    #[graphql(default)]
    pub direction: OrderDirection,
}

impl From<CustomerOrder> for (CustomerOrderField, OrderDirection) {
    fn from(order: CustomerOrder) -> Self {
        (order.field, order.direction)
    }
}

/// What customers can be sorted by.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum CustomerOrderField {
    /// The row's primary key.
    Number,
    /// Given name.
    FirstName,
    /// Family name.
    LastName,
    /// Email address.
    Email,
    /// Town.
    City,
    /// Two-letter code of the state.
    State,
    /// Inactive customers come before active ones.
    Active,
    /// When the row was made.
    CreatedAt,
    /// When the row was last changed.
    UpdatedAt,
    /// How many tickets the customer has.
    TicketCount,
}

impl CustomerOrderField {
    pub(super) fn sort_key(self) -> SortKey {
        let (column, kind) = match self {
            Self::Number => (Column::Id, KeyKind::Int),
            Self::FirstName => (Column::FirstName, KeyKind::Text),
            Self::LastName => (Column::LastName, KeyKind::Text),
            Self::Email => (Column::Email, KeyKind::Text),
            Self::City => (Column::City, KeyKind::Text),
            Self::State => (Column::State, KeyKind::Text),
            Self::Active => (Column::Active, KeyKind::Bool),
            Self::CreatedAt => (Column::CreatedAt, KeyKind::Time),
            Self::UpdatedAt => (Column::UpdatedAt, KeyKind::Time),
            Self::TicketCount => {
                let count = of_customer().expr(Func::count(Expr::col(Asterisk))).take();
                return SortKey {
                    expr: Expr::SubQuery(None, Box::new(count.into())),
                    kind: KeyKind::BigInt,
                    joined: false,
                };
            }
        };
        SortKey {
            expr: Expr::col((Entity, column)),
            kind,
            joined: false,
        }
    }
}
