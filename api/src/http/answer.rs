//! Answers: which status and media type a response gets, and its bytes.

use std::fmt::Write;

use async_graphql::{Response, ServerError};
use axum::{
    body::{Body, Bytes},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, ETAG, RETRY_AFTER, VARY},
    },
};
use sha2::{Digest, Sha256};

use super::negotiate::{GRAPHQL, JSON, has, wanted};
use crate::{
    error::{Code, Error, has_code, retry_after},
    response::{self, is_request_error},
};

type HttpResponse = axum::response::Response;

/// The media type of a response, as the caller accepts it.
#[derive(Clone, Copy)]
pub(super) enum Answer {
    /// `application/graphql-response+json`: the status says what became of the request.
    GraphQl,
    /// `application/json`: the status says whether it was well formed.
    Json,
}

impl Answer {
    /// The caller's choice; `application/json` where it has no preference.
    pub(super) fn accepted(headers: &HeaderMap) -> Option<Self> {
        match wanted(headers) {
            None => Some(Self::Json),
            Some((json, graphql)) if graphql > json => Some(Self::GraphQl),
            Some((json, _)) => (json > 0.0).then_some(Self::Json),
        }
    }

    pub(super) fn to(self, response: &Response) -> HttpResponse {
        let answer = self.with(self.outcome(response), response::json(response));
        with_retry(answer, retry_after(&response.errors))
    }

    /// What was found by GET. Rows change whenever they like, so that nothing is used again without
    /// asking; and what went wrong is not worth keeping.
    pub(super) fn to_get(self, headers: &HeaderMap, response: &Response) -> HttpResponse {
        let status = self.outcome(response);
        let mut answer = self.with(status, Vec::new());
        if response.errors.is_empty() {
            let caching = HeaderValue::from_static("private, no-cache");
            tagged(
                &mut answer,
                headers,
                response::json(response).into(),
                caching,
            );
        } else {
            *answer.body_mut() = response::json(response).into();
            let no_store = HeaderValue::from_static("no-store");
            answer.headers_mut().insert(CACHE_CONTROL, no_store);
        }
        with_retry(answer, retry_after(&response.errors))
    }

    fn outcome(self, response: &Response) -> StatusCode {
        if is_request_error(response) {
            self.status(&response.errors)
        } else {
            StatusCode::OK
        }
    }

    /// Refuses a request that names no document that there is.
    pub(super) fn request_error(self, error: ServerError) -> HttpResponse {
        // Nobody would have executed it: it is the request that is malformed.
        let status = if has_code(&error, Code::BadUserInput) {
            StatusCode::BAD_REQUEST
        } else {
            self.status(std::slice::from_ref(&error))
        };
        self.errors(status, vec![error])
    }

    /// Of a request error.
    fn status(self, errors: &[ServerError]) -> StatusCode {
        let has = |code| errors.iter().any(|error| has_code(error, code));
        match self {
            // Whatever the media type, for proxies and clients that only look at the status.
            _ if has(Code::Unauthenticated) => StatusCode::UNAUTHORIZED,
            _ if has(Code::RateLimited) => StatusCode::TOO_MANY_REQUESTS,
            _ if has(Code::Unavailable) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Json => StatusCode::OK,
            Self::GraphQl if has(Code::InternalServerError) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::GraphQl if has(Code::Forbidden) => StatusCode::FORBIDDEN,
            Self::GraphQl => StatusCode::BAD_REQUEST,
        }
    }

    /// Refuses a request that is none.
    pub(super) fn refuse(self, status: StatusCode, message: impl Into<String>) -> HttpResponse {
        let error = Error::bad_user_input(message).into_server_error();
        self.errors(status, vec![error])
    }

    pub(super) fn not_allowed(self, allow: &'static str, message: &str) -> HttpResponse {
        let mut response = self.refuse(StatusCode::METHOD_NOT_ALLOWED, message);
        (response.headers_mut()).insert(ALLOW, HeaderValue::from_static(allow));
        response
    }

    pub(super) fn errors(self, status: StatusCode, errors: Vec<ServerError>) -> HttpResponse {
        let retry_after = retry_after(&errors);
        let answer = self.with(status, response::json(&Response::from_errors(errors)));
        with_retry(answer, retry_after)
    }

    pub(super) fn with(self, status: StatusCode, bytes: Vec<u8>) -> HttpResponse {
        let media_type = match self {
            Self::GraphQl => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        };
        let mut response = HttpResponse::new(bytes.into());
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        headers.insert(VARY, HeaderValue::from_static("accept"));
        response
    }
}

/// Says when to try again (RFC 9110, section 10.2.3).
fn with_retry(mut answer: HttpResponse, seconds: Option<u64>) -> HttpResponse {
    if let Some(seconds) = seconds {
        (answer.headers_mut()).insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

pub(super) fn none_acceptable() -> HttpResponse {
    let message = format!("Expected to be allowed to answer with `{GRAPHQL}` or `{JSON}`.");
    Answer::Json.refuse(StatusCode::NOT_ACCEPTABLE, message)
}

/// Refuses to keep one more connection open (RFC 9110, section 15.6.4).
pub(super) fn no_room(answer: Answer) -> HttpResponse {
    answer.request_error(Error::no_room().into_server_error())
}

/// Gives an answer to GET its bytes and their tag, or says that the caller has them already.
pub(super) fn tagged(
    answer: &mut HttpResponse,
    headers: &HeaderMap,
    bytes: Bytes,
    caching: HeaderValue,
) {
    // A weak one: the same bytes may go out compressed.
    let mut tag = "W/\"".to_owned();
    for byte in &Sha256::digest(&bytes)[..16] {
        // Writing to a string cannot fail.
        let _ = write!(tag, "{byte:02x}");
    }
    tag.push('"');
    if has(headers, &tag) {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        answer.headers_mut().remove(CONTENT_TYPE);
    } else {
        *answer.body_mut() = Body::from(bytes);
    }
    let head = answer.headers_mut();
    head.insert(CACHE_CONTROL, caching);
    if let Ok(tag) = HeaderValue::try_from(tag) {
        head.insert(ETAG, tag);
    }
}
