//! Whether a document is valid: all rules of the GraphQL specification, section 5.
//!
//! The verdict is apollo-compiler's, and not async-graphql's, which overlooks a dozen rules
//! (directives and variables on `__typename`, duplicate directives, nullable variables in
//! `@skip(if:)`, …) and costs as much on each request as on the first. What apollo-compiler
//! overlooks is in [`gaps`].

mod gaps;

use std::{collections::HashSet, sync::LazyLock};

use apollo_compiler::{
    Schema,
    ast::Document,
    diagnostic::Diagnostic,
    parser::{LineColumn, SourceMap, SourceSpan},
    validation::{DiagnosticData, Valid},
};
use async_graphql::{Pos, ServerError};

use crate::error::{Code, coded};

/// How many errors a document is told.
const MAX_ERRORS: usize = 20;

/// The schema, as documents are held against it.
pub(super) struct Validator(LazyLock<Valid<Schema>, Box<dyn FnOnce() -> Valid<Schema> + Send>>);

impl Validator {
    pub(super) fn new(sdl: String) -> Self {
        Self(LazyLock::new(Box::new(move || {
            // What async-graphql prints is valid; were it not, what is right in it would still count.
            let schema = Schema::parse_and_validate(sdl, "schema.graphql");
            schema.unwrap_or_else(|invalid| Valid::assume_valid(invalid.partial))
        })))
    }

    pub(super) fn schema(&self) -> &Schema {
        &self.0
    }

    /// # Errors
    /// Those of a document that is not valid, `GRAPHQL_VALIDATION_FAILED` each.
    pub(super) fn check(&self, mut document: Document) -> Result<(), Vec<ServerError>> {
        let schema = &*self.0;
        gaps::without_null_defaults(&mut document);
        let mut errors = gaps::repeated_input_fields(&mut document);
        match document.to_executable_validate(schema) {
            Ok(executable) => {
                errors.extend(gaps::unreadable_scalars(schema, &executable));
                if let Some(found) = gaps::lists_of_other_lengths(schema, document) {
                    let conflicts = (found.iter())
                        .filter(|it| it.error.unstable_error_name() == Some(gaps::CONFLICT));
                    errors.extend(told(conflicts, Code::GraphqlValidationFailed));
                }
            }
            Err(found) => {
                // One field that stands there twice is one; `root` counts them as they are merged.
                let others = (found.errors.iter()).filter(|it| {
                    it.error.unstable_error_name() != Some("SubscriptionUsesMultipleFields")
                });
                errors.extend(told(others, Code::GraphqlValidationFailed));
            }
        }
        errors.truncate(MAX_ERRORS);
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors)
        }
    }
}

/// The errors as a client may read them: each once, in a sentence.
pub(super) fn told<'a>(
    found: impl Iterator<Item = Diagnostic<'a, DiagnosticData>>,
    code: Code,
) -> Vec<ServerError> {
    let mut seen = HashSet::new();
    // A fragment is looked at once for each operation that spreads it.
    found
        .map(|it| (said(&it), it.line_column_range().map(|it| it.start)))
        .filter(|error| seen.insert(error.clone()))
        .take(MAX_ERRORS)
        .map(|(message, start)| coded(code, message, start.map(position)))
        .collect()
}

/// Worded as graphql-js words it, where apollo-compiler knows how: what tools and people look for.
fn said(diagnostic: &Diagnostic<'_, DiagnosticData>) -> String {
    let message = diagnostic.error.unstable_compat_message();
    let message = message.unwrap_or_else(|| diagnostic.error.to_string());
    // What else there is in the schema is nobody's business who does not know it.
    let message = (message.split_once(" Did you mean")).map_or(&*message, |(message, _)| message);
    super::sentence(message)
}

fn start(span: SourceSpan, sources: &SourceMap) -> Option<Pos> {
    Some(position(span.line_column_range(sources)?.start))
}

fn position(LineColumn { line, column }: LineColumn) -> Pos {
    Pos { line, column }
}
