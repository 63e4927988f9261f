//! Documents: read, measured and validated once, and kept with the verdict; and which of its
//! operations a request runs.
//!
//! Kept outside the schema, where an extension that does it would slow every field down. Of the
//! schema it knows the text alone.

mod allowed;
mod cost;
mod introspection;
mod limit;
mod merge;
mod parse;
mod root;
mod trusted;
mod validate;
mod variables;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use async_graphql::{
    Name, ServerError, Variables,
    parser::types::{ExecutableDocument, OperationDefinition, OperationType},
};
use quick_cache::{Weighter, sync::Cache};

use crate::{
    Error, Limits, Settings,
    error::{Code, coded, excerpt},
    viewer::Caller,
};

use allowed::Asked;
use cost::Cost;
pub(crate) use limit::too_deep;
pub use trusted::Manifest;
use trusted::{Trusted, sha256};
use validate::Validator;
use variables::Variable;

/// How many documents are kept, if they are not large. A client has a few dozen operations.
const KEPT: usize = 1_000;
/// What documents are kept at most, in bytes, as [`Weight`] estimates them.
const KEPT_BYTES: u64 = 64 * 1024 * 1024;
/// The longest document that is kept, in bytes: what one entry may cost.
const LONGEST_KEPT: usize = 16 * 1024;

/// What is wrong with a document: at least one error.
type Refusal = Arc<[ServerError]>;

/// A document that can be executed, or why it cannot.
pub(crate) type Verdict = Result<Arc<Document>, Refusal>;

/// The documents that were read lately, and what they are held against.
pub(crate) struct Documents {
    validator: Validator,
    kept: Cache<String, Verdict, Weight>,
    trusted: Option<Trusted>,
    trusted_only: bool,
    introspection: bool,
    limits: Limits,
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
    /// What it takes in memory, in bytes, by and large.
    weight: u64,
}

/// One operation of a document, as a request needs it.
pub(crate) struct Operation {
    name: Option<String>,
    pub(crate) kind: OperationType,
    variables: Vec<Variable>,
    cost: Cost,
    asked: Asked,
}

/// What a verdict takes in memory.
#[derive(Clone)]
struct Weight;

impl Weighter<String, Verdict> for Weight {
    fn weight(&self, text: &String, verdict: &Verdict) -> u64 {
        let verdict = match verdict {
            Ok(document) => document.weight,
            Err(errors) => errors.iter().map(|it| 256 + it.message.len() as u64).sum(),
        };
        text.len() as u64 + verdict
    }
}

impl Documents {
    /// For the schema that the text describes.
    ///
    /// # Errors
    /// A line for each of the trusted documents that is not valid.
    pub(crate) fn new(sdl: String, settings: &Settings) -> Result<Self, Vec<String>> {
        let mut documents = Self {
            validator: Validator::new(sdl, settings.suggestions),
            kept: Cache::with_weighter(KEPT, KEPT_BYTES, Weight),
            trusted: None,
            trusted_only: settings.documents_only,
            introspection: settings.introspection,
            limits: settings.limits,
            hashed: Cache::new(KEPT),
        };
        if let Some(manifest) = &settings.documents {
            let limits = settings.limits.of_trusted();
            let read = |text: &str| documents.read(text, &limits);
            documents.trusted = Some(Trusted::read(manifest, read)?);
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
        // A panic is an error of this one document.
        let read = catch_unwind(AssertUnwindSafe(|| self.read(text, &self.limits)));
        let verdict = match read {
            Ok(Ok(document)) => Ok(Arc::new(document)),
            Ok(Err(errors)) => Err(errors.into()),
            Err(panic) => return Err([Error::panicked(&*panic).into_server_error()].into()),
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

    fn read(&self, text: &str, limits: &Limits) -> Result<Document, Vec<ServerError>> {
        let tokens = limit::text(text, limits).map_err(|error| vec![error])?;
        let document = parse::parse(text).map_err(|error| vec![error])?;
        let executable = parse::executable(text, &document);
        let mut executable = executable.map_err(|error| vec![error])?;
        limit::document(&executable, limits).map_err(|error| vec![error.into_server_error()])?;
        let valid = self.validator.check(document, limits)?;
        root::unfold(&mut executable).map_err(|error| vec![error])?;
        if !self.introspection && introspection::introspects(&executable) {
            let message = "Expected no `__schema` and no `__type`: introspection is off here.";
            return Err(vec![coded(Code::GraphqlValidationFailed, message, None)]);
        }
        let cost = |name: Option<&Name>| {
            let operation = valid.operations.get(name.map(Name::as_str));
            operation.map(|operation| Cost::new(&valid, operation, limits))
        };
        let operations: Vec<_> = (executable.operations.iter())
            .map(|(name, operation)| {
                let cost = cost(name).unwrap_or_default();
                Operation::new(name, &operation.node, &executable, cost)
            })
            .collect();
        let parts: usize = operations.iter().map(|it| it.cost.parts()).sum();
        Ok(Document {
            merges: merge::merges(&executable),
            // A name alone is a field, and some 300 bytes of tree.
            weight: 300 * tokens as u64 + 100 * parts as u64,
            operations,
            executable,
        })
    }

    /// The variables of a request, as the operation declares them; and how many values were given.
    ///
    /// # Errors
    /// `TOO_COSTLY` where there are too many of them; `BAD_USER_INPUT` for the first value that is
    /// not of its variable's type.
    pub(crate) fn coerce(
        &self,
        operation: &Operation,
        given: Variables,
    ) -> Result<(Variables, usize), ServerError> {
        let values = limit::variables(&given, &self.limits)?;
        let coerced = variables::coerce(self.validator.schema(), &operation.variables, given)?;
        Ok((coerced, values))
    }

    /// What an operation costs with these variables, which are coerced; at least 1.
    ///
    /// # Errors
    /// `TOO_COSTLY` where that is more than a request may cost; `BAD_USER_INPUT` where a list is
    /// asked for that is longer than lists may be.
    pub(crate) fn cost(
        &self,
        operation: &Operation,
        variables: &Variables,
    ) -> Result<u64, ServerError> {
        let (cost, most) = (operation.cost.with(variables)?, self.limits.cost);
        if cost > most {
            let message = format!(
                "Expected a request that costs at most {most}, found one that costs {cost}: ask for \
                 shorter lists, or have less looked for."
            );
            return Err(Error::too_costly(message).into_server_error());
        }
        Ok(cost)
    }
}

impl Operation {
    fn new(
        name: Option<&Name>,
        definition: &OperationDefinition,
        document: &ExecutableDocument,
        cost: Cost,
    ) -> Self {
        let variables = definition.variable_definitions.iter();
        Self {
            name: name.map(ToString::to_string),
            kind: definition.ty,
            variables: variables.map(|it| Variable::new(&it.node)).collect(),
            cost,
            asked: Asked::by(definition, document),
        }
    }

    /// Whether its caller may do all that it asks for.
    ///
    /// # Errors
    /// `FORBIDDEN` for each field at the root that is not for this caller: nothing is to be executed.
    pub(crate) fn permit(
        &self,
        caller: &Caller,
        variables: &Variables,
    ) -> Result<(), Vec<ServerError>> {
        let refused = self.asked.refused(caller, variables);
        if refused.is_empty() {
            Ok(())
        } else {
            Err(refused)
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
