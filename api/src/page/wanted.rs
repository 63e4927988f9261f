//! What a selection on a connection needs from the database, and so what is read.

use async_graphql::{Context, parser::types::Field};

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
        for field in below(&ctx.item.node) {
            match field.node.name.node.as_str() {
                "nodes" => wanted.row(ctx, &field.node),
                "edges" => {
                    for field in below(&field.node) {
                        match field.node.name.node.as_str() {
                            "node" => wanted.row(ctx, &field.node),
                            "cursor" => wanted.cursors = true,
                            _ => {}
                        }
                    }
                    wanted.rows = true;
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

    fn row<'a>(&mut self, ctx: &Context<'a>, field: &'a Field) {
        self.rows = true;
        let columns = Columns::selected(ctx, &field.selection_set.node);
        self.columns = self.columns.or(columns);
    }
}
