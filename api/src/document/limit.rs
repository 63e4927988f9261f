//! How large a document may be: checked before anything that reads it takes more than linear time,
//! or goes down its levels on the stack.

use std::{collections::HashMap, iter};

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
/// none where a block string does not end.
fn measure(text: &str) -> Option<(usize, usize)> {
    let (mut depth, mut deepest, mut count) = (0_usize, 0, 0);
    for token in tokens(text) {
        match token {
            "{" | "[" | "(" => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            "}" | "]" | ")" => depth = depth.saturating_sub(1),
            BLOCK => return None,
            _ => {}
        }
        count += 1;
    }
    Some((deepest, count))
}

/// What a block string begins and ends with.
const BLOCK: &str = "\"\"\"";

/// The words, strings and signs of a document; a number may be several, and a block string that
/// does not end is its quotes alone. Where a string ends is what the parser says: what is taken for
/// a string here and not there would not be bounded.
pub(super) fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    iter::from_fn(move || {
        rest = after_ignored(rest);
        let (token, after) = rest.split_at_checked(length(rest))?;
        rest = after;
        (!token.is_empty()).then_some(token)
    })
}

fn after_ignored(mut text: &str) -> &str {
    loop {
        text = text.trim_start_matches([' ', '\t', '\r', '\n', ',', '\u{feff}']);
        if !text.starts_with('#') {
            return text;
        }
        text = &text[text.find(['\n', '\r']).unwrap_or(text.len())..];
    }
}

/// How long the first token is, in bytes.
fn length(text: &str) -> usize {
    if let Some(rest) = text.strip_prefix(BLOCK) {
        return BLOCK.len() + block(rest.as_bytes());
    }
    match text.chars().next() {
        Some('"') => 1 + line(&text.as_bytes()[1..]),
        Some(first) if is_word(first) => text.find(|it| !is_word(it)).unwrap_or(text.len()),
        first => first.map_or(0, char::len_utf8),
    }
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

/// How long a block string is behind its first quotes; 0 where it does not end. Nothing but `\"""`
/// is an escape in it.
fn block(text: &[u8]) -> usize {
    let mut rest = text;
    loop {
        rest = match rest {
            [b'"', b'"', b'"', tail @ ..] => return text.len() - tail.len(),
            [b'\\', b'"', b'"', b'"', tail @ ..] | [_, tail @ ..] => tail,
            [] => return 0,
        }
    }
}

/// How long a string in a line is behind its first quote.
fn line(text: &[u8]) -> usize {
    let mut rest = text;
    loop {
        rest = match rest {
            [b'"' | b'\r' | b'\n', tail @ ..] => return text.len() - tail.len(),
            [b'\\', b'\r' | b'\n', ..] => &rest[1..],
            [b'\\', _, tail @ ..] | [_, tail @ ..] => tail,
            [] => return text.len(),
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
