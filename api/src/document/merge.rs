//! Whether what a document selects has to be merged: known beforehand, a writer need not look for
//! it row by row.

use std::collections::HashSet;

use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};

/// Whether in some set of selections, fragments written out, two fields with selections of their
/// own share a response key. Type conditions are not looked at, so some documents count that would
/// not have to.
///
/// For valid documents of a bounded size: [`super::limit::document`].
pub(super) fn merges(document: &ExecutableDocument) -> bool {
    (document.operations.iter())
        .any(|(_, operation)| set_merges(document, &operation.node.selection_set.node))
}

fn set_merges(document: &ExecutableDocument, set: &SelectionSet) -> bool {
    let mut seen = HashSet::new();
    collect_merges(document, set, &mut seen)
}

/// Goes on where `seen` has the keys of the same set so far.
fn collect_merges<'a>(
    document: &'a ExecutableDocument,
    set: &'a SelectionSet,
    seen: &mut HashSet<&'a str>,
) -> bool {
    set.items.iter().any(|selection| match &selection.node {
        Selection::Field(field) => {
            let below = &field.node.selection_set.node;
            !below.items.is_empty()
                && (!seen.insert(&field.node.response_key().node) || set_merges(document, below))
        }
        Selection::InlineFragment(fragment) => {
            collect_merges(document, &fragment.node.selection_set.node, seen)
        }
        Selection::FragmentSpread(spread) => {
            let fragment = document.fragments.get(&spread.node.fragment_name.node);
            fragment.is_some_and(|fragment| {
                collect_merges(document, &fragment.node.selection_set.node, seen)
            })
        }
    })
}
