//! The SQL of a list: keyset, order and limit, for a whole table or below many parents at once.

use std::hash::Hash;

use sea_orm::{
    Condition, DbBackend, Statement,
    sea_query::{
        Asterisk, BinOper, Expr, ExprTrait, Func, JoinType, Order, Query, SelectStatement, Value,
    },
};

use super::{List, Listed, limited::limited, wanted::Cursors};
use crate::{dialect, row::ColumnOf};

/// What the rows of a nested list are found by: the parent's key.
pub trait ParentKey:
    dialect::Bound + dialect::Readable + Ord + Hash + Send + Sync + 'static
{
}
impl ParentKey for i32 {}
impl ParentKey for String {}

/// The parents, as a table of one column.
const PARENTS: &str = "parents";
/// One parent's page, as a table.
const PAGE: &str = "page";

/// The rows of a page of the whole table: columns, then sort keys where cursors are wanted.
pub(super) fn rows<R: Listed>(list: &List<R>, backend: DbBackend) -> Statement {
    let mut select = page(list, backend, None);
    columns(list, &mut select);
    limited(&select, backend, list.offset)
}

/// How many rows the list has on all pages.
pub(super) fn total<R: Listed>(list: &List<R>, backend: DbBackend) -> SelectStatement {
    let mut select = list.scope.rows(backend);
    select.expr(Func::count(Expr::col(Asterisk)));
    select
}

/// The rows of each parent's page: the parent's key, columns, then sort keys. The database cuts
/// each page, by way of an index on the parent's column, whatever the number of its rows.
pub(super) fn rows_below<R: Listed, K: ParentKey>(
    list: &List<R>,
    parent: ColumnOf<R>,
    backend: DbBackend,
    keys: &[K],
) -> Statement {
    let table = || R::Entity::default();
    if backend == DbBackend::Sqlite {
        // SQLite has no LATERAL: each parent's page as primary keys, then their rows.
        let key = R::COLUMNS[0];
        let of_parent = Expr::col((table(), parent)).equals((PARENTS, "value"));
        let mut page = page(list, backend, Some(&of_parent));
        page.column((table(), key));
        let mut select = Query::select();
        select
            .column((PARENTS, "value"))
            .from_function(dialect::json_each(keys), PARENTS)
            .cross_join(table())
            .and_where(Expr::col((table(), key)).in_subquery(page))
            .order_by((PARENTS, "key"), Order::Asc);
        join(list, &mut select);
        columns(list, &mut select);
        order(list, &mut select);
        return limited(&select, backend, list.offset);
    }
    let of_parent = Expr::col((table(), parent)).equals((PARENTS, PARENTS));
    let mut page = page(list, backend, Some(&of_parent));
    columns(list, &mut page);
    // The parent's key stands beside the page: within, PostgreSQL would copy it into each row twice.
    let select = Query::select()
        .column((PARENTS, PARENTS))
        .column((PAGE, Asterisk))
        .from_function(Func::cust("unnest").arg(K::array(keys)), PARENTS)
        .join_lateral(JoinType::InnerJoin, page, PAGE, Expr::Constant(true.into()))
        .take();
    limited(&select, backend, list.offset)
}

/// How many rows each parent's list has on all pages: the parent's key and the number.
pub(super) fn totals_below<R: Listed, K: ParentKey>(
    list: &List<R>,
    parent: ColumnOf<R>,
    backend: DbBackend,
    keys: &[K],
) -> SelectStatement {
    let parent = Expr::col((R::Entity::default(), parent));
    let mut select = list.scope.rows(backend);
    select
        .expr(parent.clone())
        .expr(Func::count(Expr::col(Asterisk)))
        .and_where(dialect::one_of(backend, parent.clone(), keys))
        .add_group_by([parent]);
    select
}

/// The rows of one page, before columns are chosen: of the whole table, or of one parent.
fn page<R: Listed>(
    list: &List<R>,
    backend: DbBackend,
    of_parent: Option<&Expr>,
) -> SelectStatement {
    let mut ways = list.scope.ways(backend, is_joined(list));
    for way in &mut ways {
        for (cursor, after) in [(&list.after, true), (&list.before, false)] {
            if let Some(values) = cursor {
                way.and_where(beyond(list, values, after));
            }
        }
        if let Some(of_parent) = of_parent {
            way.and_where(of_parent.clone());
        }
    }
    let mut select = match <[SelectStatement; 1]>::try_from(ways) {
        Ok([select]) => select,
        Err(ways) => first_of_each(list, ways),
    };
    order(list, &mut select);
    select.limit(list.reads());
    if list.offset > 0 {
        select.offset(list.offset);
    }
    select
}

/// The rows that can be on a page: the first in each way in which the words of a search occur.
fn first_of_each<R: Listed>(list: &List<R>, ways: Vec<SelectStatement>) -> SelectStatement {
    let key = Expr::col((R::Entity::default(), R::COLUMNS[0]));
    let mut first = Condition::any();
    for mut way in ways {
        order(list, &mut way);
        way.expr(key.clone())
            .limit(list.reads().saturating_add(list.offset));
        first = first.add(dialect::one_of_rows(key.clone(), way));
    }
    let mut select = Query::select();
    select.from(R::Entity::default()).cond_where(first);
    join(list, &mut select);
    select
}

fn join<R: Listed>(list: &List<R>, select: &mut SelectStatement) {
    if is_joined(list) {
        R::join(select);
    }
}

/// Whether the order is by the table that [`Listed::join`] adds.
fn is_joined<R: Listed>(list: &List<R>) -> bool {
    list.keys.terms.iter().any(|term| term.key.joined)
}

fn columns<R: Listed>(list: &List<R>, select: &mut SelectStatement) {
    for column in list.wanted.columns.iter() {
        select.column((R::Entity::default(), column));
    }
    if list.wanted.cursors != Cursors::None {
        for term in &list.keys.terms {
            select.expr(term.key.expr.clone());
        }
    }
}

fn order<R: Listed>(list: &List<R>, select: &mut SelectStatement) {
    for term in &list.keys.terms {
        let direction = if term.descending == list.backward {
            Order::Asc
        } else {
            Order::Desc
        };
        select.order_by_expr(term.key.expr.clone(), direction);
    }
}

/// Whether a row stands after (or before) the row that has these values, in the list's order.
fn beyond<R: Listed>(list: &List<R>, values: &[Value], after: bool) -> Expr {
    let terms: Vec<Term> = (list.keys.terms.iter().zip(values))
        .map(|(term, value)| Term {
            expr: term.key.expr.clone(),
            value: dialect::bound(value),
            smaller: term.descending == after,
        })
        .collect();
    let first = &terms[0];
    // What an index can be entered by: a comparison of rows, or a bound on the first key.
    if terms.iter().all(|term| term.smaller == first.smaller) {
        let exprs = terms.iter().map(|term| term.expr.clone());
        let values = terms.iter().map(|term| term.value.clone());
        let row = Expr::tuple(exprs).binary(first.further(), Expr::tuple(values));
        if list.keys.terms[0].key.joined {
            return first.bound().and(row);
        }
        return row;
    }
    first.bound().and(stepwise(&terms))
}

/// A sort key beside the value that it is compared with.
struct Term {
    expr: Expr,
    value: Expr,
    /// Whether rows further on have smaller values.
    smaller: bool,
}

impl Term {
    fn further(&self) -> BinOper {
        if self.smaller {
            BinOper::SmallerThan
        } else {
            BinOper::GreaterThan
        }
    }

    fn bound(&self) -> Expr {
        let operator = if self.smaller {
            BinOper::SmallerThanOrEqual
        } else {
            BinOper::GreaterThanOrEqual
        };
        self.expr.clone().binary(operator, self.value.clone())
    }
}

/// Further in the first key, or equal in it and further in the rest.
fn stepwise(terms: &[Term]) -> Expr {
    let Some((first, rest)) = terms.split_first() else {
        return Expr::Constant(false.into());
    };
    let further = (first.expr.clone()).binary(first.further(), first.value.clone());
    if rest.is_empty() {
        return further;
    }
    further.or((first.expr.clone().eq(first.value.clone())).and(stepwise(rest)))
}
