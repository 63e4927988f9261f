//! Lists as Relay connections: arguments → keyset → SQL → connection, nested or not. The only place
//! that knows cursors and page sizes.
//!
//! A list's order always ends in the primary key, so that it is total; a cursor holds the order's
//! name and a row's values in it, and a page is what comes after those values, whatever was
//! inserted or deleted meanwhile. Source of the rules: the GraphQL Cursor Connections
//! Specification.

mod connection;
mod cursor;
mod limited;
mod scope;
mod statement;
mod wanted;

use std::{collections::HashMap, sync::Arc};

use async_graphql::{
    Context, Enum, InputType, Positioned, ServerResult, dataloader,
    futures_util::future::{try_join, try_join_all},
    parser::types::SelectionSet,
    resolver_utils::EnumType,
};
use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, QueryResult,
    sea_query::{Expr, SelectStatement, Value},
};

use crate::{
    Error, Limits, Result,
    context::{ContextExt, Loader, Shared},
    database::Pool,
    filter::Filter,
    row::{ColumnOf, Record, Row, distinct},
    scalar::Needle,
    shape::Writer,
};
pub use connection::{Connection, Edge, Page, PageInfo};
pub use cursor::KeyKind;
use cursor::Keys;
pub use scope::{Scope, Way};
pub use statement::ParentKey;
use wanted::Wanted;

/// The page where neither `first` nor `last` is given.
pub(crate) const DEFAULT_PAGE: i32 = 20;

/// Which way a list is sorted.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OrderDirection {
    /// From the smallest, the earliest, A.
    #[default]
    Asc,
    /// From the largest, the latest, Z.
    Desc,
}

/// A type that can be listed.
pub trait Listed: Record {
    type Filter: Filter + InputType;
    type Order: InputType + Into<(Self::OrderField, OrderDirection)>;
    type OrderField: EnumType + Copy;

    /// What the list is sorted by for a value of the order's enum.
    fn sort_key(field: Self::OrderField) -> SortKey;

    /// The order's value for the primary key.
    const BY_NUMBER: Self::OrderField;

    /// The ways in which all the words of a search, one at least, can occur in a row. A row may have
    /// them in several.
    fn ways(backend: DbBackend, words: &[String]) -> Vec<Way>;

    /// Adds the table that sort keys with `joined` are from.
    fn join(select: &mut SelectStatement);
}

/// What one value of an order's enum stands for in SQL.
pub struct SortKey {
    pub expr: Expr,
    pub kind: KeyKind,
    /// Whether it is from the table that [`Listed::join`] adds.
    pub joined: bool,
}

/// The arguments that all connections have.
pub struct Arguments<R: Listed> {
    pub first: Option<i32>,
    pub after: Option<String>,
    pub last: Option<i32>,
    pub before: Option<String>,
    pub offset: Option<i32>,
    /// In a box: a filter is large, and the arguments travel.
    pub filter: Option<Box<R::Filter>>,
    pub order_by: Option<Vec<R::Order>>,
    pub search: Option<Needle>,
}

impl<R: Listed> Arguments<R> {
    /// As a field has them.
    fn of(ctx: &Context<'_>) -> ServerResult<Self> {
        fn argument<T: InputType>(ctx: &Context<'_>, name: &str) -> ServerResult<Option<T>> {
            let value = ctx.param_value::<Option<T>>(name, None);
            Ok(value.map_err(|error| ctx.set_error_path(error))?.1)
        }
        Ok(Self {
            first: argument(ctx, "first")?,
            after: argument(ctx, "after")?,
            last: argument(ctx, "last")?,
            before: argument(ctx, "before")?,
            offset: argument(ctx, "offset")?,
            filter: argument(ctx, "where")?,
            order_by: argument(ctx, "orderBy")?,
            search: argument(ctx, "search")?,
        })
    }
}

/// One page of one list, with what the selection wants of it.
pub struct List<R: Listed> {
    scope: Scope<R>,
    keys: Keys,
    after: Option<Vec<Value>>,
    before: Option<Vec<Value>>,
    backward: bool,
    limit: u64,
    offset: u64,
    wanted: Wanted<R>,
}

/// The list below each of many parents.
pub struct Below<R: Listed> {
    /// The column with the parent's key.
    parent: ColumnOf<R>,
    list: List<R>,
}

impl<R: Listed> List<R> {
    /// Checks the arguments and looks at what the selection wants.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` for arguments that contradict each other or are out of range, and for a
    /// cursor that is not one of this order.
    fn new(
        ctx: &Context<'_>,
        sets: &[&Positioned<SelectionSet>],
        arguments: Arguments<R>,
    ) -> Result<Self> {
        let backward = arguments.last.is_some();
        let largest = ctx.data_unchecked::<Limits>().page;
        let (name, size) = match (arguments.first, arguments.last) {
            (Some(_), Some(_)) => {
                return Err(Error::bad_user_input(
                    "Expected `first` or `last`, found both.",
                ));
            }
            (first, None) => ("first", first.unwrap_or(DEFAULT_PAGE.min(largest))),
            (None, Some(last)) => ("last", last),
        };
        let limit = at_most(largest, name, size)?;
        let offset = arguments.offset.unwrap_or_default();
        let offset = u64::try_from(offset).map_err(|_| {
            Error::bad_user_input(format!(
                "Expected `offset` to be 0 or more, found {offset}."
            ))
        })?;
        if arguments.offset.is_some() && (arguments.after.is_some() || arguments.before.is_some()) {
            return Err(Error::bad_user_input(
                "Expected `offset` or a cursor, found both.",
            ));
        }
        let order = arguments.order_by.unwrap_or_default();
        let order: Vec<_> = order.into_iter().map(Into::into).collect();
        let keys = Keys::new::<R>(&order);
        let cursor = |name: &str, text: Option<String>| {
            text.map(|text| keys.decode(name, &text)).transpose()
        };
        Ok(Self {
            scope: Scope::new(arguments.filter, arguments.search.as_ref())?,
            after: cursor("after", arguments.after)?,
            before: cursor("before", arguments.before)?,
            keys,
            backward,
            limit,
            offset,
            wanted: Wanted::by(ctx, sets, backward),
        })
    }

    /// How many rows to read: one more than the page tells whether there is another page.
    fn reads(&self) -> u64 {
        if self.wanted.rows || self.wanted.cursors || self.wanted.more {
            self.limit + u64::from(self.wanted.more)
        } else {
            0
        }
    }
}

/// Checks an argument that says how many.
pub(crate) fn at_most(most: i32, argument: &str, found: i32) -> Result<u64> {
    (u64::try_from(found).ok())
        .filter(|_| found <= most)
        .ok_or_else(|| out_of_range(most, argument, found))
}

pub(crate) fn out_of_range(most: i32, argument: &str, found: i32) -> Error {
    Error::bad_user_input(format!(
        "Expected `{argument}` to be 0 to {most}, found {found}."
    ))
}

/// A page of a whole table.
///
/// # Errors
/// `BAD_USER_INPUT` for arguments that cannot be; what the database says, masked.
pub async fn list<R: Listed>(ctx: &Context<'_>, arguments: Arguments<R>) -> Result<Page<R>> {
    let list = List::new(ctx, &[&ctx.item.node.selection_set], arguments)?;
    let db = ctx.shop().db();
    let backend = db.get_database_backend();
    let rows = async {
        if list.reads() == 0 {
            return Ok::<_, DbErr>(Vec::new());
        }
        let rows = db.query_all_raw(statement::rows(&list, backend)).await?;
        rows.iter().map(|row| list.read(row, 0)).collect()
    };
    let total = async {
        if !list.wanted.total {
            return Ok::<_, DbErr>(0);
        }
        let row = db.query_one(&statement::total(&list, backend)).await?;
        row.map_or(Ok(0), |row| row.try_get_by_index(0))
    };
    let (rows, total) = try_join(rows, total).await?;
    Ok(Page(list.connection(rows, total)))
}

/// A page of the rows whose column `parent` has this key: with those of all parents that are asked
/// for at the same moment, in one statement for the rows, and one for the totals where wanted.
///
/// # Errors
/// As [`list`].
pub async fn list_below<R: Listed, K: ParentKey>(
    ctx: &Context<'_>,
    parent: ColumnOf<R>,
    key: K,
    arguments: Arguments<R>,
) -> Result<Page<R>> {
    let sets = [&ctx.item.node.selection_set];
    // A field of the document has one set of arguments and one selection, whatever its parents.
    let below = ctx.once_per_field(|| {
        let list = List::new(ctx, &sets, arguments)?;
        Ok(Below { parent, list })
    })?;
    let pages = ctx
        .shop()
        .loader
        .load_one(([key.clone()].into(), below))
        .await?;
    let page = pages.and_then(|pages| pages.get(&key).cloned());
    page.map(Page)
        .ok_or_else(|| Error::internal("a loader left a key out"))
}

/// The lists below all parents of a level: what [`list_below`] does for a parent.
///
/// # Errors
/// As [`list`], and those of the fields below.
pub async fn below<R: Listed, P: Record, K: ParentKey>(
    ctx: &Context<'_>,
    sets: &[&Positioned<SelectionSet>],
    parents: &[&P],
    parent: ColumnOf<R>,
    key: fn(&P) -> K,
) -> ServerResult<Writer<P>> {
    let keys: Arc<[K]> = distinct(parents.iter().map(|parent| key(parent))).into();
    let arguments = Arguments::of(ctx)?;
    let load = async {
        let make = || {
            let list = List::new(ctx, sets, arguments)?;
            Ok::<_, Error>(Below { parent, list })
        };
        let below = match sets {
            [_] => ctx.once_per_field(make)?,
            // Merged from several fields, not all of which the next parent may have.
            _ => Shared(Arc::new(make()?)),
        };
        let pages = ctx
            .shop()
            .loader
            .load_one((Arc::clone(&keys), below))
            .await?;
        Ok::<_, Error>(pages.unwrap_or_default())
    };
    let pages: Arc<HashMap<K, Connection<R>>> = match load.await {
        Ok(pages) => pages,
        Err(error) => return Err(error.at(ctx)),
    };
    let ctx = ctx.with_selection_set(&ctx.item.node.selection_set);
    // Those of this place alone, each once: the loader has read for others, too.
    let here: Vec<_> = keys.iter().filter_map(|key| pages.get(key)).collect();
    let shape = connection::shape(&ctx, sets, &here).await?;
    Ok(Box::new(move |parent, json| {
        if let Some(page) = pages.get(&key(parent)) {
            shape.write(page, json);
        }
    }))
}

/// The parents that are asked for together, and what is wanted below each.
type Key<K, R> = (Arc<[K]>, Shared<Below<R>>);

impl<R: Listed, K: ParentKey> dataloader::Loader<Key<K, R>> for Loader {
    type Value = Arc<HashMap<K, Connection<R>>>;
    type Error = Error;

    async fn load(&self, keys: &[Key<K, R>]) -> Result<HashMap<Key<K, R>, Self::Value>> {
        let mut asked: HashMap<&Shared<Below<R>>, Vec<&Key<K, R>>> = HashMap::new();
        for key in keys {
            asked.entry(&key.1).or_default().push(key);
        }
        let lists = asked.into_iter().map(async |(below, keys)| {
            let parents = distinct(keys.iter().flat_map(|(parents, _)| parents.iter().cloned()));
            let pages = Arc::new(below.0.fetch(&self.db, &parents).await?);
            Ok::<_, Error>(
                keys.into_iter()
                    .map(move |key| (key.clone(), Arc::clone(&pages))),
            )
        });
        Ok(try_join_all(lists).await?.into_iter().flatten().collect())
    }
}

impl<R: Listed> Below<R> {
    async fn fetch<K: ParentKey>(
        &self,
        db: &Pool,
        keys: &[K],
    ) -> Result<HashMap<K, Connection<R>>, DbErr> {
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        let backend = db.get_database_backend();
        let Self { parent, list } = self;
        let rows = async {
            let mut pages: HashMap<K, Vec<_>> = HashMap::with_capacity(keys.len());
            if list.reads() > 0 {
                let statement = statement::rows_below(list, *parent, backend, keys);
                for row in db.query_all_raw(statement).await? {
                    let page = pages.entry(row.try_get_by_index(0)?).or_default();
                    page.push(list.read(&row, 1)?);
                }
            }
            Ok::<_, DbErr>(pages)
        };
        let totals = async {
            let mut totals: HashMap<K, i64> = HashMap::with_capacity(keys.len());
            if list.wanted.total {
                let statement = statement::totals_below(list, *parent, backend, keys);
                for row in db.query_all(&statement).await? {
                    totals.insert(row.try_get_by_index(0)?, row.try_get_by_index(1)?);
                }
            }
            Ok::<_, DbErr>(totals)
        };
        let (mut pages, totals) = try_join(rows, totals).await?;
        Ok((keys.iter())
            .map(|key| {
                let rows = pages.remove(key).unwrap_or_default();
                let total = totals.get(key).copied().unwrap_or_default();
                (key.clone(), list.connection(rows, total))
            })
            .collect())
    }
}

impl<R: Listed> List<R> {
    /// A row, and its cursor where one is wanted, from the columns that begin at `start`.
    fn read(&self, row: &QueryResult, start: usize) -> Result<(R, String), DbErr> {
        let record = self.wanted.columns.read(row, start)?;
        let cursor = if self.wanted.cursors {
            let start = start + self.wanted.columns.iter().count();
            self.keys.encode(row, start)?
        } else {
            String::new()
        };
        Ok((record, cursor))
    }

    fn connection(&self, mut rows: Vec<(R, String)>, total: i64) -> Connection<R> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        if self.backward {
            rows.reverse();
        }
        let skipped = self.offset > 0;
        let cursor = |row: Option<&(R, String)>| row.map(|(_, cursor)| cursor.clone());
        let page_info = PageInfo {
            start_cursor: cursor(rows.first()),
            end_cursor: cursor(rows.last()),
            has_next_page: if self.backward {
                self.before.is_some() || skipped
            } else {
                more || self.before.is_some()
            },
            has_previous_page: if self.backward {
                more || self.after.is_some()
            } else {
                self.after.is_some() || skipped
            },
        };
        let edges = rows.into_iter().map(|(row, cursor)| Edge {
            cursor,
            node: Row(row),
        });
        Connection {
            edges: edges.collect(),
            page_info,
            total_count: i32::try_from(total).unwrap_or(i32::MAX),
        }
    }
}
