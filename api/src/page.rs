//! Lists as Relay connections: arguments → keyset → SQL → connection, nested or not. The only place
//! that knows cursors and page sizes.
//!
//! A list's order always ends in the primary key, so that it is total; a cursor holds the order's
//! name and a row's values in it, and a page is what comes after those values, whatever was
//! inserted or deleted meanwhile. Source of the rules: the GraphQL Cursor Connections
//! Specification.

mod below;
mod connection;
mod cursor;
mod limited;
mod scope;
mod statement;
mod wanted;

use async_graphql::{
    Context, Enum, InputType, Positioned, ServerResult, futures_util::future::try_join,
    parser::types::SelectionSet, resolver_utils::EnumType,
};
use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, QueryResult,
    sea_query::{Expr, SelectStatement, Value},
};

use crate::{
    Error, Limits, Result,
    context::ContextExt,
    filter::Filter,
    row::{Record, Row},
    scalar::Needle,
};
pub use below::{below, list_below};
pub use connection::{Connection, Edge, Page, PageInfo};
pub use cursor::KeyKind;
use cursor::Keys;
pub use scope::{Scope, Way};
pub use statement::ParentKey;
use wanted::{Cursors, Wanted};

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
        if self.wanted.rows || self.wanted.cursors != Cursors::None || self.wanted.more {
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
        let rows = db.rows(statement::rows(&list, backend)).await?;
        // The row beyond the page, if there is one, is not its last.
        let final_place = rows.len().min(list.most()).saturating_sub(1);
        (rows.iter().enumerate())
            .map(|(place, row)| list.read(row, 0, place == 0 || place == final_place))
            .collect()
    };
    let total = async {
        if !list.wanted.total {
            return Ok::<_, DbErr>(0);
        }
        let rows = db.rows(backend.build(&statement::total(&list, backend)));
        let rows = rows.await?;
        rows.first().map_or(Ok(0), |row| row.try_get_by_index(0))
    };
    // On the heap, for the futures of all root fields have room for it.
    let (rows, total) = Box::pin(try_join(rows, total)).await?;
    Ok(Page(list.connection(rows, total)))
}

impl<R: Listed> List<R> {
    /// A row, and its cursor where one is wanted, from the columns that begin at `start`; `end` says
    /// whether the row may be the first or last of its page.
    fn read(&self, row: &QueryResult, start: usize, end: bool) -> Result<(R, String), DbErr> {
        let record = self.wanted.columns.read(row, start)?;
        let cursors = self.wanted.cursors;
        let cursor = if cursors == Cursors::All || (end && cursors == Cursors::Ends) {
            let start = start + self.wanted.columns.count();
            self.keys.encode(row, start)?
        } else {
            String::new()
        };
        Ok((record, cursor))
    }

    /// How many rows a page has at most.
    fn most(&self) -> usize {
        usize::try_from(self.limit).unwrap_or(usize::MAX)
    }

    fn connection(&self, mut rows: Vec<(R, String)>, total: i64) -> Connection<R> {
        let more = rows.len() > self.most();
        rows.truncate(self.most());
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
