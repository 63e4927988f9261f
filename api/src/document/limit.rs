//! How large a document may be: checked before anything that reads it takes more than linear time,
//! or goes down its levels on the stack.

use std::collections::HashMap;

use async_graphql::{
    Name, ServerError,
    parser::types::{ExecutableDocument, Selection, SelectionSet},
};

use crate::{
    Error, Result,
    error::{Code, coded},
};

/// How deep brackets may be nested: all that reads a document goes down as deep.
const MAX_NESTING: usize = 64;
/// How many words, numbers, strings and signs there may be.
const MAX_TOKENS: usize = 10_000;
/// How many selections there may be where each fragment is written out wherever it is spread.
const MAX_SELECTIONS: usize = 10_000;
/// How deep selections may be nested in each other, each level of a fragment counted.
pub(crate) const MAX_DEPTH: usize = 32;

/// # Errors
/// `TOO_COSTLY` where the text is nested too deep or too long; `GRAPHQL_PARSE_FAILED` where a block
/// string does not end, which the parser would read as two strings, and what follows as no string.
pub(super) fn text(text: &str) -> Result<(), ServerError> {
    let Some((nesting, tokens)) = measure(text) else {
        let message = "Syntax error: expected a block string to end.";
        return Err(coded(Code::GraphqlParseFailed, message, None));
    };
    let too_costly = |message| Err(Error::too_costly(message).into_server_error());
    if nesting > MAX_NESTING {
        return too_costly(format!(
            "Expected brackets to be nested at most {MAX_NESTING} deep, found {nesting}."
        ));
    }
    if tokens > MAX_TOKENS {
        return too_costly(format!(
            "Expected a document of at most {MAX_TOKENS} tokens, found {tokens}."
        ));
    }
    Ok(())
}

/// How deep brackets are nested and how many tokens there are, outside of strings and comments;
/// none where a block string does not end. Where a string ends is what the parser says: what is
/// taken for a string here and not there would not be bounded.
fn measure(text: &str) -> Option<(usize, usize)> {
    let (mut depth, mut deepest, mut tokens) = (0_usize, 0, 0);
    let mut rest = text.as_bytes();
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b',' => continue,
            b'{' | b'[' | b'(' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            b'#' => {
                let end = tail.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
                rest = &tail[end.unwrap_or(tail.len())..];
                continue;
            }
            b'"' if tail.starts_with(b"\"\"") => {
                rest = after_block(&tail[2..])?;
            }
            b'"' => rest = after_line(tail),
            _ if is_word(*byte) => {
                let end = tail.iter().position(|byte| !is_word(*byte));
                rest = &tail[end.unwrap_or(tail.len())..];
            }
            _ => {}
        }
        tokens += 1;
    }
    Some((deepest, tokens))
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// What comes after a block string, if it ends: nothing but `\"""` is an escape in it.
fn after_block(mut text: &[u8]) -> Option<&[u8]> {
    loop {
        text = match text {
            [b'"', b'"', b'"', tail @ ..] => return Some(tail),
            [b'\\', b'"', b'"', b'"', tail @ ..] | [_, tail @ ..] => tail,
            [] => return None,
        }
    }
}

/// What comes after a string in a line.
fn after_line(mut text: &[u8]) -> &[u8] {
    loop {
        text = match text {
            [b'"' | b'\r' | b'\n', tail @ ..] => return tail,
            [b'\\', b'\r' | b'\n', ..] => &text[1..],
            [b'\\', _, tail @ ..] | [_, tail @ ..] => tail,
            [] => return text,
        }
    }
}

/// # Errors
/// `TOO_COSTLY` where there are too many selections or too deep ones. What is written once may be
/// run 2ⁿ times: fragments are counted as often as they are spread.
pub(super) fn selections(document: &ExecutableDocument) -> Result<()> {
    let mut measured = Fragments {
        document,
        known: HashMap::new(),
    };
    let (mut count, mut depth) = (0_usize, 0);
    for (_, operation) in document.operations.iter() {
        let size = measured.set(&operation.node.selection_set.node, 0);
        count = count.saturating_add(size.count);
        depth = depth.max(size.depth);
    }
    if depth > MAX_DEPTH {
        return Err(Error::too_costly(format!(
            "Expected selections to be nested at most {MAX_DEPTH} deep, found more."
        )));
    }
    if count > MAX_SELECTIONS {
        return Err(Error::too_costly(format!(
            "Expected at most {MAX_SELECTIONS} selections with all fragments written out, found {count}."
        )));
    }
    Ok(())
}

/// Of a set of selections: how many with all that is below them, and how many levels below it.
#[derive(Clone, Copy, Default)]
struct Size {
    count: usize,
    depth: usize,
}

struct Fragments<'a> {
    document: &'a ExecutableDocument,
    /// None while it is being measured, so that a circle ends; the validator refuses it.
    known: HashMap<&'a Name, Option<Size>>,
}

impl<'a> Fragments<'a> {
    /// `level` bounds the stack: what is deeper is too deep, however large it is.
    fn set(&mut self, set: &'a SelectionSet, level: usize) -> Size {
        if level > MAX_DEPTH {
            return Size::default();
        }
        let mut all = Size::default();
        for selection in &set.items {
            let below = match &selection.node {
                Selection::Field(field) if field.node.selection_set.node.items.is_empty() => None,
                Selection::Field(field) => {
                    Some(self.set(&field.node.selection_set.node, level + 1))
                }
                Selection::InlineFragment(fragment) => {
                    Some(self.set(&fragment.node.selection_set.node, level + 1))
                }
                Selection::FragmentSpread(spread) => {
                    Some(self.fragment(&spread.node.fragment_name.node, level + 1))
                }
            };
            let count = 1 + below.map_or(0, |below| below.count);
            all.count = all.count.saturating_add(count);
            all.depth = all.depth.max(below.map_or(0, |below| 1 + below.depth));
        }
        all
    }

    fn fragment(&mut self, name: &'a Name, level: usize) -> Size {
        if let Some(known) = self.known.get(name) {
            return known.unwrap_or_default();
        }
        let Some(fragment) = self.document.fragments.get(name) else {
            return Size::default();
        };
        self.known.insert(name, None);
        let size = self.set(&fragment.node.selection_set.node, level);
        self.known.insert(name, Some(size));
        size
    }
}
