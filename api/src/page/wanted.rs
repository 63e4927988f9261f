//! What a selection on a connection needs from the database, and so what is read.

use async_graphql::{ContextBase, Positioned, parser::types::SelectionSet};

use crate::{
    row::{Columns, Record},
    shape::{Selected, selected},
};

/// What a selection on a connection needs from the database.
pub(super) struct Wanted<R> {
    pub(super) columns: Columns<R>,
    pub(super) rows: bool,
    pub(super) cursors: Cursors,
    /// Whether there is more in the direction of the page.
    pub(super) more: bool,
    pub(super) total: bool,
}

/// Which rows' cursors are wanted; of two wishes the greater holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cursors {
    None,
    /// The first row's and the last one's.
    Ends,
    All,
}

impl<R: Record> Wanted<R> {
    pub(super) fn by<'a, T>(
        ctx: &ContextBase<'a, T>,
        sets: &[&'a Positioned<SelectionSet>],
        backward: bool,
    ) -> Self {
        let below = |field: &Selected<'a>| selected(ctx, None, &field.sets);
        let mut wanted = Self {
            columns: Columns::key(),
            rows: false,
            cursors: Cursors::None,
            more: false,
            total: false,
        };
        for field in selected(ctx, None, sets) {
            match field.name() {
                "nodes" => {
                    wanted.rows = true;
                    wanted.columns = wanted.columns.or(Columns::selected(ctx, &field.sets));
                }
                "edges" => {
                    wanted.rows = true;
                    for field in below(&field) {
                        match field.name() {
                            "cursor" => wanted.cursors = Cursors::All,
                            "node" => {
                                let columns = Columns::selected(ctx, &field.sets);
                                wanted.columns = wanted.columns.or(columns);
                            }
                            _ => {}
                        }
                    }
                }
                "pageInfo" => {
                    for field in below(&field) {
                        match field.name() {
                            "startCursor" | "endCursor" => {
                                wanted.cursors = wanted.cursors.max(Cursors::Ends);
                            }
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
