//! Whether a document is valid: all rules of the GraphQL specification, section 5.
//!
//! The verdict is apollo-compiler's, and not async-graphql's, which overlooks a dozen rules
//! (directives and variables on `__typename`, duplicate directives, nullable variables in
//! `@skip(if:)`, …) and costs as much on each request as on the first. What apollo-compiler
//! overlooks is in [`gaps`].

mod gaps;
mod suggest;

use std::{collections::HashSet, sync::LazyLock};

use apollo_compiler::{
    ExecutableDocument, Schema,
    ast::Document,
    diagnostic::{Diagnostic, ToCliReport},
    parser::{LineColumn, SourceMap, SourceSpan},
    validation::{DiagnosticData, Valid},
};
use async_graphql::{Pos, ServerError};

use crate::{
    Limits,
    error::{Code, coded, list_at_most, shortened},
};

/// The schema, as documents are held against it.
pub(super) struct Validator {
    schema: LazyLock<Valid<Schema>, Box<dyn FnOnce() -> Valid<Schema> + Send>>,
    /// Whether an error says what may have been meant.
    suggestions: bool,
}

impl Validator {
    pub(super) fn new(sdl: String, suggestions: bool) -> Self {
        let schema = LazyLock::new(Box::new(move || {
            // What async-graphql prints is valid; were it not, what is right in it would still count.
            let schema = Schema::parse_and_validate(sdl, "schema.graphql");
            schema.unwrap_or_else(|invalid| Valid::assume_valid(invalid.partial))
        }) as Box<_>);
        Self {
            schema,
            suggestions,
        }
    }

    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// # Errors
    /// Those of a document that is not valid, `GRAPHQL_VALIDATION_FAILED` each.
    pub(super) fn check(
        &self,
        mut document: Document,
        limits: &Limits,
    ) -> Result<Valid<ExecutableDocument>, Vec<ServerError>> {
        let (schema, most) = (&*self.schema, limits.errors);
        let suggestions = self.suggestions.then_some(&**schema);
        gaps::without_null_defaults(&mut document);
        let mut errors = Told::new(Code::GraphqlValidationFailed, most, suggestions);
        errors.extend(gaps::repeated_input_fields(&mut document));
        let executable = match document.to_executable_validate(schema) {
            Ok(executable) => Some(executable),
            Err(found) => {
                // One field that stands there twice is one; `root` counts them as they are merged.
                let others = (found.errors.iter()).filter(|it| {
                    it.error.unstable_error_name() != Some("SubscriptionUsesMultipleFields")
                });
                let before = errors.found;
                errors.tell(others);
                // Without an error that counts, it is as good as valid.
                (errors.found == before).then(|| Valid::assume_valid(found.partial))
            }
        };
        if let Some(executable) = &executable {
            errors.extend(gaps::unreadable_scalars(schema, executable));
            if let Some(found) = gaps::lists_of_other_lengths(schema, document) {
                let conflicts = (found.iter())
                    .filter(|it| it.error.unstable_error_name() == Some(gaps::CONFLICT));
                errors.tell(conflicts);
            }
        }
        match executable {
            Some(executable) if errors.found == 0 => Ok(executable),
            _ => Err(errors.list()),
        }
    }
}

/// The first of the errors, as a client may read it.
pub(super) fn first<'a>(
    mut found: impl Iterator<Item = Diagnostic<'a, DiagnosticData>>,
    code: Code,
) -> Option<ServerError> {
    let error = found.next()?;
    let start = error.line_column_range().map(|it| it.start);
    Some(coded(code, said(&error), start.map(position)))
}

/// Errors as a client may read them: each once, in a sentence, and no more than a response lists.
struct Told<'s> {
    code: Code,
    most: usize,
    /// Of which names are suggested.
    suggestions: Option<&'s Schema>,
    listed: Vec<ServerError>,
    found: usize,
}

impl<'s> Told<'s> {
    fn new(code: Code, most: usize, suggestions: Option<&'s Schema>) -> Self {
        Self {
            code,
            most,
            suggestions,
            listed: Vec::new(),
            found: 0,
        }
    }

    fn extend(&mut self, errors: Vec<ServerError>) {
        self.found += errors.len();
        self.listed.extend(errors);
    }

    fn tell<'a>(&mut self, found: impl Iterator<Item = Diagnostic<'a, DiagnosticData>>) {
        // A fragment is looked at once for each operation that spreads it.
        let (mut places, mut sentences) = (HashSet::new(), HashSet::new());
        for it in found {
            let is_new = places.insert((it.error.location(), it.error.unstable_error_name()));
            if self.listed.len() >= self.most {
                self.found += usize::from(is_new);
                continue;
            }
            let (mut message, start) = (said(&it), it.line_column_range().map(|it| it.start));
            if let Some(schema) = self.suggestions {
                message += &suggest::meant(schema, &message);
            }
            if sentences.insert((message.clone(), start)) {
                self.found += 1;
                self.listed
                    .push(coded(self.code, message, start.map(position)));
            }
        }
    }

    fn list(mut self) -> Vec<ServerError> {
        list_at_most(&mut self.listed, self.most, self.found);
        self.listed
    }
}

/// Worded as graphql-js words it, where apollo-compiler knows how: what tools and people look for.
fn said(diagnostic: &Diagnostic<'_, DiagnosticData>) -> String {
    let message = diagnostic.error.unstable_compat_message();
    let message = message.unwrap_or_else(|| diagnostic.error.to_string());
    // What else there is in the schema is nobody's business who does not know it.
    let message = (message.split_once(" Did you mean")).map_or(&*message, |(message, _)| message);
    super::sentence(&shortened(message))
}

pub(super) fn start(span: SourceSpan, sources: &SourceMap) -> Option<Pos> {
    Some(position(span.line_column_range(sources)?.start))
}

fn position(LineColumn { line, column }: LineColumn) -> Pos {
    Pos { line, column }
}
