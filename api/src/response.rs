//! Responses as JSON: the one place that serialises, for every transport.
//!
//! Written once, straight to bytes. The response type of async-graphql-axum is not used: lists are
//! JSON already ([`crate::shape`]), and a request error has no `data` (GraphQL specification,
//! section 7.1).

use async_graphql::{Response, ServerError, Value};

use crate::shape::append;

/// What a response is in JSON.
#[must_use]
pub fn json(response: &Response) -> Vec<u8> {
    let mut json = Vec::with_capacity(256);
    json.push(b'{');
    if !is_request_error(response) {
        json.extend_from_slice(b"\"data\":");
        write(&response.data, &mut json);
    }
    if !response.errors.is_empty() {
        if json.len() > 1 {
            json.push(b',');
        }
        json.extend_from_slice(b"\"errors\":");
        append(&mut json, &response.errors);
    }
    json.push(b'}');
    json
}

/// The same as text.
#[must_use]
pub fn text(response: &Response) -> String {
    // JSON is UTF-8.
    String::from_utf8(json(response)).unwrap_or_default()
}

/// Errors as a JSON array.
#[must_use]
pub fn errors(errors: &[ServerError]) -> String {
    let mut json = Vec::new();
    append(&mut json, &errors);
    String::from_utf8(json).unwrap_or_default()
}

/// Whether nothing was executed: there are errors, and none of them is of a field.
#[must_use]
pub fn is_request_error(response: &Response) -> bool {
    response.data == Value::Null
        && !response.errors.is_empty()
        && response.errors.iter().all(|error| error.path.is_empty())
}

fn write(value: &Value, json: &mut Vec<u8>) {
    match value {
        // What `shape` has written.
        Value::Binary(written) => json.extend_from_slice(written),
        Value::Object(fields) => {
            json.push(b'{');
            for (index, (name, value)) in fields.iter().enumerate() {
                if index > 0 {
                    json.push(b',');
                }
                append(json, name);
                json.push(b':');
                write(value, json);
            }
            json.push(b'}');
        }
        Value::List(values) => {
            json.push(b'[');
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    json.push(b',');
                }
                write(value, json);
            }
            json.push(b']');
        }
        plain => append(json, plain),
    }
}
