//! Which rows are in a list, whatever its page: a filter and a search.

use sea_orm::{
    DbBackend,
    sea_query::{Asterisk, Expr, Query, SelectStatement, UnionType},
};

use super::Listed;
use crate::{
    Error, Result,
    filter::{Filter, RELATION},
    scalar::Needle,
};

/// How many filters one may be made of, `and`, `or`, `not` and relations included. The databases
/// end an expression at about a thousand levels.
const MAX_FILTERS: usize = 200;
/// How many words one may search for.
const MAX_WORDS: usize = 20;

/// A filter and the words of a search.
pub struct Scope<R: Listed> {
    filter: Option<Box<R::Filter>>,
    words: Vec<String>,
}

/// One way in which the words of a search can occur in a row: all of its conditions hold.
#[derive(Default)]
pub struct Way {
    pub conditions: Vec<Expr>,
    /// Whether it is about the table that [`Listed::join`] adds, too.
    pub joined: bool,
}

impl<R: Listed> Scope<R> {
    /// # Errors
    /// `TOO_COSTLY` for more filters or words than one statement may have.
    pub fn new(filter: Option<Box<R::Filter>>, search: Option<&Needle>) -> Result<Self> {
        let size = filter.as_ref().map_or(0, |filter| filter.size());
        if size > MAX_FILTERS {
            return Err(Error::too_costly(format!(
                "Expected `where` to be made of at most {MAX_FILTERS} filters, each relation \
                 counting for {RELATION}, found {size}."
            )));
        }
        let text = search.map_or("", Needle::as_str);
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        if words.len() > MAX_WORDS {
            return Err(Error::too_costly(format!(
                "Expected `search` to have at most {MAX_WORDS} words, found {}.",
                words.len()
            )));
        }
        Ok(Self { filter, words })
    }

    /// The table with the conditions, for what is about all rows of the list.
    pub fn rows(&self, backend: DbBackend) -> SelectStatement {
        let mut ways = self.ways(backend, false).into_iter();
        let (Some(mut first), rest) = (ways.next(), ways) else {
            return Query::select().from(R::Entity::default()).take();
        };
        let rest: Vec<_> = rest.map(all_columns::<R>).collect();
        if rest.is_empty() {
            return first;
        }
        first = all_columns::<R>(first);
        first.unions(rest.into_iter().map(|way| (UnionType::All, way)));
        Query::select()
            .from_subquery(first, R::Entity::default())
            .take()
    }

    /// The table with the conditions, once for each way in which the words can occur: each row of
    /// the list is in exactly one of these. For a page, each can be cut to its first rows by the
    /// plan that suits it: along the order where it has many rows, and by the indexes of the search
    /// where it has few.
    ///
    /// `joined` is whether the order needs the table that [`Listed::join`] adds.
    pub(super) fn ways(&self, backend: DbBackend, joined: bool) -> Vec<SelectStatement> {
        let restricted = |way: Way| {
            let mut select = Query::select();
            select.from(R::Entity::default());
            if joined || way.joined {
                R::join(&mut select);
            }
            if let Some(filter) = &self.filter {
                select.cond_where(filter.condition(backend));
            }
            for condition in way.conditions {
                select.and_where(condition);
            }
            select
        };
        if self.words.is_empty() {
            return vec![restricted(Way::default())];
        }
        let ways = R::ways(backend, &self.words).into_iter();
        ways.map(restricted).collect()
    }
}

fn all_columns<R: Listed>(mut select: SelectStatement) -> SelectStatement {
    select.column((R::Entity::default(), Asterisk)).take()
}
