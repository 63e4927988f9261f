//! Which rows are in a list, whatever its page: a filter and a search.

use sea_orm::{DbBackend, sea_query::SelectStatement};

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

    /// Adds the conditions to a statement on the table.
    pub fn restrict(&self, select: &mut SelectStatement, backend: DbBackend) {
        if let Some(filter) = &self.filter {
            select.cond_where(filter.condition(backend));
        }
        for word in &self.words {
            select.and_where(R::mentions(backend, word));
        }
    }
}
