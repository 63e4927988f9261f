//! Responses as the streaming transports send them: the one place that makes their bytes.

use async_graphql::{Response, ServerError, Value};
use serde::Serialize;

/// Whether nothing was executed: errors, none of which is about a field. Source: the GraphQL
/// specification, section 7.1, "request error result".
pub(crate) fn is_request_error(response: &Response) -> bool {
    response.data == Value::Null
        && !response.errors.is_empty()
        && response.errors.iter().all(|error| error.path.is_empty())
}

/// The response as JSON; without `data`, which async-graphql has as null, where nothing was
/// executed.
pub(crate) fn json(response: &Response) -> String {
    #[derive(Serialize)]
    struct Refusal<'a> {
        errors: &'a [ServerError],
    }
    if is_request_error(response) {
        let errors = &response.errors;
        to_json(&Refusal { errors })
    } else {
        to_json(response)
    }
}

/// The errors as a JSON array.
pub(crate) fn errors_json(errors: &[ServerError]) -> String {
    to_json(errors)
}

fn to_json<T: Serialize + ?Sized>(value: &T) -> String {
    // Maps with string keys, strings and numbers: nothing that JSON does not have.
    serde_json::to_string(value).unwrap_or_default()
}
