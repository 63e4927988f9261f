//! Selections compiled into writers: how rows become JSON without a future or a value per field.
//!
//! A list is prepared level by level: each field says once, for all rows of the level, what it
//! needs and how it is written; then everything is written in one go. This is the module that may
//! be clever, so that the features need not be. It knows no type of the schema.

use std::collections::HashMap;

use async_graphql::{
    ContextBase, ContextSelectionSet, Positioned, ServerResult, Value,
    parser::types::{Field, Selection, SelectionSet},
};
use serde::Serialize;
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    task::block_in_place,
};

use crate::{Error, context::Shop, limits::MAX_ANSWER};

/// How much is written before others get their turn, in bytes: it takes a millisecond or less.
const AT_ONCE: usize = 1024 * 1024;

/// Appends what a selection makes of a value to a JSON text.
pub type Writer<T> = Box<dyn Fn(&T, &mut Vec<u8>) + Send + Sync>;

/// How a selection writes a value as an object: its response keys in their order, each with what
/// writes the value behind it.
pub struct Shape<T>(Vec<(String, Writer<T>)>);

impl<T> Default for Shape<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Shape<T> {
    /// Adds a field.
    pub fn push(&mut self, selected: &Selected<'_>, writer: Writer<T>) {
        // A GraphQL name has no character that JSON escapes.
        let name = selected.field.node.response_key().node.as_str();
        let mut key = String::with_capacity(name.len() + 4);
        key.push_str(if self.0.is_empty() { "{\"" } else { ",\"" });
        key.push_str(name);
        key.push_str("\":");
        self.0.push((key, writer));
    }

    /// Appends the object that is made of `value`.
    pub fn write(&self, value: &T, json: &mut Vec<u8>) {
        if self.0.is_empty() {
            json.push(b'{');
        }
        for (key, writer) in &self.0 {
            // Of what is too long nothing is told; the end may be left out.
            if json.len() > MAX_ANSWER {
                return;
            }
            json.extend_from_slice(key.as_bytes());
            writer(value, json);
        }
        json.push(b'}');
    }

    /// Appends the list of the objects that are made of `values`.
    pub fn write_list<'v>(&self, values: impl ExactSizeIterator<Item = &'v T>, json: &mut Vec<u8>)
    where
        T: 'v,
    {
        json.push(b'[');
        let (begin, mut values) = (json.len(), values);
        let write = |value, json: &mut Vec<u8>| {
            if json.len() > begin {
                json.push(b',');
            }
            self.write(value, json);
        };
        if let Some(value) = values.next() {
            write(value, json);
            // The others are about as long: so the text is moved once, and not each time it doubles.
            let one = (json.len() - begin).min(AT_ONCE) * 9 / 8;
            json.reserve(one.saturating_mul(values.len()).min(AT_ONCE));
        }
        while json.len() - begin < AT_ONCE {
            let Some(value) = values.next() else { break };
            write(value, json);
        }
        if json.len() - begin >= AT_ONCE {
            aside(|| values.for_each(|value| write(value, json)));
        }
        json.push(b']');
    }

    /// The object as a field's value.
    ///
    /// # Errors
    /// `TOO_COSTLY` where the request's answer gets too long.
    pub fn value(&self, ctx: &ContextSelectionSet<'_>, value: &T) -> ServerResult<Value> {
        let shop = ctx.data_unchecked::<Shop>();
        let mut json = Vec::with_capacity(1024);
        self.write(value, &mut json);
        if shop.written(json.len()) > MAX_ANSWER {
            let message =
                format!("Expected an answer of at most {MAX_ANSWER} bytes, found a longer one.");
            let error = Error::too_costly(message).into_server_error();
            return Err(ctx.set_error_path(error));
        }
        // async-graphql merges values that two fields of one response key have, and so needs to see
        // into them.
        Ok(if shop.merges {
            let read = || serde_json::from_slice(&json).unwrap_or_default();
            if json.len() < AT_ONCE {
                read()
            } else {
                aside(read)
            }
        } else {
            Value::Binary(json.into())
        })
    }
}

/// Does what takes some milliseconds; what else its thread has to do another one does meanwhile.
fn aside<T>(work: impl FnOnce() -> T) -> T {
    let runtime = Handle::try_current().map(|it| it.runtime_flavor());
    match runtime {
        Ok(RuntimeFlavor::MultiThread) => block_in_place(work),
        _ => work(),
    }
}

/// A writer of `__typename`.
#[must_use]
pub fn typename<T>(name: &str) -> Writer<T> {
    let name = format!("\"{name}\"");
    Box::new(move |_, json| json.extend_from_slice(name.as_bytes()))
}

/// Appends a text, number or the like.
pub fn append(json: &mut Vec<u8>, value: &impl Serialize) {
    // It cannot fail: a Vec takes everything, and such values have no keys.
    let _ = serde_json::to_writer(json, value);
}

/// Appends a text, as [`append`] does. Most have nothing to escape; a search that does not stop at what
/// it finds looks at many bytes at once.
pub fn append_text(json: &mut Vec<u8>, text: &str) {
    let special = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\';
    if (text.bytes()).fold(false, |found, byte| found | special(byte)) {
        append(json, &text);
    } else {
        json.reserve(text.len() + 2);
        json.push(b'"');
        json.extend_from_slice(text.as_bytes());
        json.push(b'"');
    }
}

/// A field of a selection, and all that is selected below it, which may stand in several places.
pub struct Selected<'a> {
    pub field: &'a Positioned<Field>,
    pub sets: Sets<'a>,
}

/// Selection sets that are one after merging.
pub type Sets<'a> = Vec<&'a Positioned<SelectionSet>>;

impl<'a> Selected<'a> {
    /// The field's name in the schema.
    #[must_use]
    pub fn name(&self) -> &'a str {
        &self.field.node.name.node
    }
}

/// The fields that are selected on an object of type `name`, with fragments unfolded, one for each
/// response key; on all types where no name is given, since the schema has no interface of that
/// type. What `@skip` and `@include` leave out is gone before execution begins.
///
/// Source of the rule: the GraphQL specification, section 6.3.2, `CollectFields`.
pub fn selected<'a, T>(
    ctx: &ContextBase<'a, T>,
    name: Option<&str>,
    sets: &[&'a Positioned<SelectionSet>],
) -> Vec<Selected<'a>> {
    let mut fields = Fields::default();
    for set in sets {
        collect(ctx, name, set, &mut fields);
    }
    fields.list
}

/// Fields by response key, in the order of their first appearance.
#[derive(Default)]
struct Fields<'a> {
    list: Vec<Selected<'a>>,
    /// Where each is, once there are more than a glance finds.
    places: HashMap<&'a str, usize>,
}

impl<'a> Fields<'a> {
    const AT_A_GLANCE: usize = 16;

    fn add(&mut self, field: &'a Positioned<Field>) {
        let key = field.node.response_key().node.as_str();
        let place = if self.list.len() > Self::AT_A_GLANCE {
            self.places.get(key).copied()
        } else {
            let same = |it: &Selected<'_>| it.field.node.response_key().node == key;
            self.list.iter().position(same)
        };
        let set = &field.node.selection_set;
        if let Some(place) = place {
            self.list[place].sets.push(set);
            return;
        }
        let sets = vec![set];
        self.list.push(Selected { field, sets });
        if self.list.len() > Self::AT_A_GLANCE {
            for (place, field) in self.list.iter().enumerate().skip(self.places.len()) {
                self.places
                    .insert(&field.field.node.response_key().node, place);
            }
        }
    }
}

fn collect<'a, T>(
    ctx: &ContextBase<'a, T>,
    name: Option<&str>,
    set: &'a Positioned<SelectionSet>,
    fields: &mut Fields<'a>,
) {
    // `Node` is the schema's only interface.
    let applies = |condition: &str| name.is_none_or(|name| [name, "Node"].contains(&condition));
    for selection in &set.node.items {
        match &selection.node {
            Selection::Field(field) => fields.add(field),
            Selection::InlineFragment(fragment) => {
                let condition = fragment.node.type_condition.as_ref();
                if condition.is_none_or(|condition| applies(&condition.node.on.node)) {
                    collect(ctx, name, &fragment.node.selection_set, fields);
                }
            }
            Selection::FragmentSpread(spread) => {
                let fragment = ctx.query_env.fragments.get(&spread.node.fragment_name.node);
                if let Some(fragment) = fragment
                    && applies(&fragment.node.type_condition.node.on.node)
                {
                    collect(ctx, name, &fragment.node.selection_set, fields);
                }
            }
        }
    }
}
