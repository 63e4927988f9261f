//! Which columns of a record's table a selection needs. Knows no feature.

use std::{iter, marker::PhantomData};

use async_graphql::{Context, ContextBase, Positioned, parser::types::SelectionSet};
use sea_orm::{EntityTrait, IdenStatic};

use super::{Record, behind};
use crate::shape::selected;

/// The column type of a record's table.
pub type ColumnOf<R> = <<R as Record>::Entity as EntityTrait>::Column;

/// A set of columns of a record's table, by their place in [`Record::COLUMNS`].
#[derive(Debug)]
pub struct Columns<R>(u32, PhantomData<fn() -> R>);

impl<R> Clone for Columns<R> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<R> Copy for Columns<R> {}
impl<R> PartialEq for Columns<R> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<R> Eq for Columns<R> {}
impl<R> std::hash::Hash for Columns<R> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<R: Record> Columns<R> {
    /// A column is a bit.
    const FIT: () = assert!(
        R::COLUMNS.len() <= 32,
        "more columns than a set has room for"
    );

    /// The primary key alone.
    #[must_use]
    pub fn key() -> Self {
        let () = Self::FIT;
        Self(1, PhantomData)
    }

    /// Every column.
    #[must_use]
    pub fn all() -> Self {
        let () = Self::FIT;
        Self(u32::MAX >> (32 - R::COLUMNS.len()), PhantomData)
    }

    /// The columns that a selection on an object of type `R` needs.
    #[must_use]
    pub fn selected<'a, T>(
        ctx: &ContextBase<'a, T>,
        sets: &[&'a Positioned<SelectionSet>],
    ) -> Self {
        let fields = selected(ctx, Some(R::NAME), sets);
        let needed = fields.iter().filter_map(|field| behind::<R>(field.name()));
        needed.fold(Self::key(), |columns, (column, _)| {
            Self(columns.0 | 1 << place::<R>(column), PhantomData)
        })
    }

    /// The columns that a mutation's field shows of the record behind `field` of its payload.
    pub(crate) fn of_payload(ctx: &Context<'_>, field: &str) -> Self {
        let payload = selected(ctx, None, &[&ctx.item.node.selection_set]);
        let shown = payload.iter().filter(|shown| shown.name() == field);
        shown.fold(Self::key(), |columns, shown| {
            columns.or(Self::selected(ctx, &shown.sets))
        })
    }

    /// The set, to tell it from others.
    pub(crate) fn bits(self) -> u32 {
        self.0
    }

    /// The columns of either set.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0, PhantomData)
    }

    #[must_use]
    pub fn is_key_alone(self) -> bool {
        self == Self::key()
    }

    /// How many there are.
    #[must_use]
    pub fn count(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Which of them, in the order of [`Columns::iter`], the column at this place of
    /// [`Record::COLUMNS`] is.
    pub(super) fn index(self, place: usize) -> Option<usize> {
        let column = 1 << place;
        let before = self.0 & (column - 1);
        (self.0 & column != 0).then_some(before.count_ones() as usize)
    }

    /// The columns, the primary key first.
    pub fn iter(self) -> impl Iterator<Item = ColumnOf<R>> {
        let mut rest = self.0;
        iter::from_fn(move || {
            let column = R::COLUMNS.get(rest.trailing_zeros() as usize)?;
            rest &= rest - 1;
            Some(*column)
        })
    }
}

/// The place of a column in [`Record::COLUMNS`].
pub(super) fn place<R: Record>(column: ColumnOf<R>) -> usize {
    let place = (R::COLUMNS.iter()).position(|other| other.as_str() == column.as_str());
    place.expect("a field's column is one of the record's")
}
