//! Documents: read, measured and validated once, and kept with the verdict; and which of its
//! operations a request runs.
//!
//! Kept outside the schema, where an extension that does it would slow every field down. Of the
//! schema it knows the text alone.

mod introspection;
mod limit;
mod merge;
mod parse;
mod root;
mod trusted;
mod validate;
mod variables;

use std::sync::Arc;

use async_graphql::{
    Name, ServerError, Variables,
    parser::types::{ExecutableDocument, OperationDefinition, OperationType},
};
use quick_cache::sync::Cache;

use crate::{
    Error, Settings,
    error::{Code, coded, excerpt},
};

pub(crate) use limit::MAX_DEPTH;
pub use trusted::Manifest;
use trusted::{Trusted, sha256};
use validate::Validator;
use variables::Variable;

/// How many documents are kept. A client has a few dozen operations.
const KEPT: usize = 1_000;
/// The longest document that is kept, in bytes: what one entry may cost.
const LONGEST_KEPT: usize = 16 * 1024;

/// What is wrong with a document: at least one error.
type Refusal = Arc<[ServerError]>;

/// The documents that were read lately, and what they are held against.
pub(crate) struct Documents {
    validator: Validator,
    kept: Cache<String, Result<Arc<Document>, Refusal>>,
    trusted: Option<Trusted>,
    trusted_only: bool,
    introspection: bool,
    /// Texts by their hashes, for Apollo's automatic persisted queries.
    hashed: Cache<String, Arc<str>>,
}

/// A document that is valid.
pub(crate) struct Document {
    pub(crate) executable: ExecutableDocument,
    /// Whether two fields with selections of their own share a key somewhere in the response, so
    /// that what they select has to be merged.
    pub(crate) merges: bool,
    operations: Vec<Operation>,
}

/// One operation of a document, as a request needs it.
pub(crate) struct Operation {
    name: Option<String>,
    pub(crate) kind: OperationType,
    variables: Vec<Variable>,
}

impl Documents {
    /// For the schema that the text describes.
    ///
    /// # Errors
    /// A line for each of the trusted documents that is not valid.
    pub(crate) fn new(sdl: String, settings: &Settings) -> Result<Self, Vec<String>> {
        let mut documents = Self {
            validator: Validator::new(sdl),
            kept: Cache::new(KEPT),
            trusted: None,
            trusted_only: settings.documents_only,
            introspection: settings.introspection,
            hashed: Cache::new(KEPT),
        };
        if let Some(manifest) = &settings.documents {
            documents.trusted = Some(Trusted::read(manifest, |text| documents.read(text))?);
        }
        Ok(documents)
    }

    /// The document of a text, with its verdict from the last time if it was read before.
    ///
    /// # Errors
    /// `GRAPHQL_PARSE_FAILED`, `GRAPHQL_VALIDATION_FAILED`, or `TOO_COSTLY`; `FORBIDDEN` where only
    /// the trusted documents are run, and this is none of them.
    pub(crate) fn get(&self, text: &str) -> Result<Arc<Document>, Refusal> {
        if let Some(document) = (self.trusted.as_ref()).and_then(|it| it.document(text)) {
            return Ok(document);
        }
        if self.trusted_only {
            let message = "Expected a trusted document: no others are run here.";
            return Err([coded(Code::Forbidden, message, None)].into());
        }
        if let Some(verdict) = self.kept.get(text) {
            return verdict;
        }
        let verdict = match self.read(text) {
            Ok(document) => Ok(Arc::new(document)),
            Err(errors) => Err(errors.into()),
        };
        if text.len() <= LONGEST_KEPT {
            self.kept.insert(text.to_owned(), verdict.clone());
        }
        verdict
    }

    /// The text that a caller means with an id.
    pub(crate) fn by_id(&self, id: &str) -> Option<String> {
        let Some(trusted) = &self.trusted else {
            return self.by_hash(id.strip_prefix("sha256:")?);
        };
        trusted.text(id)
    }

    /// The text that a caller means with the SHA-256 hash of it.
    pub(crate) fn by_hash(&self, hash: &str) -> Option<String> {
        if let Some(trusted) = &self.trusted {
            return trusted.text(hash);
        }
        self.hashed.get(hash).map(|text| (*text).to_owned())
    }

    /// Keeps a valid text for those who will ask for it by its hash. Where there are trusted
    /// documents, those alone are asked for so.
    ///
    /// # Errors
    /// Where it is not the text's hash.
    pub(crate) fn remember(&self, text: &str, hash: &str) -> Result<(), ()> {
        if self.hashed.get(hash).is_some_and(|known| *known == *text) {
            return Ok(());
        }
        if sha256(text) != hash {
            return Err(());
        }
        if self.trusted.is_none() && text.len() <= LONGEST_KEPT && self.get(text).is_ok() {
            self.hashed.insert(hash.to_owned(), text.into());
        }
        Ok(())
    }

    fn read(&self, text: &str) -> Result<Document, Vec<ServerError>> {
        limit::text(text).map_err(|error| vec![error])?;
        let document = parse::parse(text).map_err(|error| vec![error])?;
        let executable = parse::executable(text, &document);
        let mut executable = executable.map_err(|error| vec![error])?;
        limit::selections(&executable).map_err(|error| vec![error.into_server_error()])?;
        self.validator.check(document)?;
        root::unfold(&mut executable).map_err(|error| vec![error])?;
        if !self.introspection && introspection::introspects(&executable) {
            let message = "Expected no `__schema` and no `__type`: introspection is off here.";
            return Err(vec![coded(Code::GraphqlValidationFailed, message, None)]);
        }
        let operations = (executable.operations.iter())
            .map(|(name, operation)| Operation::new(name, &operation.node))
            .collect();
        Ok(Document {
            merges: merge::merges(&executable),
            operations,
            executable,
        })
    }

    /// The variables of a request, as the operation declares them.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` for the first value that is not of its variable's type.
    pub(crate) fn coerce(
        &self,
        operation: &Operation,
        given: Variables,
    ) -> Result<Variables, ServerError> {
        variables::coerce(self.validator.schema(), &operation.variables, given)
    }
}

impl Operation {
    fn new(name: Option<&Name>, definition: &OperationDefinition) -> Self {
        let variables = definition.variable_definitions.iter();
        Self {
            name: name.map(ToString::to_string),
            kind: definition.ty,
            variables: variables.map(|it| Variable::new(&it.node)).collect(),
        }
    }
}

impl Document {
    /// The operation that a request runs: the one it names, or the only one that there is.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` where that is none. Source of the rule: the GraphQL specification, section
    /// 6.1, `GetOperation`.
    pub(crate) fn operation(&self, name: Option<&str>) -> Result<&Operation, ServerError> {
        let operation = match (name, self.operations.as_slice()) {
            (None, [operation]) => Some(operation),
            (None, _) => None,
            (Some(_), all) => all.iter().find(|it| it.name.as_deref() == name),
        };
        operation.ok_or_else(|| {
            let mut names: Vec<_> = (self.operations.iter())
                .filter_map(|operation| operation.name.as_deref())
                .collect();
            names.sort_unstable();
            names.truncate(10);
            let expected = if names.is_empty() {
                "Expected no `operationName`, as the document's only operation has no name"
                    .to_owned()
            } else {
                format!(
                    "Expected an `operationName` of the document's (`{}`)",
                    names.join("`, `")
                )
            };
            let found = name.map_or("none".to_owned(), |name| format!("`{}`", excerpt(name)));
            Error::bad_user_input(format!("{expected}, found {found}.")).into_server_error()
        })
    }
}

/// What a library says, in one sentence.
fn sentence(said: &str) -> String {
    let mut letters = said.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    let mut sentence: String = first.chain(letters).collect();
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}
