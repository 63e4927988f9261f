//! Lists below many parents: one statement for the rows of all, and one for the totals where wanted.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{
    Context, Positioned, ServerResult, dataloader,
    futures_util::future::{try_join, try_join_all},
    parser::types::SelectionSet,
};
use sea_orm::{ConnectionTrait, DbErr};

use super::{
    Arguments, Connection, List, Listed, Page, connection,
    statement::{self, ParentKey},
};
use crate::{
    Error, Result,
    context::{ContextExt, Loader, Shared},
    database::Pool,
    dialect,
    row::{ColumnOf, Record, distinct},
    shape::Writer,
};

/// The list below each of many parents.
pub struct Below<R: Listed> {
    /// The column with the parent's key.
    parent: ColumnOf<R>,
    list: List<R>,
}

/// A page of the rows whose column `parent` has this key: with those of all parents that are asked
/// for at the same moment, in one statement for the rows, and one for the totals where wanted.
///
/// # Errors
/// As [`super::list`].
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
/// As [`super::list`], and those of the fields below.
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
    /// The page of each of these keys, which are distinct and sorted.
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
            let mut rows = Vec::new();
            if list.reads() > 0 {
                let statement = statement::rows_below(list, *parent, backend, keys);
                // Which rows are their pages' ends is known only when all are read.
                let read = |row| Ok((dialect::value::<K>(&row, 0)?, list.read(&row, 1, true)?));
                rows = db.read_each(&statement, read).await?;
            }
            // Now, for a statement may be run again from its beginning; about as many for each parent.
            let each = rows.len().div_ceil(keys.len());
            let mut pages: Vec<_> = keys.iter().map(|_| Vec::with_capacity(each)).collect();
            for (key, row) in rows {
                if let Ok(place) = keys.binary_search(&key) {
                    pages[place].push(row);
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
        let (pages, totals) = try_join(rows, totals).await?;
        Ok((keys.iter().zip(pages))
            .map(|(key, rows)| {
                let total = totals.get(key).copied().unwrap_or_default();
                (key.clone(), list.connection(rows, total))
            })
            .collect())
    }
}
