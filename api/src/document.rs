//! Documents: read once and kept, and what a request says beside its document checked against it.
//!
//! Kept outside the schema, where an extension that does it would slow every field down. Knows no
//! type of the schema.

use std::sync::Arc;

use async_graphql::{
    Name, Request, ServerError, Value,
    parser::{
        parse_query,
        types::{DocumentOperations, ExecutableDocument, OperationDefinition, OperationType},
    },
};
use quick_cache::sync::Cache;

use crate::{Error, error::Code};

/// How many documents are kept. A client has a few dozen operations.
const KEPT: usize = 1_000;
/// The longest document that is kept, in bytes: what one entry may cost.
const LONGEST_KEPT: usize = 16 * 1024;
/// How deep brackets may be nested: all that reads a document goes down as deep.
const MAX_NESTING: usize = 64;

/// The documents that were read lately.
pub(crate) struct Documents(Cache<String, Arc<ExecutableDocument>>);

impl Documents {
    pub(crate) fn new() -> Self {
        Self(Cache::new(KEPT))
    }

    /// The document of a text.
    pub(crate) fn get(&self, text: &str) -> Result<Arc<ExecutableDocument>, ServerError> {
        if let Some(document) = self.0.get(text) {
            return Ok(document);
        }
        let nesting = nesting(text);
        if nesting > MAX_NESTING {
            return Err(Error::too_costly(format!(
                "Expected brackets to be nested at most {MAX_NESTING} deep, found {nesting}."
            ))
            .into_server_error());
        }
        let document = Arc::new(parse_query(text).map_err(unreadable)?);
        if text.len() <= LONGEST_KEPT {
            self.0.insert(text.to_owned(), Arc::clone(&document));
        }
        Ok(document)
    }
}

/// A syntax error in a line: the parser draws a picture, whose last line says what it expected.
fn unreadable(error: async_graphql::parser::Error) -> ServerError {
    let mut error = ServerError::from(error);
    if let Some((_, expected)) = error.message.rsplit_once("\n  = ") {
        error.message = format!("Syntax error: {expected}.");
    }
    let extensions = error.extensions.get_or_insert_default();
    extensions.set("code", Code::GraphqlParseFailed.as_str());
    error
}

/// How deep brackets are nested, outside of strings and comments.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut rest = text.as_bytes();
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match byte {
            b'{' | b'[' | b'(' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            b'#' => {
                let end = tail.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
                rest = &tail[end.unwrap_or(tail.len())..];
            }
            b'"' if tail.starts_with(b"\"\"") => {
                rest = after(&tail[2..], |tail| tail.starts_with(b"\"\"\"").then_some(3));
            }
            b'"' => rest = after(tail, |tail| matches!(tail, [b'"' | b'\n', ..]).then_some(1)),
            _ => {}
        }
    }
    deepest
}

/// What comes after the end of a string; `end` says how long the end is, if it is here.
fn after(mut text: &[u8], end: impl Fn(&[u8]) -> Option<usize>) -> &[u8] {
    loop {
        if let Some(length) = end(text) {
            return &text[length..];
        }
        match text {
            [b'\\', _, tail @ ..] | [_, tail @ ..] => text = tail,
            [] => return text,
        }
    }
}

/// The operation of a document that a request names; the first where it names none.
pub(crate) fn operation<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Option<&'a OperationDefinition> {
    let operation = match (&document.operations, name) {
        (DocumentOperations::Single(operation), _) => Some(operation),
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name),
        (DocumentOperations::Multiple(operations), None) => operations.values().next(),
    };
    operation.map(|operation| &operation.node)
}

pub(crate) fn is_mutation(operation: &OperationDefinition) -> bool {
    operation.ty == OperationType::Mutation
}

/// Gives variables their defaults, and refuses a request that leaves out one that has to be there.
///
/// async-graphql looks up defaults late, so that `@skip(if: $variable)` does not see them, and takes
/// what is missing for not given, whatever its type. Source of the rule: the GraphQL
/// specification, section 6.1.2, `CoerceVariableValues`.
pub(crate) fn complete_variables(
    request: &mut Request,
    operation: &OperationDefinition,
) -> Result<(), ServerError> {
    for definition in &operation.variable_definitions {
        let definition = &definition.node;
        let name: &Name = &definition.name.node;
        let given = request.variables.get(name);
        if given.is_none()
            && let Some(default) = &definition.default_value
        {
            request.variables.insert(name.clone(), default.node.clone());
            continue;
        }
        let required = !definition.var_type.node.nullable;
        if required && given.is_none_or(|value| *value == Value::Null) {
            let found = given.map_or("nothing", |_| "null");
            let mut error = Error::bad_user_input(format!(
                "Expected the variable `${name}` to be of the type `{}`, found {found}.",
                definition.var_type.node
            ))
            .into_server_error();
            error.locations = vec![definition.name.pos];
            return Err(error);
        }
    }
    Ok(())
}
