//! What the database has to do for a field beside reading the rows that are shown: the table of
//! prices, in objects of an answer.
//!
//! | What an argument has | Price |
//! |---|---|
//! | a condition in `where`, a field in `orderBy` | 10 |
//! | a condition on what no index has: a title, an address, … | 200 |
//! | a text that is looked for: `contains`, `startsWith`, `endsWith`, each word of `search` | 200 |
//! | a step to another table: a filter on a relation | 200 |
//! | an order that no index has; each further field of one | 200 |
//! | `by`, which goes through a table | 200 |
//! | `offset` | 1 for each 100 rows that are skipped, 200 at most |
//! | an item of a list in `where`; a value to be written, in `input` | 1 |
//!
//! To go through a table costs what it costs, whether it has a thousand rows or a million: 200 is
//! what a shop of some ten thousand tickets takes, some milliseconds. Values of variables are priced
//! as those that are written in the document. Knows arguments and operators by their names.

use std::collections::HashMap;

use apollo_compiler::{
    Name, Node,
    ast::{Argument, Value},
};
use async_graphql::{Value as ConstValue, Variables};

/// What may go through a whole table.
pub(super) const SEARCH: u64 = 200;
/// What is held against each row on the way, or sorts the rows.
const CONDITION: u64 = 10;
/// One of many values.
const ITEM: u64 = 1;
/// How many rows are skipped for 1.
const SKIPPED: u64 = 100;

/// The orders that sort what they find: no index has them.
const UNINDEXED_ORDERS: [&str; 5] = [
    "TITLE",
    "TICKET_COUNT",
    "CUSTOMER_FIRST_NAME",
    "CUSTOMER_LAST_NAME",
    "CUSTOMER_EMAIL",
];

/// The columns that rows are looked for in one by one: no index has them.
const UNINDEXED_COLUMNS: [&str; 7] = [
    "title",
    "description",
    "phone",
    "address1",
    "address2",
    "zipCode",
    "notes",
];

/// What some arguments of a field have the database do.
#[derive(Clone, Debug, Default)]
pub(super) struct Work {
    /// Whatever the variables.
    pub(super) fixed: u64,
    /// What is a variable's to say: by its place in [`Uses`].
    pub(super) varying: Vec<usize>,
}

/// What the variables of an operation are used for, each use once: however many fields have it, it
/// is looked at once in a request.
#[derive(Debug, Default)]
pub(super) struct Uses(HashMap<(Place, Name), usize>);

/// What a value is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Place {
    Where,
    /// In `where`: conditions on the rows of another table.
    Relation,
    /// In `where`: what goes through the rows, for a text within another or a column without an index.
    Scan,
    Search,
    OrderBy,
    Offset,
    Input,
}

impl Uses {
    /// The price of each with these variables.
    pub(super) fn prices(&self, variables: &Variables) -> Vec<u64> {
        let mut prices = vec![0; self.0.len()];
        for ((place, name), index) in &self.0 {
            if let Some(value) = variables.get(name.as_str()) {
                prices[*index] = price(*place, value, &mut |_, _| {});
            }
        }
        prices
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    fn place_of(&mut self, place: Place, name: &Name) -> usize {
        let next = self.0.len();
        *self.0.entry((place, name.clone())).or_insert(next)
    }
}

impl Work {
    /// To find the rows of a list, on all its pages.
    pub(super) fn of_scope(arguments: &[Node<Argument>], uses: &mut Uses) -> Self {
        Self::of(arguments, uses, |name| match name {
            "where" => Some(Place::Where),
            "search" => Some(Place::Search),
            _ => None,
        })
    }

    /// All else that a field's arguments ask for.
    pub(super) fn of_rest(arguments: &[Node<Argument>], uses: &mut Uses) -> Self {
        let mut work = Self::of(arguments, uses, |name| match name {
            "orderBy" => Some(Place::OrderBy),
            "offset" => Some(Place::Offset),
            "input" => Some(Place::Input),
            _ => None,
        });
        if arguments.iter().any(|it| it.name == "by") {
            work.fixed = work.fixed.saturating_add(SEARCH);
        }
        work
    }

    fn of(
        arguments: &[Node<Argument>],
        uses: &mut Uses,
        place: impl Fn(&str) -> Option<Place>,
    ) -> Self {
        let (mut fixed, mut varying) = (0_u64, Vec::new());
        for argument in arguments {
            if let Some(place) = place(&argument.name) {
                let mut varies = |place, name: &Name| varying.push(uses.place_of(place, name));
                fixed = fixed.saturating_add(price(place, &*argument.value, &mut varies));
            }
        }
        Self { fixed, varying }
    }
}

impl Place {
    /// Of a field of an object here.
    fn below(self, field: &str) -> Self {
        match (self, field) {
            (Self::Where | Self::Relation, "contains" | "startsWith" | "endsWith") => Self::Scan,
            (Self::Where | Self::Relation, column) if UNINDEXED_COLUMNS.contains(&column) => {
                Self::Scan
            }
            (Self::Where | Self::Relation, "customer" | "some" | "every" | "none") => {
                Self::Relation
            }
            (Self::Where | Self::Relation, _) => Self::Where,
            (place, _) => place,
        }
    }
}

/// Goes as deep as the parser, or serde, has gone before.
fn price<'a, V: Given>(
    place: Place,
    value: &'a V,
    varies: &mut impl FnMut(Place, &'a Name),
) -> u64 {
    let prices: u64 = match value.view() {
        View::Null => return 0,
        View::Variable(name) => {
            varies(place, name);
            return 0;
        }
        View::Object(fields) => (fields.into_iter())
            .map(|(name, value)| price(place.below(name), value, varies))
            .fold(0, u64::saturating_add),
        View::List(items) if matches!(place, Place::Where | Place::Scan) => {
            let is_leaf = |it: &&V| matches!(it.view(), View::Leaf(_));
            let (leaves, others): (Vec<_>, Vec<_>) = items.into_iter().partition(is_leaf);
            let condition = leaves.first().map_or(0, |_| place.condition());
            let items = ITEM * (leaves.len() + others.len()) as u64;
            (others.into_iter())
                .map(|value| price(place, value, varies))
                .fold(condition + items, u64::saturating_add)
        }
        View::List(items) => {
            // An index has one of them.
            let others = items.len().saturating_sub(1) as u64;
            let sorting = if place == Place::OrderBy {
                others * SEARCH
            } else {
                0
            };
            (items.into_iter())
                .map(|value| price(place, value, varies))
                .fold(sorting, u64::saturating_add)
        }
        View::Leaf(leaf) => return place.leaf(&leaf),
    };
    let step = if place == Place::Relation { SEARCH } else { 0 };
    prices.saturating_add(step)
}

impl Place {
    /// To hold one against a row.
    fn condition(self) -> u64 {
        if self == Self::Scan {
            SEARCH
        } else {
            CONDITION
        }
    }

    fn leaf(self, leaf: &Leaf<'_>) -> u64 {
        match (self, leaf) {
            (Self::Search, Leaf::Text(text)) => text.split_whitespace().count() as u64 * SEARCH,
            (Self::OrderBy, Leaf::Text("ASC" | "DESC")) => 0,
            (Self::OrderBy, Leaf::Text(order)) if UNINDEXED_ORDERS.contains(order) => SEARCH,
            (Self::Where | Self::Relation | Self::Scan | Self::OrderBy, _) => self.condition(),
            // What is below 0 is refused by who knows what it means.
            (Self::Offset, Leaf::Number(rows)) => {
                (u64::try_from(*rows).unwrap_or(0) / SKIPPED).min(SEARCH)
            }
            (Self::Input, _) => ITEM,
            (Self::Search | Self::Offset, _) => 0,
        }
    }
}

/// A value, of a document or of a variable.
trait Given: Sized {
    fn view(&self) -> View<'_, Self>;
}

enum View<'a, V> {
    Null,
    Variable(&'a Name),
    Leaf(Leaf<'a>),
    List(Vec<&'a V>),
    Object(Vec<(&'a str, &'a V)>),
}

enum Leaf<'a> {
    /// A string, or a value of an enum.
    Text(&'a str),
    Number(i64),
    Other,
}

impl Given for Value {
    fn view(&self) -> View<'_, Self> {
        match self {
            Self::Null => View::Null,
            Self::Variable(name) => View::Variable(name),
            Self::String(text) => View::Leaf(Leaf::Text(text)),
            Self::Enum(name) => View::Leaf(Leaf::Text(name)),
            Self::Int(number) => {
                View::Leaf(number.as_str().parse().map_or(Leaf::Other, Leaf::Number))
            }
            Self::Float(_) | Self::Boolean(_) => View::Leaf(Leaf::Other),
            Self::List(items) => View::List(items.iter().map(|it| &**it).collect()),
            Self::Object(fields) => {
                let fields = fields.iter().map(|(name, value)| (name.as_str(), &**value));
                View::Object(fields.collect())
            }
        }
    }
}

impl Given for ConstValue {
    fn view(&self) -> View<'_, Self> {
        match self {
            Self::Null => View::Null,
            Self::String(text) => View::Leaf(Leaf::Text(text)),
            Self::Enum(name) => View::Leaf(Leaf::Text(name)),
            Self::Number(number) => View::Leaf(number.as_i64().map_or(Leaf::Other, Leaf::Number)),
            Self::Boolean(_) | Self::Binary(_) => View::Leaf(Leaf::Other),
            Self::List(items) => View::List(items.iter().collect()),
            Self::Object(fields) => {
                let fields = fields.iter().map(|(name, value)| (name.as_str(), value));
                View::Object(fields.collect())
            }
        }
    }
}
