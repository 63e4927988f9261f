//! Rows as GraphQL objects: which columns a selection needs, reading just those, writing them.
//!
//! Knows nothing of any feature: a type says in [`Record::FIELDS`] what is behind each of its
//! fields.

mod columns;
mod values;

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use async_graphql::{
    Context, ContextSelectionSet, ObjectType, OutputType, Positioned, ServerResult, Value,
    dataloader,
    futures_util::future::BoxFuture,
    parser::types::{Field, SelectionSet},
    registry::Registry,
};
use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, EntityTrait, ModelTrait, QueryResult,
    sea_query::{Expr, Query, SelectStatement},
};

use crate::{
    Error, Result,
    context::{ContextExt, Loader},
    database::Pool,
    dialect,
    node::global_id,
    shape::{Shape, Writer, append, selected, typename},
};
use columns::place;
pub use columns::{ColumnOf, Columns};
pub use values::Values;

/// A row of one table, as an object of the API. Cheap to clone.
pub trait Record: ObjectType + Clone + From<Values<Self>> + 'static {
    type Entity: EntityTrait<Model: ModelTrait<Entity = Self::Entity>>;

    /// The type's name in the schema, and the prefix of its global ids.
    const NAME: &'static str;

    /// The table's columns, the primary key first.
    const COLUMNS: &'static [ColumnOf<Self>];

    /// The type's fields, each with the column that it needs and with what it shows of a record.
    const FIELDS: &'static [(&'static str, ColumnOf<Self>, Shown<Self>)];

    /// The column that says when a row was last changed.
    const UPDATED_AT: ColumnOf<Self>;

    /// What was read of its row.
    fn values(&self) -> &Values<Self>;
}

/// What a field shows of a record.
pub enum Shown<R> {
    /// The column's value.
    Column,
    /// The global id.
    Id,
    /// What has to be read first, for all records of a list at once.
    Below(Below<R>),
}

/// Reads what a field shows of each of `rows`, and returns how it is written; `ctx` is the field's,
/// and `sets` are selected below it.
pub type Below<R> = for<'c> fn(
    ctx: &'c Context<'c>,
    sets: &'c [&'c Positioned<SelectionSet>],
    rows: &'c [&'c R],
) -> BoxFuture<'c, ServerResult<Writer<R>>>;

/// What is behind a field; nothing where it is `__typename`.
fn behind<R: Record>(field: &str) -> Option<(ColumnOf<R>, &'static Shown<R>)> {
    let found = R::FIELDS.iter().find(|(name, ..)| *name == field);
    found.map(|(_, column, shown)| (*column, shown))
}

/// How a selection writes records of one type, and what it needs for all of `rows`.
///
/// # Errors
/// Those of the fields below.
pub async fn shape<R: Record>(
    ctx: &ContextSelectionSet<'_>,
    sets: &[&Positioned<SelectionSet>],
    rows: &[&R],
) -> ServerResult<Shape<R>> {
    let mut shape = Shape::default();
    if rows.is_empty() {
        return Ok(shape); // Nothing is executed below no row.
    }
    for selected in selected(ctx, Some(R::NAME), sets) {
        let writer: Writer<R> = match behind::<R>(selected.name()) {
            None => typename(R::NAME),
            Some((column, Shown::Column)) => {
                let place = place::<R>(column);
                Box::new(move |row, json| row.values().write(place, json))
            }
            Some((_, Shown::Id)) => Box::new(|row, json| {
                append(json, &global_id::<R>(row.values().number()));
            }),
            Some((_, Shown::Below(below))) => {
                let ctx = ctx.with_field(selected.field);
                below(&ctx, &selected.sets, rows).await?
            }
        };
        shape.push(&selected, writer);
    }
    Ok(shape)
}

/// A record behind a field.
#[derive(Clone, Debug)]
pub struct Row<R>(pub R);

impl<R: Record> OutputType for Row<R> {
    fn type_name() -> Cow<'static, str> {
        R::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        R::create_type_info(registry)
    }

    async fn resolve(
        &self,
        ctx: &ContextSelectionSet<'_>,
        _field: &Positioned<Field>,
    ) -> ServerResult<Value> {
        let shape = shape(ctx, &[ctx.item], &[&self.0]).await?;
        shape.value(ctx, &self.0)
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
    let rows = db.query_all(&select(columns, condition)).await?;
    let records = rows.iter().map(|row| columns.read(row, 0));
    Ok(records.collect::<Result<_, DbErr>>()?)
}

fn select<R: Record>(columns: Columns<R>, condition: Expr) -> SelectStatement {
    let table = R::Entity::default();
    Query::select()
        .columns(columns.iter().map(|column| (table, column)))
        .from(table)
        .and_where(condition)
        .take()
}

/// The records that have these primary keys, which are distinct and sorted, by them.
///
/// # Errors
/// What the database says, masked.
pub(crate) async fn by_number<R: Record>(
    db: &Pool,
    columns: Columns<R>,
    numbers: &[i32],
) -> Result<HashMap<i32, R>> {
    let select = move |backend, numbers: &[i32]| among(backend, columns, numbers);
    let kind = (R::NAME, [columns.bits(), 0]);
    let rows = db.rows_by_key(kind, numbers, select).await?;
    own(&rows, numbers, |row| columns.read(row, 0))
}

/// Selects the records with these primary keys.
pub(crate) fn among<R: Record>(
    backend: DbBackend,
    columns: Columns<R>,
    numbers: &[i32],
) -> SelectStatement {
    select(columns, dialect::one_of(backend, key::<R>(), numbers))
}

/// What is read of the rows with these keys, which are distinct and sorted and stand in the first
/// column, by them: others may have asked for the other rows.
pub(crate) fn own<T>(
    rows: &[QueryResult],
    keys: &[i32],
    read: impl Fn(&QueryResult) -> Result<T, DbErr>,
) -> Result<HashMap<i32, T>> {
    debug_assert!(keys.is_sorted());
    let mut own = HashMap::with_capacity(keys.len());
    for row in rows {
        let key = dialect::value(row, 0)?;
        if keys.binary_search(&key).is_ok() {
            own.insert(key, read(row)?);
        }
    }
    Ok(own)
}

/// A record's primary key, in SQL.
pub(crate) fn key<R: Record>() -> Expr {
    Expr::col((R::Entity::default(), R::COLUMNS[0]))
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
    let records = load_all(ctx, [number].into(), columns).await?;
    Ok(records.get(&number).cloned())
}

/// The records with these primary keys, as [`load`] does it.
///
/// # Errors
/// What the database says, masked.
pub async fn load_all<R: Record>(
    ctx: &Context<'_>,
    numbers: Arc<[i32]>,
    columns: Columns<R>,
) -> Result<Arc<HashMap<i32, R>>> {
    let records = ctx.shop().loader.load_one((numbers, columns)).await?;
    Ok(records.unwrap_or_default())
}

/// The primary keys that are asked for together, and what is shown of their records.
type Key<R> = (Arc<[i32]>, Columns<R>);

impl<R: Record> dataloader::Loader<Key<R>> for Loader {
    type Value = Arc<HashMap<i32, R>>;
    type Error = Error;

    async fn load(&self, keys: &[Key<R>]) -> Result<HashMap<Key<R>, Self::Value>> {
        let numbers = distinct(keys.iter().flat_map(|(numbers, _)| numbers.iter().copied()));
        let columns = (keys.iter()).fold(Columns::key(), |all, (_, columns)| all.or(*columns));
        let by_number = Arc::new(by_number(&self.db, columns, &numbers).await?);
        Ok((keys.iter())
            .map(|key| (key.clone(), Arc::clone(&by_number)))
            .collect())
    }
}

/// Each key once.
pub(crate) fn distinct<K: Ord>(keys: impl Iterator<Item = K>) -> Vec<K> {
    let mut keys: Vec<K> = keys.collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}
