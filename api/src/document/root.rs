//! The root of a subscription: one field, in a fragment or not.
//!
//! async-graphql opens a stream for each field that stands at the root, and none for what stands in
//! a fragment there. Source of the rule: the GraphQL specification, section 5.2.4.1, `Single Root
//! Field`. Knows no type but the root's.

use async_graphql::{
    Name, Positioned, ServerError,
    parser::types::{
        DocumentOperations, ExecutableDocument, Field, OperationDefinition, OperationType,
        Selection, SelectionSet,
    },
};

use crate::error::{Code, coded};

/// Puts the field at the root of each subscription in the place of the fragments that it is in.
///
/// # Errors
/// Where it is not one field of the schema.
pub(super) fn unfold(document: &mut ExecutableDocument) -> Result<(), ServerError> {
    let names: Vec<Option<Name>> = (document.operations.iter())
        .filter(|(_, operation)| operation.node.ty == OperationType::Subscription)
        .map(|(name, _)| name.cloned())
        .collect();
    for name in names {
        let Some(there) = named(document, name.as_ref()) else {
            continue;
        };
        let (mut set, pos) = (there.selection_set.node.clone(), there.selection_set.pos);
        let mut root = Root {
            document,
            fragments: Vec::new(),
            fields: Vec::new(),
        };
        root.collect(&set);
        let found = root.fields.len();
        let mut fields = root.fields.into_iter();
        let field = match (fields.next(), fields.next()) {
            (Some(field), None) if !field.node.name.node.starts_with("__") => field,
            _ => {
                let message = format!(
                    "Expected one field of the schema at the root of a subscription, found {found}."
                );
                return Err(coded(Code::GraphqlValidationFailed, message, Some(pos)));
            }
        };
        let pos = field.pos;
        set.items = vec![Positioned::new(Selection::Field(field), pos)];
        if let Some(there) = named(document, name.as_ref()) {
            there.selection_set.node = set;
        }
    }
    Ok(())
}

fn named<'a>(
    document: &'a mut ExecutableDocument,
    name: Option<&Name>,
) -> Option<&'a mut OperationDefinition> {
    let operation = match (&mut document.operations, name) {
        (DocumentOperations::Single(operation), _) => Some(operation),
        (DocumentOperations::Multiple(all), Some(name)) => all.get_mut(name),
        (DocumentOperations::Multiple(_), None) => None,
    };
    operation.map(|operation| &mut operation.node)
}

struct Root<'a> {
    document: &'a ExecutableDocument,
    /// Those that were looked into.
    fragments: Vec<String>,
    fields: Vec<Positioned<Field>>,
}

impl Root<'_> {
    /// Takes the fields of a selection; none has a directive, which are not allowed here. None where
    /// a fragment is not there, or cannot be where it is.
    fn collect(&mut self, set: &SelectionSet) -> Option<()> {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    self.add(field.clone());
                }
                Selection::InlineFragment(fragment) => {
                    let fragment = &fragment.node;
                    let on = fragment.type_condition.as_ref();
                    on.is_none_or(|on| on.node.on.node == "Subscription")
                        .then_some(())?;
                    self.collect(&fragment.selection_set.node)?;
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    let fragment = &self.document.fragments.get(name)?.node;
                    let fits = fragment.type_condition.node.on.node == "Subscription"
                        // A second time would be in vain, or without end.
                        && !self.fragments.iter().any(|seen| seen == name.as_str());
                    fits.then_some(())?;
                    self.fragments.push(name.to_string());
                    self.collect(&fragment.selection_set.node)?;
                }
            }
        }
        Some(())
    }

    /// Adds a field, or its selection to the same one where that is there already.
    fn add(&mut self, field: Positioned<Field>) {
        let same = |there: &&mut Positioned<Field>| {
            let (a, b) = (&there.node, &field.node);
            let argument = |name: &str| b.get_argument(name).map(|value| &value.node);
            a.response_key().node == b.response_key().node
                && a.name.node == b.name.node
                && a.arguments.len() == b.arguments.len()
                && (a.arguments.iter())
                    .all(|(name, value)| argument(&name.node) == Some(&value.node))
        };
        if let Some(there) = self.fields.iter_mut().find(same) {
            let items = field.node.selection_set.node.items;
            there.node.selection_set.node.items.extend(items);
        } else {
            self.fields.push(field);
        }
    }
}
