//! Rows as GraphQL objects: which columns a selection needs, reading just those, and (`object.rs`)
//! writing rows without a future per field.
//!
//! This is the module that may be clever, so that the features need not be. It knows nothing of any
//! feature: a type says in [`Record::COLUMNS`] which column is behind which field, and a field that
//! is not listed there costs time (all columns are read, its resolver runs), never correctness.

mod object;

use std::{collections::HashMap, marker::PhantomData, sync::Arc};

use async_graphql::{
    Context, ContextBase, ObjectType, Positioned, dataloader,
    parser::types::{Field, Selection, SelectionSet},
};
use sea_orm::{
    ColIdx, ConnectionTrait, DbErr, EntityTrait, IdenStatic, ModelTrait, QueryResult, TryGetable,
    sea_query::{ArrayType, Expr, Query, Value as SqlValue},
};

use crate::{
    Error, Result,
    context::{ContextExt, Loader},
    dialect,
};
pub use object::{Row, Rows, Written};

/// A row of one table, as an object of the API. Cheap to clone.
pub trait Record:
    ObjectType + Clone + From<Arc<<Self::Entity as EntityTrait>::Model>> + 'static
{
    type Entity: EntityTrait<Model: ModelTrait<Entity = Self::Entity> + Default + Send + Sync>;

    /// The type's name in the schema, and the prefix of its global ids.
    const NAME: &'static str;

    /// The table's columns, the primary key first, each with the field that shows it as it is;
    /// none where there is no such field.
    const COLUMNS: &'static [(ColumnOf<Self>, Option<&'static str>)];

    /// The fields that are more than a column, with the column that their resolver needs.
    const COMPUTED: &'static [(&'static str, ColumnOf<Self>)];

    /// The column that says when a row was last changed.
    const UPDATED_AT: ColumnOf<Self>;

    fn model(&self) -> &<Self::Entity as EntityTrait>::Model;

    /// The primary key.
    fn number(&self) -> i32;

    /// The record behind a field, where it was read together with this one.
    fn read_with(&self, _field: &str) -> Option<&dyn Written> {
        None
    }
}

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
        Self(u32::MAX, PhantomData)
    }

    /// The columns that a selection on an object of type `R` needs.
    #[must_use]
    pub fn selected<'a>(ctx: &Context<'a>, set: &'a SelectionSet) -> Self {
        let mut columns = Self::key();
        for field in selected(ctx, Some(R::NAME), set) {
            columns = columns.with(&field.node.name.node);
        }
        columns
    }

    fn with(self, field: &str) -> Self {
        let bits = match column_behind::<R>(field) {
            Some(index) => 1 << index,
            None if field == "__typename" => 0,
            None => Self::all().0,
        };
        Self(self.0 | bits, PhantomData)
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

    /// The columns, the primary key first.
    pub fn iter(self) -> impl Iterator<Item = ColumnOf<R>> {
        (R::COLUMNS.iter().enumerate())
            .filter(move |(index, _)| self.0 & (1 << index) != 0)
            .map(|(_, (column, _))| *column)
    }

    /// Reads a record from the columns of `row` that begin at `start`, selected in the order of
    /// [`Columns::iter`]. Columns that are not in the set keep their type's default.
    ///
    /// # Errors
    /// Where the database's type is not the entity's.
    pub fn read(self, row: &QueryResult, start: usize) -> Result<R, DbErr> {
        let mut model = <R::Entity as EntityTrait>::Model::default();
        for (offset, column) in self.iter().enumerate() {
            let value = read_value::<R>(row, start + offset, column)?;
            model.try_set(column, value)?;
        }
        Ok(R::from(Arc::new(model)))
    }
}

fn read_value<R: Record>(
    row: &QueryResult,
    index: usize,
    column: ColumnOf<R>,
) -> Result<SqlValue, DbErr> {
    fn get<T: TryGetable>(row: &QueryResult, index: impl ColIdx) -> Result<Option<T>, DbErr> {
        row.try_get_by(index)
    }
    Ok(
        match <R::Entity as EntityTrait>::Model::get_value_type(column) {
            ArrayType::Int => SqlValue::Int(get(row, index)?),
            ArrayType::Bool => SqlValue::Bool(get(row, index)?),
            ArrayType::String => SqlValue::String(get(row, index)?),
            ArrayType::ChronoDateTime => SqlValue::ChronoDateTime(get(row, index)?),
            other => {
                return Err(DbErr::Type(format!(
                    "no reader for columns of type {other:?}"
                )));
            }
        },
    )
}

/// The place in [`Record::COLUMNS`] of the column that a field shows.
fn plain_column<R: Record>(field: &str) -> Option<usize> {
    R::COLUMNS
        .iter()
        .position(|(_, shown)| *shown == Some(field))
}

/// The place in [`Record::COLUMNS`] of the column that a field shows or needs.
fn column_behind<R: Record>(field: &str) -> Option<usize> {
    plain_column::<R>(field).or_else(|| {
        let (_, needed) = R::COMPUTED.iter().find(|(name, _)| *name == field)?;
        (R::COLUMNS.iter()).position(|(column, _)| column.as_str() == needed.as_str())
    })
}

/// The fields that are selected on an object of type `name`, with fragments unfolded; all of them
/// where no name is given, since the schema has no interface of that type. What `@skip` and
/// `@include` leave out is gone before execution begins.
pub fn selected<'a, T>(
    ctx: &ContextBase<'a, T>,
    name: Option<&str>,
    set: &'a SelectionSet,
) -> Vec<&'a Positioned<Field>> {
    let mut fields = Vec::with_capacity(set.items.len());
    collect(ctx, name, set, &mut fields);
    fields
}

fn collect<'a, T>(
    ctx: &ContextBase<'a, T>,
    name: Option<&str>,
    set: &'a SelectionSet,
    fields: &mut Vec<&'a Positioned<Field>>,
) {
    // `Node` is the schema's only interface.
    let applies = |condition: &str| name.is_none_or(|name| [name, "Node"].contains(&condition));
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => fields.push(field),
            Selection::InlineFragment(fragment) => {
                let condition = fragment.node.type_condition.as_ref();
                if condition.is_none_or(|condition| applies(&condition.node.on.node)) {
                    collect(ctx, name, &fragment.node.selection_set.node, fields);
                }
            }
            Selection::FragmentSpread(spread) => {
                let fragment = ctx.query_env.fragments.get(&spread.node.fragment_name.node);
                if let Some(fragment) = fragment
                    && applies(&fragment.node.type_condition.node.on.node)
                {
                    collect(ctx, name, &fragment.node.selection_set.node, fields);
                }
            }
        }
    }
}

/// The records of a table that satisfy a condition, with the columns that are asked for.
///
/// # Errors
/// What the database says, masked.
pub async fn find<R: Record>(
    db: &impl ConnectionTrait,
    columns: Columns<R>,
    condition: Expr,
) -> Result<Vec<R>> {
    let table = R::Entity::default();
    let select = Query::select()
        .columns(columns.iter().map(|column| (table, column)))
        .from(table)
        .and_where(condition)
        .take();
    let rows = db.query_all(&select).await?;
    let records = rows.iter().map(|row| columns.read(row, 0));
    Ok(records.collect::<Result<_, DbErr>>()?)
}

/// The record with this primary key, for a field that shows `columns` of it: together with all
/// that are asked for at the same moment, in one statement.
///
/// # Errors
/// What the database says, masked.
pub async fn load<R: Record>(
    ctx: &Context<'_>,
    number: i32,
    columns: Columns<R>,
) -> Result<Option<R>> {
    ctx.shop().loader.load_one((number, columns)).await
}

impl<R: Record> dataloader::Loader<(i32, Columns<R>)> for Loader {
    type Value = R;
    type Error = Error;

    async fn load(&self, keys: &[(i32, Columns<R>)]) -> Result<HashMap<(i32, Columns<R>), R>> {
        let numbers: Vec<i32> = keys.iter().map(|(number, _)| *number).collect();
        let columns = keys
            .iter()
            .fold(Columns::key(), |all, (_, columns)| all.or(*columns));
        let key = Expr::col((R::Entity::default(), R::COLUMNS[0].0));
        let condition = dialect::one_of(self.db.get_database_backend(), key, &numbers);
        let records = find::<R>(&self.db, columns, condition).await?;
        let by_number: HashMap<i32, R> = records
            .into_iter()
            .map(|record| (record.number(), record))
            .collect();
        Ok((keys.iter())
            .filter_map(|key| Some((*key, by_number.get(&key.0)?.clone())))
            .collect())
    }
}
