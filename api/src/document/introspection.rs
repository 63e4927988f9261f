//! Whether a document asks for the schema itself.

use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};

/// Whether `__schema` or `__type` is selected; `__typename` tells nothing that is not told anyway.
pub(super) fn introspects(document: &ExecutableDocument) -> bool {
    let mut operations = document.operations.iter();
    operations.any(|(_, operation)| selects(&operation.node.selection_set.node))
        || (document.fragments.values()).any(|fragment| selects(&fragment.node.selection_set.node))
}

/// Both are fields of the root alone, so that nothing is looked for below a field.
fn selects(set: &SelectionSet) -> bool {
    set.items.iter().any(|selection| match &selection.node {
        Selection::Field(field) => matches!(&*field.node.name.node, "__schema" | "__type"),
        Selection::InlineFragment(fragment) => selects(&fragment.node.selection_set.node),
        Selection::FragmentSpread(_) => false,
    })
}
