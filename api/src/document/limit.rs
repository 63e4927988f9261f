//! How large a document and its variables may be: checked before anything that reads them takes more
//! than linear time, or goes down their levels on the stack.

use std::{collections::HashMap, iter};

use async_graphql::{
    Name, Positioned, ServerError, Value, Variables,
    parser::types::{Directive, ExecutableDocument, Field, Selection, SelectionSet},
};

use crate::{
    Error, Limits, Result,
    error::{Code, coded},
};

/// How deep the lists of introspection may be nested in each other. Source of the rule: graphql-js,
/// `MaxIntrospectionDepthRule`.
const MAX_INTROSPECTION: usize = 2;

/// How many tokens a text has.
///
/// # Errors
/// `TOO_COSTLY` where the text is nested too deep or too long; `GRAPHQL_PARSE_FAILED` where a block
/// string does not end, which the parser would read as two strings, and what follows as no string.
pub(super) fn text(text: &str, limits: &Limits) -> Result<usize, ServerError> {
    let Some((nesting, tokens)) = measure(text) else {
        let message = "Syntax error: expected a block string to end.";
        return Err(coded(Code::GraphqlParseFailed, message, None));
    };
    over(nesting, limits.nesting, |found, most| {
        format!("Expected brackets to be nested at most {most} deep, found {found}.")
    })
    .map_err(Error::into_server_error)?;
    over(tokens, limits.tokens, |found, most| {
        format!("Expected a document of at most {most} tokens, found {found}.")
    })
    .map_err(Error::into_server_error)?;
    Ok(tokens)
}

/// # Errors
/// `TOO_COSTLY` where a figure is over its limit.
fn over(found: usize, most: usize, message: impl Fn(usize, usize) -> String) -> Result<()> {
    if found > most {
        return Err(Error::too_costly(message(found, most)));
    }
    Ok(())
}

/// How deep brackets are nested and how many tokens there are, outside of strings and comments;
/// none where a block string does not end. Commas and comments count: the parser's tree has them.
fn measure(text: &str) -> Option<(usize, usize)> {
    let (mut depth, mut deepest, mut count, mut end) = (0_usize, 0, 0, 0);
    let ignored = |gap: Option<&str>| {
        let gap = gap.unwrap_or_default();
        gap.matches([',', '#', '\u{feff}']).count()
    };
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
        let start = token.as_ptr().addr() - text.as_ptr().addr();
        count += 1 + ignored(text.get(end..start));
        end = start + token.len();
    }
    Some((deepest, count + ignored(text.get(end..))))
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
/// `TOO_COSTLY` where a document has more of something than it may.
pub(super) fn document(document: &ExecutableDocument, limits: &Limits) -> Result<()> {
    let mut measured = Measure {
        document,
        deepest: limits.nesting,
        known: HashMap::new(),
        aliases: 0,
        directives: 0,
        directives_at_once: 0,
        introspection: 0,
    };
    let (mut all, mut root_fields) = (Size::default(), 0);
    for (_, operation) in document.operations.iter() {
        let operation = &operation.node;
        measured.directives(&operation.directives);
        for variable in &operation.variable_definitions {
            measured.directives(&variable.node.directives);
        }
        let size = measured.set(&operation.selection_set.node, 0);
        root_fields = root_fields.max(size.width);
        all.add(&size, 0);
    }
    over(measured.aliases, limits.aliases, |found, most| {
        format!("Expected at most {most} aliases, found {found}.")
    })?;
    let at_once = measured.directives_at_once;
    over(at_once, limits.directives_at_once, |found, most| {
        format!("Expected at most {most} directives at one place, found {found}.")
    })?;
    over(measured.directives, limits.directives, |found, most| {
        format!("Expected at most {most} directives, found {found}.")
    })?;
    over(all.levels, limits.nesting, |_, most| {
        format!(
            "Expected selections to be nested at most {most} deep with all fragments written out, found more."
        )
    })?;
    over(measured.introspection, MAX_INTROSPECTION, |found, most| {
        format!(
            "Expected `fields`, `inputFields`, `interfaces` and `possibleTypes` of introspection to \
             be nested at most {most} deep, found {found}."
        )
    })?;
    over(all.depth, limits.depth, |found, most| {
        format!("Expected fields to be nested at most {most} deep, found {found}.")
    })?;
    over(root_fields, limits.root_fields, |found, most| {
        format!("Expected at most {most} fields at the root, found {found}.")
    })?;
    over(all.count, limits.selections, |found, most| {
        format!("Expected at most {most} selections with all fragments written out, found {found}.")
    })
}

/// Of a set of selections, with all that is below them.
#[derive(Clone, Copy, Default)]
struct Size {
    /// Selections.
    count: usize,
    /// Fields of the set itself.
    width: usize,
    /// Levels of fields; `ofType`, which wraps a type and lists nothing, is none.
    depth: usize,
    /// Levels of selections, fragments counted.
    levels: usize,
    /// Levels of introspection's lists.
    lists: usize,
}

impl Size {
    /// Adds what is below a selection, `levels` down.
    fn add(&mut self, below: &Self, levels: usize) {
        self.count = self.count.saturating_add(below.count);
        self.depth = self.depth.max(below.depth);
        self.levels = self.levels.max(below.levels + levels);
        self.lists = self.lists.max(below.lists);
    }
}

struct Measure<'a> {
    document: &'a ExecutableDocument,
    /// How many levels are gone down: what is deeper is too deep, however large it is.
    deepest: usize,
    /// None while it is being measured, so that a circle ends; the validator refuses it.
    known: HashMap<&'a Name, Option<Size>>,
    aliases: usize,
    directives: usize,
    directives_at_once: usize,
    introspection: usize,
}

impl<'a> Measure<'a> {
    /// What is written once may be run 2ⁿ times: a fragment counts as often as it is spread. Its
    /// aliases and directives count once.
    fn set(&mut self, set: &'a SelectionSet, level: usize) -> Size {
        let mut all = Size::default();
        if level > self.deepest {
            return all;
        }
        for selection in &set.items {
            self.directives(selection.node.directives());
            all.count = all.count.saturating_add(1);
            let below = match &selection.node {
                Selection::Field(field) => {
                    all.width = all.width.saturating_add(1);
                    self.field(&field.node, level)
                }
                Selection::InlineFragment(fragment) => {
                    let below = self.set(&fragment.node.selection_set.node, level + 1);
                    all.width = all.width.saturating_add(below.width);
                    below
                }
                Selection::FragmentSpread(spread) => {
                    let below = self.fragment(&spread.node.fragment_name.node, level + 1);
                    all.width = all.width.saturating_add(below.width);
                    below
                }
            };
            let is_leaf = matches!(&selection.node, Selection::Field(field) if field.node.selection_set.node.items.is_empty());
            all.add(&below, usize::from(!is_leaf));
        }
        all
    }

    fn field(&mut self, field: &'a Field, level: usize) -> Size {
        self.aliases += usize::from(field.alias.is_some());
        let set = &field.selection_set.node;
        let mut size = Size::default();
        if !set.items.is_empty() {
            size = self.set(set, level + 1);
        }
        match &*field.name.node {
            "ofType" => return size,
            "fields" | "inputFields" | "interfaces" | "possibleTypes" => size.lists += 1,
            "__schema" | "__type" => self.introspection = self.introspection.max(size.lists),
            _ => {}
        }
        size.depth += 1;
        size
    }

    fn fragment(&mut self, name: &'a Name, level: usize) -> Size {
        if let Some(known) = self.known.get(name) {
            return known.unwrap_or_default();
        }
        let Some(fragment) = self.document.fragments.get(name) else {
            return Size::default();
        };
        self.known.insert(name, None);
        self.directives(&fragment.node.directives);
        let size = self.set(&fragment.node.selection_set.node, level);
        self.known.insert(name, Some(size));
        size
    }

    fn directives(&mut self, at_once: &[Positioned<Directive>]) {
        self.directives += at_once.len();
        self.directives_at_once = self.directives_at_once.max(at_once.len());
    }
}

/// # Errors
/// `TOO_COSTLY` where a request's variables are nested too deep, or are too many values.
pub(super) fn variables(variables: &Variables, limits: &Limits) -> Result<usize, ServerError> {
    let (mut nesting, mut values) = (0, 0);
    for value in variables.values() {
        // The variables are an object themselves.
        walk(value, 1, &mut nesting, &mut values);
    }
    let checked = over(nesting, limits.nesting, |found, most| {
        format!("Expected variables to be nested at most {most} deep, found {found}.")
    })
    .and_then(|()| {
        over(values, limits.values, |found, most| {
            format!("Expected at most {most} values in the variables, found {found}.")
        })
    });
    checked.map_err(Error::into_server_error)?;
    Ok(values)
}

/// Goes as deep as serde has gone before.
fn walk(value: &Value, level: usize, nesting: &mut usize, values: &mut usize) {
    *values += 1;
    match value {
        Value::List(items) => {
            *nesting = level.max(*nesting);
            for item in items {
                walk(item, level + 1, nesting, values);
            }
        }
        Value::Object(fields) => {
            *nesting = level.max(*nesting);
            for item in fields.values() {
                walk(item, level + 1, nesting, values);
            }
        }
        _ => {}
    }
}

/// Why a text is not read as JSON, where it is nested deeper than a request may be, its variables
/// being two levels down.
pub(crate) fn too_deep(json: &[u8], limits: &Limits) -> Option<Error> {
    let most = limits.nesting + 2;
    let (mut level, mut nesting, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                level += 1;
                nesting = level.max(nesting);
            }
            b']' | b'}' if !in_string => level = level.saturating_sub(1),
            _ => {}
        }
    }
    over(nesting, most, |found, most| {
        format!("Expected JSON to be nested at most {most} deep, found {found}.")
    })
    .err()
}
