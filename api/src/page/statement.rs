//! The SQL of a list: keyset, order and limit, for a whole table or below many parents at once.

use std::hash::Hash;

use sea_orm::{
    DbBackend, TryGetable,
    sea_query::{
        Asterisk, BinOper, Expr, ExprTrait, Func, JoinType, Order, Query, SelectStatement, Value,
    },
};

use super::{List, Listed};
use crate::{
    dialect,
    filter::{Filter, truth},
};

/// What the rows of a nested list are found by: the parent's key.
pub trait ParentKey: dialect::Bound + Eq + Hash + Send + Sync + TryGetable + 'static {}
impl ParentKey for i32 {}
impl ParentKey for String {}

/// The parents, as a table of one column.
const PARENTS: &str = "parents";
/// One parent's page, as a table.
const PAGE: &str = "page";

/// The rows of a page of the whole table: columns, then sort keys where cursors are wanted.
pub(super) fn rows<R: Listed>(list: &List<R>, backend: DbBackend) -> SelectStatement {
    let mut select = page(list, backend);
    columns(list, &mut select);
    select
}

/// How many rows the list has on all pages.
pub(super) fn total<R: Listed>(list: &List<R>, backend: DbBackend) -> SelectStatement {
    let mut select = restricted(list, backend);
    select.expr(Func::count(Expr::col(Asterisk)));
    select
}

/// The rows of each parent's page: the parent's key, columns, then sort keys. The database cuts
/// each page, by way of an index on the parent's column, whatever the number of its rows.
pub(super) fn rows_below<R: Listed, K: ParentKey>(
    list: &List<R>,
    backend: DbBackend,
    keys: &[K],
) -> SelectStatement {
    let table = || R::Entity::default();
    if backend == DbBackend::Sqlite {
        // SQLite has no LATERAL: each parent's page as primary keys, then their rows.
        let key = R::COLUMNS[0].0;
        let mut page = page(list, backend);
        page.column((table(), key))
            .and_where(parent(list).equals((PARENTS, "value")));
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
        return select;
    }
    let mut page = page(list, backend);
    page.column((PARENTS, PARENTS))
        .and_where(parent(list).equals((PARENTS, PARENTS)));
    columns(list, &mut page);
    Query::select()
        .column((PAGE, Asterisk))
        .from_function(Func::cust("unnest").arg(K::array(keys)), PARENTS)
        .join_lateral(JoinType::InnerJoin, page, PAGE, Expr::Constant(true.into()))
        .take()
}

/// How many rows each parent's list has on all pages: the parent's key and the number.
pub(super) fn totals_below<R: Listed, K: ParentKey>(
    list: &List<R>,
    backend: DbBackend,
    keys: &[K],
) -> SelectStatement {
    let mut select = restricted(list, backend);
    select
        .expr(parent(list))
        .expr(Func::count(Expr::col(Asterisk)))
        .and_where(dialect::one_of(backend, parent(list), keys))
        .add_group_by([parent(list)]);
    select
}

/// The column with the parent's key.
fn parent<R: Listed>(list: &List<R>) -> Expr {
    Expr::col((R::Entity::default(), list.parent.unwrap_or(R::COLUMNS[0].0)))
}

/// The table with the list's filter and search, before paging.
fn restricted<R: Listed>(list: &List<R>, backend: DbBackend) -> SelectStatement {
    let mut select = Query::select();
    select.from(R::Entity::default());
    if let Some(filter) = &list.filter {
        select.cond_where(filter.condition(backend));
    }
    for word in &list.words {
        select.and_where(R::mentions(backend, word));
    }
    select
}

/// The rows of one page, before columns are chosen.
fn page<R: Listed>(list: &List<R>, backend: DbBackend) -> SelectStatement {
    let mut select = restricted(list, backend);
    join(list, &mut select);
    for (cursor, after) in [(&list.after, true), (&list.before, false)] {
        if let Some(values) = cursor {
            select.and_where(beyond(list, values, after));
        }
    }
    order(list, &mut select);
    select.limit(list.reads());
    if list.offset > 0 {
        select.offset(list.offset);
    }
    select
}

fn join<R: Listed>(list: &List<R>, select: &mut SelectStatement) {
    if list.keys.terms.iter().any(|term| term.joined) {
        R::join(select);
    }
}

fn columns<R: Listed>(list: &List<R>, select: &mut SelectStatement) {
    for column in list.wanted.columns.iter() {
        select.column((R::Entity::default(), column));
    }
    if list.wanted.cursors {
        for term in &list.keys.terms {
            select.expr(term.expr.clone());
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
        select.order_by_expr(term.expr.clone(), direction);
    }
}

/// Whether a row stands after (or before) the row that has these values, in the list's order.
fn beyond<R: Listed>(list: &List<R>, values: &[Value], after: bool) -> Expr {
    let terms = &list.keys.terms;
    let further = |descending: bool| {
        if descending == after {
            BinOper::SmallerThan
        } else {
            BinOper::GreaterThan
        }
    };
    let or_equal = |descending: bool| {
        if descending == after {
            BinOper::SmallerThanOrEqual
        } else {
            BinOper::GreaterThanOrEqual
        }
    };
    let pairs: Vec<(Expr, bool, Expr)> = (terms.iter().zip(values))
        .map(|(term, value)| {
            let value = Expr::val(value.clone());
            (term.expr.clone(), term.descending, value)
        })
        .collect();
    let one_way = terms
        .iter()
        .all(|term| term.descending == terms[0].descending);
    // The row comparison and the bound on the first key are what an index can be entered by.
    let beyond = if one_way {
        let (exprs, values): (Vec<_>, Vec<_>) = (pairs.iter().cloned())
            .map(|(expr, _, value)| (expr, value))
            .unzip();
        Expr::tuple(exprs).binary(further(pairs[0].1), Expr::tuple(values))
    } else {
        (pairs.iter().cloned())
            .rev()
            .fold(None, |rest: Option<Expr>, (expr, descending, value)| {
                let further = expr.clone().binary(further(descending), value.clone());
                Some(match rest {
                    Some(rest) => further.or(expr.eq(value).and(rest)),
                    None => further,
                })
            })
            .unwrap_or_else(|| truth(sea_orm::Condition::all()))
    };
    match pairs.into_iter().next() {
        Some((expr, descending, value)) if terms.len() > 1 && (terms[0].joined || !one_way) => {
            expr.binary(or_equal(descending), value).and(beyond)
        }
        _ => beyond,
    }
}
