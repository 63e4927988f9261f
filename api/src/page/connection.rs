//! The connection types of the schema, in the shape of the Cursor Connections Specification.

use std::{borrow::Cow, iter::repeat, sync::Arc};

use async_graphql::{Context, Object, SimpleObject, TypeName};

use super::Listed;
use crate::{
    Result,
    row::{Record, Row, Rows},
};

/// One page of a list, in the shape of the Cursor Connections Specification.
#[derive(Clone)]
pub struct Connection<R> {
    pub(super) rows: Arc<[R]>,
    /// One per row, where asked for.
    pub(super) cursors: Arc<[String]>,
    pub(super) has_next_page: bool,
    pub(super) has_previous_page: bool,
    pub(super) total_count: i32,
}

/// One row of a page, with its cursor.
#[derive(SimpleObject)]
#[graphql(name_type)]
pub struct Edge<R: Record> {
    /// Where the row stands in the list, for `after` and `before`.
    cursor: String,
    /// The row.
    node: Row<R>,
}

impl<R: Record> TypeName for Edge<R> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Edge", R::NAME).into()
    }
}

impl<R: Record> TypeName for Connection<R> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Connection", R::NAME).into()
    }
}

/// Where a page stands in the whole list.
#[derive(SimpleObject)]
pub struct PageInfo {
    /// Whether there are rows after this page. Going backward: whether `before` or `offset` was given.
    has_next_page: bool,
    /// Whether there are rows before this page. Going forward: whether `after` or `offset` was given.
    has_previous_page: bool,
    /// The first row's cursor; null on an empty page.
    start_cursor: Option<String>,
    /// The last row's cursor; null on an empty page.
    end_cursor: Option<String>,
}

/// One page of a list.
#[Object(name_type)]
impl<R: Record> Connection<R> {
    /// The rows of the page, each with its cursor.
    fn edges(&self) -> Vec<Edge<R>> {
        // Without a cursor asked for there are none, and nobody sees the empty one.
        let cursors = self.cursors.iter().cloned().chain(repeat(String::new()));
        (self.rows.iter().cloned().zip(cursors))
            .map(|(row, cursor)| Edge {
                cursor,
                node: Row(row),
            })
            .collect()
    }

    /// The edges' nodes, for who needs no cursor per row.
    fn nodes(&self) -> Rows<R> {
        Rows(Arc::clone(&self.rows))
    }

    /// Where the page stands in the whole list.
    fn page_info(&self) -> PageInfo {
        PageInfo {
            has_next_page: self.has_next_page,
            has_previous_page: self.has_previous_page,
            start_cursor: self.cursors.first().cloned(),
            end_cursor: self.cursors.last().cloned(),
        }
    }

    /// How many there are on all pages together; counted only when asked for.
    fn total_count(&self) -> i32 {
        self.total_count
    }
}

impl<R: Listed> Connection<R> {
    /// With what [`Listed::complete`] adds to its rows.
    pub(super) async fn completed(mut self, ctx: &Context<'_>) -> Result<Self> {
        self.rows = R::complete(ctx, self.rows).await?;
        Ok(self)
    }
}
