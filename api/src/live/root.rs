//! The root of a subscription: one field, in a fragment or not.
//!
//! async-graphql opens a stream for each field that stands at the root, and none for what stands in
//! a fragment there. Source of the rule: the GraphQL specification, section 5.2.4.1, `Single Root
//! Field`. Knows no type but the root's.

use async_graphql::{
    Positioned, ServerError,
    parser::types::{
        Directive, DocumentOperations, ExecutableDocument, Field, Selection, SelectionSet,
    },
};

use crate::{Error, document::operation};

/// Puts the field at the root in the place of the fragments that it is in. A document whose
/// fragments are not as they should be stays as it is: validation says why.
///
/// # Errors
/// Where it is not one field of the schema.
pub(crate) fn unfold(
    document: &mut ExecutableDocument,
    operation_name: Option<&str>,
) -> Result<(), ServerError> {
    let Some(there) = operation(document, operation_name) else {
        return Ok(());
    };
    let mut root = Root {
        document,
        fragments: Vec::new(),
        fields: Vec::new(),
    };
    if root.collect(&there.selection_set.node, &[]).is_none() {
        return Ok(());
    }
    let Root {
        fragments, fields, ..
    } = root;
    let found = fields.len();
    let mut fields = fields.into_iter();
    let field = match (fields.next(), fields.next()) {
        (Some(field), None) if !field.node.name.node.starts_with("__") => field,
        _ => {
            let mut error = Error::invalid(format!(
                "Expected one field of the schema at the root of a subscription, found {found}."
            ))
            .into_server_error();
            error.locations = vec![there.selection_set.pos];
            return Err(error);
        }
    };
    // Nothing but the root can have used these.
    (document.fragments).retain(|name, _| !fragments.iter().any(|used| used == name.as_str()));
    let there = match (&mut document.operations, operation_name) {
        (DocumentOperations::Single(operation), _) => Some(operation),
        (DocumentOperations::Multiple(all), Some(name)) => all.get_mut(name),
        (DocumentOperations::Multiple(all), None) => all.values_mut().next(),
    };
    if let Some(there) = there {
        let pos = field.pos;
        let items = vec![Positioned::new(Selection::Field(field), pos)];
        there.node.selection_set.node.items = items;
    }
    Ok(())
}

struct Root<'a> {
    document: &'a ExecutableDocument,
    /// Those that were looked into.
    fragments: Vec<String>,
    fields: Vec<Positioned<Field>>,
}

impl Root<'_> {
    /// Takes the fields of a selection, with the directives of the fragments around it. None where
    /// a fragment is not there, or cannot be where it is.
    fn collect(&mut self, set: &SelectionSet, around: &[Positioned<Directive>]) -> Option<()> {
        for selection in &set.items {
            let mut directives = around.to_vec();
            match &selection.node {
                Selection::Field(field) => {
                    let mut field = field.clone();
                    field.node.directives.extend(directives);
                    self.add(field);
                }
                Selection::InlineFragment(fragment) => {
                    let fragment = &fragment.node;
                    let on = fragment.type_condition.as_ref();
                    on.is_none_or(|on| on.node.on.node == "Subscription")
                        .then_some(())?;
                    directives.extend(fragment.directives.iter().cloned());
                    self.collect(&fragment.selection_set.node, &directives)?;
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    let fragment = &self.document.fragments.get(name)?.node;
                    let fits = fragment.type_condition.node.on.node == "Subscription"
                        // A second time would be in vain, or without end.
                        && !self.fragments.iter().any(|seen| seen == name.as_str());
                    fits.then_some(())?;
                    self.fragments.push(name.to_string());
                    directives.extend(spread.node.directives.iter().cloned());
                    self.collect(&fragment.selection_set.node, &directives)?;
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
                && a.directives.is_empty()
                && b.directives.is_empty()
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
