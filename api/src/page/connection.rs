//! The connection types of the schema, in the shape of the Cursor Connections Specification.

use std::borrow::Cow;

use async_graphql::{
    ContextSelectionSet, Object, OutputType, Positioned, ServerResult, SimpleObject, TypeName,
    Value,
    parser::types::{Field, SelectionSet},
    registry::Registry,
};

use crate::{
    row::{self, Record, Row},
    shape::{Selected, Shape, Writer, append, selected, typename},
};

/// One page of a list, in the shape of the Cursor Connections Specification.
#[derive(Clone)]
pub struct Connection<R: Record> {
    pub(super) edges: Vec<Edge<R>>,
    pub(super) page_info: PageInfo,
    pub(super) total_count: i32,
}

/// One row of a page, with its cursor.
#[derive(Clone, SimpleObject)]
#[graphql(name_type)]
pub struct Edge<R: Record> {
    /// Where the row stands in the list, for `after` and `before`.
    pub(super) cursor: String,
    /// The row.
    pub(super) node: Row<R>,
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
#[derive(Clone, SimpleObject)]
pub struct PageInfo {
    /// Whether there are rows after this page. Going backward: whether `before` or `offset` was given.
    pub(super) has_next_page: bool,
    /// Whether there are rows before this page. Going forward: whether `after` or `offset` was given.
    pub(super) has_previous_page: bool,
    /// The first row's cursor; null on an empty page.
    pub(super) start_cursor: Option<String>,
    /// The last row's cursor; null on an empty page.
    pub(super) end_cursor: Option<String>,
}

/// One page of a list.
#[Object(name_type)]
impl<R: Record> Connection<R> {
    /// The rows of the page, each with its cursor.
    fn edges(&self) -> &[Edge<R>] {
        &self.edges
    }

    /// The edges' nodes, for who needs no cursor per row.
    fn nodes(&self) -> Vec<&Row<R>> {
        self.edges.iter().map(|edge| &edge.node).collect()
    }

    /// Where the page stands in the whole list.
    fn page_info(&self) -> &PageInfo {
        &self.page_info
    }

    /// How many there are on all pages together; counted only when asked for.
    fn total_count(&self) -> i32 {
        self.total_count
    }
}

/// The page behind a field: the same object as [`Connection`], written without a future per row.
pub struct Page<R: Record>(pub(super) Connection<R>);

impl<R: Record> OutputType for Page<R> {
    fn type_name() -> Cow<'static, str> {
        <Connection<R> as OutputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <Connection<R> as OutputType>::create_type_info(registry)
    }

    async fn resolve(
        &self,
        ctx: &ContextSelectionSet<'_>,
        _field: &Positioned<Field>,
    ) -> ServerResult<Value> {
        let shape = shape(ctx, &[ctx.item], &[&self.0]).await?;
        shape.value(ctx, &self.0)
    }
}

/// How a selection writes connections, and what it needs for the rows of all `pages`.
pub(super) async fn shape<R: Record>(
    ctx: &ContextSelectionSet<'_>,
    sets: &[&Positioned<SelectionSet>],
    pages: &[&Connection<R>],
) -> ServerResult<Shape<Connection<R>>> {
    let edges = pages.iter().flat_map(|page| &page.edges);
    let rows: Vec<&R> = edges.map(|edge| &edge.node.0).collect();
    let mut shape = Shape::default();
    for selected in selected(ctx, None, sets) {
        let writer: Writer<Connection<R>> = match selected.name() {
            "nodes" => {
                let node = nodes(ctx, &selected, &rows).await?;
                Box::new(move |page, json| {
                    node.write_list(page.edges.iter().map(|edge| &edge.node.0), json);
                })
            }
            "edges" => {
                let edge = edge(ctx, &selected, &rows).await?;
                Box::new(move |page, json| edge.write_list(page.edges.iter(), json))
            }
            "pageInfo" => {
                let info = page_info(ctx, &selected);
                Box::new(move |page, json| info.write(&page.page_info, json))
            }
            "totalCount" => Box::new(|page, json| append(json, &page.total_count)),
            _ => typename(&<Connection<R> as TypeName>::type_name()),
        };
        shape.push(&selected, writer);
    }
    Ok(shape)
}

async fn edge<R: Record>(
    ctx: &ContextSelectionSet<'_>,
    field: &Selected<'_>,
    rows: &[&R],
) -> ServerResult<Shape<Edge<R>>> {
    let ctx = ctx.with_field(field.field);
    let ctx = ctx.with_selection_set(field.sets[0]);
    let ctx = ctx.with_index(0);
    let mut shape = Shape::default();
    for selected in selected(&ctx, None, &field.sets) {
        let writer: Writer<Edge<R>> = match selected.name() {
            "cursor" => Box::new(|edge, json| append(json, &edge.cursor)),
            "node" => {
                let ctx = ctx.with_field(selected.field);
                let ctx = ctx.with_selection_set(selected.sets[0]);
                let node = row::shape(&ctx, &selected.sets, rows).await?;
                Box::new(move |edge, json| node.write(&edge.node.0, json))
            }
            _ => typename(&<Edge<R> as TypeName>::type_name()),
        };
        shape.push(&selected, writer);
    }
    Ok(shape)
}

async fn nodes<R: Record>(
    ctx: &ContextSelectionSet<'_>,
    field: &Selected<'_>,
    rows: &[&R],
) -> ServerResult<Shape<R>> {
    let ctx = ctx.with_field(field.field);
    let ctx = ctx.with_selection_set(field.sets[0]);
    row::shape(&ctx.with_index(0), &field.sets, rows).await
}

fn page_info(ctx: &ContextSelectionSet<'_>, field: &Selected<'_>) -> Shape<PageInfo> {
    let mut shape = Shape::default();
    for selected in selected(ctx, None, &field.sets) {
        let writer: Writer<PageInfo> = match selected.name() {
            "hasNextPage" => Box::new(|info, json| append(json, &info.has_next_page)),
            "hasPreviousPage" => Box::new(|info, json| append(json, &info.has_previous_page)),
            "startCursor" => Box::new(|info, json| append(json, &info.start_cursor)),
            "endCursor" => Box::new(|info, json| append(json, &info.end_cursor)),
            _ => typename(&<PageInfo as OutputType>::type_name()),
        };
        shape.push(&selected, writer);
    }
    shape
}
