//! Errors: the only place that makes GraphQL errors, and that reads what the database refused
//! (`database`).
//!
//! Three classes. What the person at the form can put right is a [`UserError`] in a payload. What
//! the caller got wrong is a top-level error with a [`Code`]. What is ours to mend is logged once,
//! with its cause, and reaches the client as `INTERNAL_SERVER_ERROR` with the log line's id.
//!
//! [`Error`] must never implement `Display`: async-graphql shows any `Display` error to the client,
//! so that a `?` on a database error would tell SQL to the world.

mod database;
mod user;

use std::{any::Any, fmt::Display, time::Duration};

use async_graphql::{Context, ErrorExtensionValues, Pos, ServerError};
use uuid::Uuid;

pub(crate) use self::database::{Constraint, violated};
pub use self::user::{UserError, UserErrorCode};

/// The extension that says in how many seconds to try again.
const RETRY_AFTER: &str = "retryAfter";
/// A moment, in seconds.
const SOON: u64 = 1;
/// Until something that lasts may be over, in seconds.
const LATER: u64 = 10;

/// What every resolver returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The closed set of `extensions.code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The document is no GraphQL.
    GraphqlParseFailed,
    /// The document does not fit the schema.
    GraphqlValidationFailed,
    /// An argument, a variable or the request itself is not what it has to be.
    BadUserInput,
    /// There is no access token, or none that is valid.
    Unauthenticated,
    /// The caller may not do that.
    Forbidden,
    /// The request names a document by an id that the server does not know.
    PersistedQueryNotFound,
    /// More than one request may ask for.
    TooCostly,
    /// More than the caller may ask for at the moment.
    RateLimited,
    /// The database cannot be reached, or is too busy; the log has the cause under the error's id.
    Unavailable,
    /// Our fault; the log has the cause under the error's id.
    InternalServerError,
}

impl Code {
    /// As it stands in `extensions.code`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GraphqlParseFailed => "GRAPHQL_PARSE_FAILED",
            Self::GraphqlValidationFailed => "GRAPHQL_VALIDATION_FAILED",
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::PersistedQueryNotFound => "PERSISTED_QUERY_NOT_FOUND",
            Self::TooCostly => "TOO_COSTLY",
            Self::RateLimited => "RATE_LIMITED",
            Self::Unavailable => "UNAVAILABLE",
            Self::InternalServerError => "INTERNAL_SERVER_ERROR",
        }
    }
}

/// An error as the client may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    code: Code,
    message: String,
    id: Option<Uuid>,
    /// In how many seconds the same request may succeed, where that is known.
    retry_after: Option<u64>,
}

impl Error {
    fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            id: None,
            retry_after: None,
        }
    }

    /// The caller's mistake: say what was expected and what was found.
    pub fn bad_user_input(message: impl Into<String>) -> Self {
        Self::new(Code::BadUserInput, message)
    }

    /// More than one request may ask for: say the figure that was over, and the limit.
    pub fn too_costly(message: impl Into<String>) -> Self {
        Self::new(Code::TooCostly, message)
    }

    /// Nobody knows who the caller is: say what was expected of the access token.
    pub(crate) fn unauthenticated(message: impl Into<String>) -> Self {
        Self::new(Code::Unauthenticated, message)
    }

    /// The caller may not do that: say what they would need.
    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(Code::Forbidden, message)
    }

    /// Not at the moment; say what the caller can do.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Code::Unavailable, message)
    }

    /// One more connection than may stay open, of all or of this caller's.
    pub(crate) fn no_room() -> Self {
        let message = "The server has no room for one more open connection; try again in a moment.";
        Self::unavailable(message).again_in(LATER)
    }

    /// More requests than the server can do; not logged each time.
    pub(crate) fn too_busy() -> Self {
        Self::unavailable("The server is too busy; try again in a moment.").again_in(SOON)
    }

    /// The caller has spent its `limit` a minute, and has to wait.
    pub(crate) fn rate_limited(limit: u32, wait: Duration) -> Self {
        let seconds = wait.as_secs() + 1;
        let message = format!(
            "Expected requests that cost at most {limit} a minute, found more; try again in {seconds} s."
        );
        Self {
            code: Code::RateLimited,
            ..Self::unavailable(message).again_in(seconds)
        }
    }

    /// The caller has so many requests waiting already.
    pub(crate) fn crowded(most: usize) -> Self {
        let message =
            format!("Expected at most {most} requests of one caller to wait, found one more.");
        Self {
            code: Code::RateLimited,
            ..Self::unavailable(message).again_in(SOON)
        }
    }

    /// Says in how many seconds the same request may succeed.
    pub(crate) fn again_in(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// A panic, which is an error of the one request or event that it came in.
    pub(crate) fn panicked(panic: &(dyn Any + Send)) -> Self {
        let said = (panic.downcast_ref::<&str>().copied())
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Self::internal(format!("a panic: {}", said.unwrap_or_default()))
    }

    /// Our mistake.
    pub fn internal(cause: impl Display) -> Self {
        let message = "Something went wrong on the server.";
        Self::masked(Code::InternalServerError, message, cause)
    }

    /// Logs the cause, once; the client gets the id alone.
    fn masked(code: Code, message: &str, cause: impl Display) -> Self {
        let id = Uuid::new_v4();
        tracing::error!(%id, code = code.as_str(), %cause, "a request failed");
        Self::identified(id, code, message)
    }

    fn identified(id: Uuid, code: Code, message: &str) -> Self {
        Self {
            code,
            message: message.to_owned(),
            id: Some(id),
            retry_after: None,
        }
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// For a request of which no field was executed.
    pub(crate) fn into_server_error(self) -> ServerError {
        let mut error = ServerError::new(self.message.as_str(), None);
        error.extensions = Some(self.extensions());
        error
    }

    /// As an error of a field, for who resolves without a resolver.
    pub(crate) fn at(self, ctx: &Context<'_>) -> ServerError {
        let error = async_graphql::Error::from(self);
        ctx.set_error_path(error.into_server_error(ctx.item.pos))
    }

    /// `code`, the id of an internal error, and when to try again, as `extensions`.
    fn extensions(&self) -> ErrorExtensionValues {
        let mut extensions = ErrorExtensionValues::default();
        extensions.set("code", self.code.as_str());
        if let Some(id) = self.id {
            extensions.set("id", id.to_string());
        }
        if let Some(seconds) = self.retry_after {
            extensions.set(RETRY_AFTER, seconds);
        }
        extensions
    }
}

impl From<Error> for async_graphql::Error {
    fn from(error: Error) -> Self {
        Self {
            extensions: Some(error.extensions()),
            message: error.message,
            source: None,
        }
    }
}

/// An error about a place in the document, of which no field was executed.
pub(crate) fn coded(code: Code, message: impl Into<String>, position: Option<Pos>) -> ServerError {
    let mut error = ServerError::new(message, position);
    let extensions = error.extensions.get_or_insert_default();
    extensions.set("code", code.as_str());
    error
}

pub(crate) fn has_code(error: &ServerError, code: Code) -> bool {
    let found = error.extensions.as_ref().and_then(|it| it.get("code"));
    matches!(found, Some(async_graphql::Value::String(found)) if found == code.as_str())
}

/// In how many seconds to try again, if any of the errors says so.
pub(crate) fn retry_after(errors: &[ServerError]) -> Option<u64> {
    let of = |error: &ServerError| match error.extensions.as_ref()?.get(RETRY_AFTER)? {
        async_graphql::Value::Number(seconds) => seconds.as_u64(),
        _ => None,
    };
    errors.iter().filter_map(of).max()
}

/// Takes the advice to try again from an error of a request that may have changed something before.
pub(crate) fn not_again(error: &mut ServerError) {
    let codes = [Code::Unavailable, Code::InternalServerError];
    if codes.into_iter().any(|code| has_code(error, code)) {
        let message = "This failed after a change that may have been made: look whether it has, before you try again.";
        message.clone_into(&mut error.message);
        if let Some(extensions) = &mut error.extensions {
            extensions.unset(RETRY_AFTER);
        }
    }
}

/// Gives an error that async-graphql made itself its code (without a path the request did not get
/// as far as a field, with one an argument could not be read), and takes from its message what the
/// library has put around ours.
pub(crate) fn classify(error: &mut ServerError) {
    let extensions = error.extensions.get_or_insert_default();
    if extensions.get("code").is_none() {
        // A number that is too large even for a number is an id that cannot be one.
        let no_id = error.message.ends_with("expected type \"ID\"");
        let code = if error.path.is_empty() && !no_id {
            Code::GraphqlValidationFailed
        } else {
            Code::BadUserInput
        };
        extensions.set("code", code.as_str());
    }
    if let Some((ours, _)) = error.message.split_once(" (occurred while parsing \"") {
        error.message = ours.to_owned();
    }
    if let Some(rest) = error.message.strip_prefix("Failed to parse \"")
        && let Some((_, ours)) = rest.split_once("\": ")
    {
        error.message = ours.to_owned();
    }
}

/// Cuts a list of errors that is longer than a response lists; the last says so. `found` is how
/// many there are with those that were never listed.
pub(crate) fn list_at_most(errors: &mut Vec<ServerError>, most: usize, found: usize) {
    if found <= most {
        return;
    }
    errors.truncate(most.saturating_sub(1));
    let mut last = ServerError::new(
        format!("Expected at most {most} errors, found {found}: the others are left out."),
        None,
    );
    // One like the others: of a field, so that the response is that of a request that has run.
    if let Some(like) = errors.last() {
        last.path.clone_from(&like.path);
        last.extensions.clone_from(&like.extensions);
    }
    errors.push(last);
}

/// A sentence that quotes what was found, short enough to be told.
pub(crate) fn shortened(message: &str) -> String {
    let mut shortened: String = message.chars().take(500).collect();
    if shortened.len() < message.len() {
        shortened.push('…');
    }
    shortened
}

/// What was found, short enough to be told.
pub(crate) fn excerpt(found: &str) -> String {
    let mut excerpt: String = found.chars().take(60).collect();
    if excerpt.len() < found.len() {
        excerpt.push('…');
    }
    excerpt
}
