//! What a selection on a connection needs from the database, and so what is read.

use async_graphql::{
    Context,
    parser::types::{Field, SelectionSet},
};

use crate::row::{Columns, Record, selected};

/// What a selection on a connection needs from the database.
#[expect(
    clippy::struct_excessive_bools,
    reason = "one for each thing to ask for"
)]
pub(super) struct Wanted<R> {
    pub(super) columns: Columns<R>,
    pub(super) rows: bool,
    pub(super) cursors: bool,
    /// Whether there is more in the direction of the page.
    pub(super) more: bool,
    pub(super) total: bool,
}

impl<R: Record> Wanted<R> {
    pub(super) fn by<'a>(ctx: &Context<'a>, backward: bool) -> Self {
        let below = |field: &'a Field| selected(ctx, None, &field.selection_set.node);
        let mut wanted = Self {
            columns: Columns::key(),
            rows: false,
            cursors: false,
            more: false,
            total: false,
        };
        for set in rows(ctx) {
            wanted.columns = wanted.columns.or(Columns::selected(ctx, set));
        }
        for field in below(&ctx.item.node) {
            match field.node.name.node.as_str() {
                "nodes" => wanted.rows = true,
                "edges" => {
                    wanted.rows = true;
                    wanted.cursors |=
                        (below(&field.node).iter()).any(|field| field.node.name.node == "cursor");
                }
                "pageInfo" => {
                    for field in below(&field.node) {
                        match field.node.name.node.as_str() {
                            "startCursor" | "endCursor" => wanted.cursors = true,
                            "hasNextPage" => wanted.more |= !backward,
                            "hasPreviousPage" => wanted.more |= backward,
                            _ => {}
                        }
                    }
                }
                "totalCount" => wanted.total = true,
                _ => {}
            }
        }
        wanted
    }
}

/// What is selected on the rows of a connection, by whatever way.
#[must_use]
pub fn rows<'a>(ctx: &Context<'a>) -> Vec<&'a SelectionSet> {
    let mut sets = Vec::new();
    for field in selected(ctx, None, &ctx.item.node.selection_set.node) {
        let set = &field.node.selection_set.node;
        match field.node.name.node.as_str() {
            "nodes" => sets.push(set),
            "edges" => sets.extend(
                (selected(ctx, None, set).into_iter())
                    .filter(|field| field.node.name.node == "node")
                    .map(|field| &field.node.selection_set.node),
            ),
            _ => {}
        }
    }
    sets
}
