//! Which rows are in a list, whatever its page: a filter and a search.

use sea_orm::{
    DbBackend,
    sea_query::{Asterisk, Expr, ExprTrait, Query, SelectStatement, UnionType},
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
    /// A row for which one of these holds is in another way, too.
    pub elsewhere: Vec<Expr>,
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

    /// The table with the conditions, each row once.
    #[must_use]
    pub fn rows(&self, backend: DbBackend) -> SelectStatement {
        let mut all: Option<SelectStatement> = None;
        let mut ways = self.words(backend);
        if let [_] = ways[..] {
            return self.restricted(backend, false, ways.remove(0));
        }
        for mut way in ways {
            let elsewhere = std::mem::take(&mut way.elsewhere).into_iter();
            way.conditions.extend(elsewhere.map(ExprTrait::not));
            let mut way = self.restricted(backend, false, way);
            way.column((R::Entity::default(), Asterisk));
            match &mut all {
                None => all = Some(way),
                Some(all) => _ = all.union(UnionType::All, way),
            }
        }
        let mut select = Query::select();
        if let Some(all) = all {
            select.from_subquery(all, R::Entity::default());
        }
        select
    }

    /// The table with the conditions, once for each way in which the words can occur: each row of
    /// the list is in one of these at least. For a page, each can be cut to its first rows by the
    /// plan that suits it: along the order where it has many rows, and by the indexes of the search
    /// where it has few. So none leaves out what another has: the planner would not know that
    /// hardly a row is left, and walk through all of them.
    ///
    /// `joined` is whether the order needs the table that [`Listed::join`] adds.
    pub(super) fn ways(&self, backend: DbBackend, joined: bool) -> Vec<SelectStatement> {
        let ways = self.words(backend).into_iter();
        ways.map(|way| self.restricted(backend, joined, way))
            .collect()
    }

    /// The ways in which the words can occur; where there are none, one without conditions.
    fn words(&self, backend: DbBackend) -> Vec<Way> {
        if self.words.is_empty() {
            vec![Way::default()]
        } else {
            R::ways(backend, &self.words)
        }
    }

    fn restricted(&self, backend: DbBackend, joined: bool, way: Way) -> SelectStatement {
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
    }
}
