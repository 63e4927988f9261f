//! Writing records as objects of the response: plain columns as they are, and futures for no more
//! than what has a resolver to run.

use std::{borrow::Cow, sync::Arc};

use async_graphql::{
    ContextSelectionSet, Name, OutputType, Positioned, ScalarType, ServerError, ServerResult,
    Value,
    futures_util::future::try_join_all,
    indexmap::IndexMap,
    parser::types::{Field, SelectionSet},
    registry::Registry,
    resolver_utils::{resolve_container, resolve_list},
};
use sea_orm::{ModelTrait, sea_query::Value as SqlValue};

use super::{ColumnOf, Record, plain_column, selected};
use crate::scalar::DateTime;

/// The value of a plain column as GraphQL has it.
fn write_value(value: SqlValue) -> Value {
    match value {
        SqlValue::Int(Some(number)) => number.into(),
        SqlValue::Bool(Some(flag)) => flag.into(),
        SqlValue::String(Some(text)) => text.into(),
        SqlValue::ChronoDateTime(Some(instant)) => DateTime(instant).to_value(),
        _ => Value::Null,
    }
}

/// What a selection makes of each record of a type.
struct Shape<'a, R: Record>(Vec<(&'a Name, Slot<'a, R>)>);

/// The fields whose resolver has to run, with their places in the object.
type Rest<'a> = Vec<(usize, &'a Positioned<Field>)>;

enum Slot<'a, R: Record> {
    /// `__typename`.
    Type,
    /// A field that is its column and no more.
    Column(ColumnOf<R>),
    /// A field with a resolver.
    Field(&'a Positioned<Field>),
}

impl<'a, R: Record> Shape<'a, R> {
    /// None where one response key is selected twice with sub-selections, which have to be merged.
    fn of(ctx: &ContextSelectionSet<'a>, set: &'a SelectionSet) -> Option<Self> {
        let fields = selected(ctx, Some(R::NAME), set);
        let mut slots: Vec<(&Name, Slot<R>)> = Vec::with_capacity(fields.len());
        for field in fields {
            let key = &field.node.response_key().node;
            let name = &field.node.name.node;
            let slot = match plain_column::<R>(name) {
                Some(place) => Slot::Column(R::COLUMNS[place].0),
                None if name == "__typename" => Slot::Type,
                None => Slot::Field(field),
            };
            if !slots.iter().any(|(other, _)| *other == key) {
                slots.push((key, slot));
            } else if matches!(slot, Slot::Field(_)) {
                return None;
            }
        }
        Some(Self(slots))
    }

    /// The object, but for the fields whose resolver has to run: those are null, and come back with
    /// their places.
    fn write(
        &self,
        ctx: &ContextSelectionSet<'a>,
        record: &R,
    ) -> (IndexMap<Name, Value>, Rest<'a>) {
        let mut object = IndexMap::with_capacity(self.0.len());
        let mut rest = Vec::new();
        for (place, (key, slot)) in self.0.iter().enumerate() {
            let value = match slot {
                Slot::Type => Some(R::NAME.into()),
                Slot::Column(column) => Some(write_value(record.model().get(*column))),
                Slot::Field(field) => record
                    .read_with(&field.node.name.node)
                    .and_then(|record| record.write(ctx, &field.node.selection_set.node)),
            };
            if let (None, Slot::Field(field)) = (&value, slot) {
                rest.push((place, *field));
            }
            object.insert((*key).clone(), value.unwrap_or_default());
        }
        (object, rest)
    }
}

/// The values of the fields that [`Shape::write`] left out, with their places.
async fn run<R: Record>(
    ctx: &ContextSelectionSet<'_>,
    record: &R,
    rest: Rest<'_>,
) -> ServerResult<Vec<(usize, Value)>> {
    let values = rest.into_iter().map(async |(place, field)| {
        let field_ctx = ctx.with_field(field);
        let value = record.resolve_field(&field_ctx).await?;
        Ok::<_, ServerError>((place, value.unwrap_or_default()))
    });
    try_join_all(values).await
}

/// A record that can be written where it stands.
pub trait Written {
    /// The object that a selection makes of the record; none where a resolver has to run for it.
    fn write<'a>(&self, ctx: &ContextSelectionSet<'a>, set: &'a SelectionSet) -> Option<Value>;
}

impl<R: Record> Written for R {
    fn write<'a>(&self, ctx: &ContextSelectionSet<'a>, set: &'a SelectionSet) -> Option<Value> {
        let (object, rest) = Shape::of(ctx, set)?.write(ctx, self);
        rest.is_empty().then_some(Value::Object(object))
    }
}

/// A record behind a field: the same object as `R`.
#[derive(Clone, Debug)]
pub struct Row<R>(pub R);

impl<R: Record> OutputType for Row<R> {
    fn type_name() -> Cow<'static, str> {
        R::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        R::create_type_info(registry)
    }

    async fn resolve(
        &self,
        ctx: &ContextSelectionSet<'_>,
        _field: &Positioned<Field>,
    ) -> ServerResult<Value> {
        let Some(shape) = Shape::of(ctx, &ctx.item.node) else {
            return resolve_container(ctx, &self.0).await;
        };
        let (mut object, rest) = shape.write(ctx, &self.0);
        for (place, value) in run(ctx, &self.0, rest).await? {
            object[place] = value;
        }
        Ok(Value::Object(object))
    }
}

/// The records of a list: the same list as `Vec<R>`.
#[derive(Clone, Debug)]
pub struct Rows<R>(pub Arc<[R]>);

impl<R: Record> OutputType for Rows<R> {
    fn type_name() -> Cow<'static, str> {
        Vec::<Row<R>>::type_name()
    }

    fn qualified_type_name() -> String {
        Vec::<Row<R>>::qualified_type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        Vec::<Row<R>>::create_type_info(registry)
    }

    async fn resolve(
        &self,
        ctx: &ContextSelectionSet<'_>,
        field: &Positioned<Field>,
    ) -> ServerResult<Value> {
        let Some(shape) = Shape::of(ctx, &ctx.item.node) else {
            let rows = self.0.iter().cloned().map(Row);
            return resolve_list(ctx, field, rows, Some(self.0.len())).await;
        };
        let mut values = Vec::with_capacity(self.0.len());
        let mut pending = Vec::new();
        for (index, record) in self.0.iter().enumerate() {
            let (object, rest) = shape.write(ctx, record);
            values.push(Value::Object(object));
            if !rest.is_empty() {
                pending.push((index, record, rest));
            }
        }
        // A future for each row with resolvers to run, and none for the others.
        let pending = pending.into_iter().map(async |(index, record, rest)| {
            let ctx = ctx.with_index(index);
            let fields = run(&ctx, record, rest).await;
            let fields = fields.map_err(|error| ctx.set_error_path(error))?;
            Ok::<_, ServerError>((index, fields))
        });
        for (index, fields) in try_join_all(pending).await? {
            if let Value::Object(object) = &mut values[index] {
                for (place, value) in fields {
                    object[place] = value;
                }
            }
        }
        Ok(Value::List(values))
    }
}
