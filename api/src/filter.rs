//! The operators of a filter, as SQL conditions. Knows no table: a feature's filter says which
//! column each operator is for.
//!
//! Logic is two-valued: a row whose column is null satisfies no comparison, and so satisfies each
//! one's opposite (`ne`, `notIn`, `not`).

use async_graphql::InputObject;
use sea_orm::{
    Condition, DbBackend,
    sea_query::{Expr, ExprTrait, IntoColumnRef},
};

use crate::{
    dialect::{self, Place},
    scalar::{DateTime, Needle, Text},
};

/// A feature's filter: what it makes of a row of its table.
pub trait Filter {
    /// The condition for a row that is in the list.
    fn condition(&self, backend: DbBackend) -> Condition;

    /// How many filters it is made of, itself included; a relation counts for [`RELATION`].
    fn size(&self) -> usize;
}

/// What a step to another table counts for in a filter's size: each is a query inside a query.
pub const RELATION: usize = 10;

/// The size of `and`, `or` and `not`, and of the filter that has them.
pub(crate) fn size<F: Filter>(and: Option<&Vec<F>>, or: Option<&Vec<F>>, not: Option<&F>) -> usize {
    let filters = (and.into_iter().flatten())
        .chain(or.into_iter().flatten())
        .chain(not);
    1 + filters.map(Filter::size).sum::<usize>()
}

/// `and`, `or` and `not`, which every filter has.
pub(crate) fn combine<F: Filter>(
    backend: DbBackend,
    and: Option<&Vec<F>>,
    or: Option<&Vec<F>>,
    not: Option<&F>,
) -> Condition {
    let mut all = Condition::all();
    for filter in and.into_iter().flatten() {
        all = all.add(filter.condition(backend));
    }
    if let Some(filters) = or {
        let mut any = Condition::any();
        // An empty condition would be left out of an OR, although every row satisfies it.
        let always = || Expr::Constant(true.into());
        for filter in filters {
            any = any.add(
                Condition::all()
                    .add(always())
                    .add(filter.condition(backend)),
            );
        }
        if filters.is_empty() {
            any = any.add(Expr::Constant(false.into()));
        }
        all = all.add(any);
    }
    if let Some(filter) = not {
        all = all.add(dialect::not(truth(filter.condition(backend))));
    }
    all
}

/// A condition as one expression; true where it asks for nothing.
pub(crate) fn truth(condition: Condition) -> Expr {
    if condition.is_empty() {
        Expr::Constant(true.into())
    } else {
        condition.into()
    }
}

/// An operator's condition on a column.
pub(crate) trait Operators {
    fn on(&self, backend: DbBackend, column: Expr) -> Condition;
}

/// Adds what `operators` say of `column`, where there are any.
pub(crate) fn add(
    condition: Condition,
    backend: DbBackend,
    column: impl IntoColumnRef,
    operators: Option<&impl Operators>,
) -> Condition {
    match operators {
        Some(operators) => condition.add(operators.on(backend, Expr::col(column))),
        None => condition,
    }
}

/// Conditions on a text; all that are given must hold, and one that is null counts as not given.
/// `contains`, `startsWith` and `endsWith` ignore case and take every character literally; the
/// others compare exactly. A null column satisfies `ne` and `notIn`, and none of the others but
/// `isNull`.
#[derive(InputObject, Clone, Debug, Default)]
pub struct StringFilter {
    /// Equal to this.
    pub eq: Option<Text>,
    /// Not equal to this.
    pub ne: Option<Text>,
    /// One of these.
    #[graphql(name = "in")]
    pub one_of: Option<Vec<Text>>,
    /// None of these.
    pub not_in: Option<Vec<Text>>,
    /// With this somewhere in it, whatever the case.
    pub contains: Option<Needle>,
    /// With this at the start, whatever the case.
    pub starts_with: Option<Needle>,
    /// With this at the end, whatever the case.
    pub ends_with: Option<Needle>,
    /// Null, or with `false`: not null.
    pub is_null: Option<bool>,
}

impl Operators for StringFilter {
    fn on(&self, backend: DbBackend, column: Expr) -> Condition {
        let owned = |texts: &Vec<Text>| -> Vec<String> {
            texts.iter().map(|text| text.as_str().to_owned()).collect()
        };
        let eq = |text: &Text| column.clone().eq(text.as_str());
        let one_of = |texts: &Vec<Text>| dialect::one_of(backend, column.clone(), &owned(texts));
        let has =
            |text: &Needle, place| dialect::contains(backend, column.clone(), text.as_str(), place);
        let null = |null: bool| {
            let column = column.clone();
            if null {
                column.is_null()
            } else {
                column.is_not_null()
            }
        };
        Condition::all()
            .add_option(self.eq.as_ref().map(eq))
            .add_option(self.ne.as_ref().map(eq).map(dialect::not))
            .add_option(self.one_of.as_ref().map(one_of))
            .add_option(self.not_in.as_ref().map(one_of).map(dialect::not))
            .add_option(
                self.contains
                    .as_ref()
                    .map(|text| has(text, Place::Anywhere)),
            )
            .add_option(
                self.starts_with
                    .as_ref()
                    .map(|text| has(text, Place::Start)),
            )
            .add_option(self.ends_with.as_ref().map(|text| has(text, Place::End)))
            .add_option(self.is_null.map(null))
    }
}

/// Conditions on a whole number; all that are given must hold, and one that is null counts as not
/// given.
#[derive(InputObject, Clone, Debug, Default)]
pub struct IntFilter {
    /// Equal to this.
    pub eq: Option<i32>,
    /// Not equal to this.
    pub ne: Option<i32>,
    /// One of these.
    #[graphql(name = "in")]
    pub one_of: Option<Vec<i32>>,
    /// None of these.
    pub not_in: Option<Vec<i32>>,
    /// Less than this.
    pub lt: Option<i32>,
    /// At most this.
    pub lte: Option<i32>,
    /// Greater than this.
    pub gt: Option<i32>,
    /// At least this.
    pub gte: Option<i32>,
}

impl Operators for IntFilter {
    fn on(&self, backend: DbBackend, column: Expr) -> Condition {
        let column = || column.clone();
        let one_of = |numbers: &Vec<i32>| dialect::one_of(backend, column(), numbers);
        Condition::all()
            .add_option(self.eq.map(|number| column().eq(number)))
            .add_option(self.ne.map(|number| column().ne(number)))
            .add_option(self.one_of.as_ref().map(one_of))
            .add_option(self.not_in.as_ref().map(one_of).map(dialect::not))
            .add_option(self.lt.map(|number| column().lt(number)))
            .add_option(self.lte.map(|number| column().lte(number)))
            .add_option(self.gt.map(|number| column().gt(number)))
            .add_option(self.gte.map(|number| column().gte(number)))
    }
}

/// A condition on a yes or no; one that is null counts as not given.
#[derive(InputObject, Clone, Debug, Default)]
pub struct BooleanFilter {
    /// Equal to this.
    pub eq: Option<bool>,
}

impl Operators for BooleanFilter {
    fn on(&self, _: DbBackend, column: Expr) -> Condition {
        // As the partial indexes have it.
        let eq = |flag: bool| if flag { column } else { column.not() };
        Condition::all().add_option(self.eq.map(eq))
    }
}

/// Conditions on an instant; all that are given must hold, and one that is null counts as not
/// given.
#[derive(InputObject, Clone, Debug, Default)]
pub struct DateTimeFilter {
    /// Equal to this, to the microsecond.
    pub eq: Option<DateTime>,
    /// Not equal to this.
    pub ne: Option<DateTime>,
    /// Before this.
    pub lt: Option<DateTime>,
    /// Before this or at it.
    pub lte: Option<DateTime>,
    /// After this.
    pub gt: Option<DateTime>,
    /// After this or at it.
    pub gte: Option<DateTime>,
}

impl Operators for DateTimeFilter {
    fn on(&self, _: DbBackend, column: Expr) -> Condition {
        let column = || column.clone();
        Condition::all()
            .add_option(self.eq.map(|instant| column().eq(instant.0)))
            .add_option(self.ne.map(|instant| column().ne(instant.0)))
            .add_option(self.lt.map(|instant| column().lt(instant.0)))
            .add_option(self.lte.map(|instant| column().lte(instant.0)))
            .add_option(self.gt.map(|instant| column().gt(instant.0)))
            .add_option(self.gte.map(|instant| column().gte(instant.0)))
    }
}
