//! Lists as Relay connections: arguments → keyset → SQL → connection, nested or not. The only place
//! that knows cursors and page sizes.
//!
//! A list's order always ends in the primary key, so that it is total; a cursor holds the order's
//! name and a row's values in it, and a page is what comes after those values, whatever was
//! inserted or deleted meanwhile. Source of the rules: the GraphQL Cursor Connections
//! Specification.

mod connection;
mod cursor;
mod scope;
mod statement;
mod wanted;

use std::{
    collections::HashMap,
    future::{Future, ready},
    sync::Arc,
};

use async_graphql::{
    Context, Enum, dataloader,
    futures_util::future::{try_join, try_join_all},
    resolver_utils::EnumType,
};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, QueryResult,
    sea_query::{Expr, SelectStatement, Value},
};

use crate::{
    Error, Result,
    context::{ContextExt, Loader, Shared},
    filter::Filter,
    row::{ColumnOf, Record},
    scalar::Needle,
};
pub use connection::{Connection, Edge, PageInfo};
pub use cursor::KeyKind;
use cursor::Keys;
pub use scope::Scope;
pub use statement::ParentKey;
use wanted::Wanted;
pub use wanted::rows;

/// The largest page.
const MAX_PAGE: i32 = 100;
/// The page where neither `first` nor `last` is given.
const DEFAULT_PAGE: i32 = 20;

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
    type Filter: Filter + Send + Sync;
    type OrderField: EnumType + Copy;

    /// What the list is sorted by for a value of the order's enum.
    fn sort_key(field: Self::OrderField) -> SortKey;

    /// The order's value for the primary key.
    const BY_NUMBER: Self::OrderField;

    /// Whether a word of a search occurs in a row.
    fn mentions(backend: DbBackend, word: &str) -> Expr;

    /// Adds the table that sort keys with `joined` are from.
    fn join(select: &mut SelectStatement);

    /// Reads what the rows of a page need beside their columns, for all of them at once, where that
    /// is cheaper than to let each ask a loader.
    fn complete(
        _ctx: &Context<'_>,
        rows: Arc<[Self]>,
    ) -> impl Future<Output = Result<Arc<[Self]>>> + Send {
        ready(Ok(rows))
    }
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
    pub order: Vec<(R::OrderField, OrderDirection)>,
    pub search: Option<Needle>,
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
    fn new(ctx: &Context<'_>, arguments: Arguments<R>) -> Result<Self> {
        let backward = arguments.last.is_some();
        let (name, size) = match (arguments.first, arguments.last) {
            (Some(_), Some(_)) => {
                return Err(Error::bad_user_input(
                    "Expected `first` or `last`, found both.",
                ));
            }
            (first, None) => ("first", first.unwrap_or(DEFAULT_PAGE)),
            (None, Some(last)) => ("last", last),
        };
        let limit = at_most(MAX_PAGE, name, size)?;
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
        let keys = Keys::new::<R>(&arguments.order);
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
            wanted: Wanted::by(ctx, backward),
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
        .ok_or_else(|| {
            Error::bad_user_input(format!(
                "Expected `{argument}` to be 0 to {most}, found {found}."
            ))
        })
}

/// A page of a whole table.
///
/// # Errors
/// `BAD_USER_INPUT` for arguments that cannot be; what the database says, masked.
pub async fn list<R: Listed>(ctx: &Context<'_>, arguments: Arguments<R>) -> Result<Connection<R>> {
    let list = List::new(ctx, arguments)?;
    let db = ctx.shop().db();
    let backend = db.get_database_backend();
    let rows = async {
        if list.reads() == 0 {
            return Ok::<_, DbErr>(Vec::new());
        }
        let rows = db.query_all(&statement::rows(&list, backend)).await?;
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
    let connection = list.connection(rows, total);
    connection.completed(ctx).await
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
) -> Result<Connection<R>> {
    // A field of the document has one set of arguments and one selection, whatever its parents.
    let below = ctx.once_per_field(|| {
        let list = List::new(ctx, arguments)?;
        Ok(Below { parent, list })
    })?;
    let connection = ctx.shop().loader.load_one((key, below)).await?;
    let connection = connection.ok_or_else(|| Error::internal("a loader left a key out"))?;
    connection.completed(ctx).await
}

impl<R: Listed, K: ParentKey> dataloader::Loader<(K, Shared<Below<R>>)> for Loader {
    type Value = Connection<R>;
    type Error = Error;

    async fn load(
        &self,
        keys: &[(K, Shared<Below<R>>)],
    ) -> Result<HashMap<(K, Shared<Below<R>>), Connection<R>>> {
        let mut parents: HashMap<&Shared<Below<R>>, Vec<K>> = HashMap::new();
        for (key, below) in keys {
            parents.entry(below).or_default().push(key.clone());
        }
        let lists = parents.into_iter().map(async |(below, keys)| {
            let connections = below.0.fetch(&self.db, &keys).await?;
            Ok::<_, Error>(
                (connections.into_iter())
                    .map(|(key, connection)| ((key, below.clone()), connection)),
            )
        });
        Ok(try_join_all(lists).await?.into_iter().flatten().collect())
    }
}

impl<R: Listed> Below<R> {
    async fn fetch<K: ParentKey>(
        &self,
        db: &DatabaseConnection,
        keys: &[K],
    ) -> Result<HashMap<K, Connection<R>>, DbErr> {
        let backend = db.get_database_backend();
        let Self { parent, list } = self;
        let rows = async {
            let mut pages: HashMap<K, Vec<_>> = HashMap::with_capacity(keys.len());
            if list.reads() > 0 {
                let statement = statement::rows_below(list, *parent, backend, keys);
                for row in db.query_all(&statement).await? {
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
        let (rows, cursors): (Vec<R>, Vec<String>) = rows.into_iter().unzip();
        let skipped = self.offset > 0;
        Connection {
            rows: rows.into(),
            cursors: if self.wanted.cursors {
                cursors.into()
            } else {
                Arc::default()
            },
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
            total_count: i32::try_from(total).unwrap_or(i32::MAX),
        }
    }
}
