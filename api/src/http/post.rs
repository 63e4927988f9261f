//! Requests in a body: one, or where that is allowed an array of them.

use std::{error::Error as _, time::Duration};

use axum::{
    body::{Body, Bytes, HttpBody, to_bytes},
    extract::{FromRequestParts, State},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{ACCEPT_ENCODING, CONNECTION, EXPECT},
        request::Parts,
    },
    response::Response,
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::timeout;

use super::{
    Server,
    answer::{Answer, none_acceptable},
    compress::compressed,
    negotiate::{JSON, is_json},
    wish::Wish,
};
use crate::{App, document::too_deep, error::Error, request::Parameters, response, viewer::Caller};

/// How much of a body that is too long is read, in bytes, and how long that may take.
const PASSED_OVER: usize = 16 * 1024 * 1024;
const LINGER: Duration = Duration::from_secs(2);

/// Room for one more request: looked for before anything else, a token's signature too, so that to
/// refuse costs next to nothing.
pub(super) struct Room;

impl FromRequestParts<Server> for Room {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Response> {
        server.app.has_room().map(|()| Self).map_err(|error| {
            let answer = Answer::accepted(&parts.headers).unwrap_or(Answer::Json);
            answer.request_error(error.into_server_error())
        })
    }
}

pub(super) async fn by_post(
    State(server): State<Server>,
    _: Room,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let app = &server.app;
    let Some(wish) = Wish::of(&headers) else {
        return none_acceptable();
    };
    let answer = wish.answer;
    let body = match read(app, &headers, body).await {
        Ok(body) => body,
        Err(refused) => return refused.answer(answer),
    };
    // A struct could be read from an array as well, its fields in order.
    let is_array = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    let response = if is_array {
        batch(app, &caller, answer, &body).await
    } else {
        match serde_json::from_slice(&body) {
            Ok(parameters) => one(&server, caller, wish, parameters).await,
            Err(error) => unreadable(app, answer, &body, &error),
        }
    };
    compressed(&headers, response).await
}

async fn one(server: &Server, caller: Caller, wish: Wish, parameters: Parameters) -> Response {
    let request = match parameters.into_request(&server.app, caller) {
        Ok(request) => request,
        Err(error) => return wish.answer.request_error(error),
    };
    if let Some(stream) = wish.stream(&server.app, &request, true) {
        return stream.of(server, request);
    }
    let response = server.app.execute(request, true).await;
    wish.answer.to(&response.unwrap_or_default())
}

/// One after the other: who puts two mutations into an array means them in that order.
async fn batch(app: &App, caller: &Caller, answer: Answer, body: &[u8]) -> Response {
    let most = app.settings().batch;
    if most == 0 {
        let message = "Expected one request, found an array: batches are off here.";
        return answer.refuse(StatusCode::BAD_REQUEST, message);
    }
    let requests: Vec<Parameters> = match serde_json::from_slice(body) {
        Ok(requests) => requests,
        Err(error) => return unreadable(app, answer, body, &error),
    };
    let found = requests.len();
    if found == 0 || found > most {
        let message = format!("Expected an array of 1 to {most} requests, found {found}.");
        let error = Error::too_costly(message).into_server_error();
        return answer.errors(StatusCode::BAD_REQUEST, vec![error]);
    }
    let mut bytes = vec![b'['];
    for request in requests {
        let response = match request.into_request(app, caller.clone()) {
            Ok(request) => app.execute(request, true).await,
            Err(error) => Some(async_graphql::Response::from_errors(vec![error])),
        };
        if bytes.len() > 1 {
            bytes.push(b',');
        }
        bytes.extend(response::json(&response.unwrap_or_default()));
    }
    bytes.push(b']');
    answer.with(StatusCode::OK, bytes)
}

/// Why there is no body to look at.
enum Refused {
    Type,
    /// Longer than this many bytes; how long it is, where the caller says so.
    TooLong(usize, Option<u64>),
    TooSlow,
    Broken,
}

async fn read(app: &App, headers: &HeaderMap, body: Body) -> Result<Bytes, Refused> {
    if !is_json(headers) {
        return Err(Refused::Type);
    }
    // Before it is sent, where the caller says how long it is.
    let (most, said) = (app.settings().limits.message, body.size_hint().lower());
    if said > most as u64 {
        if !headers.contains_key(EXPECT) {
            pass_over(body).await;
        }
        return Err(Refused::TooLong(most, Some(said)));
    }
    let body = timeout(app.settings().body_timeout, to_bytes(body, most)).await;
    let body = body.map_err(|_| Refused::TooSlow)?;
    body.map_err(|error| {
        let cause = error
            .source()
            .and_then(|it| it.downcast_ref::<LengthLimitError>());
        let limit = cause.is_some();
        if limit {
            Refused::TooLong(most, None)
        } else {
            Refused::Broken
        }
    })
}

/// Reads what is not looked at: who has not sent all of it yet would find the connection reset, and
/// not see the answer. Not for ever.
async fn pass_over(body: Body) {
    let mut rest = Limited::new(body, PASSED_OVER);
    let rest = async { while let Some(Ok(_)) = rest.frame().await {} };
    let _ = timeout(LINGER, rest).await;
}

impl Refused {
    fn answer(self, answer: Answer) -> Response {
        let (status, message) = match self {
            Self::Type => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                format!(
                    "Expected a body of the content type `{JSON}`, in UTF-8 and not compressed."
                ),
            ),
            Self::TooLong(most, found) => (
                StatusCode::PAYLOAD_TOO_LARGE,
                format!(
                    "Expected a body of at most {most} bytes, found {}.",
                    found.map_or("more".to_owned(), |found| found.to_string())
                ),
            ),
            Self::TooSlow => (
                StatusCode::REQUEST_TIMEOUT,
                "Expected the body sooner.".to_owned(),
            ),
            Self::Broken => (
                StatusCode::BAD_REQUEST,
                "Expected a complete body.".to_owned(),
            ),
        };
        let mut response = if status == StatusCode::PAYLOAD_TOO_LARGE {
            let error = Error::too_costly(message).into_server_error();
            answer.errors(status, vec![error])
        } else {
            answer.refuse(status, message)
        };
        if status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            // Of both reasons for this status, it tells which (RFC 9110, section 15.5.16).
            (response.headers_mut()).insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        } else {
            // The rest of the body is not waited for.
            (response.headers_mut()).insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// Says why a body is not what it has to be.
fn unreadable(app: &App, answer: Answer, body: &[u8], error: &serde_json::Error) -> Response {
    if let Some(error) = too_deep(body, &app.settings().limits) {
        return answer.errors(StatusCode::BAD_REQUEST, vec![error.into_server_error()]);
    }
    let found = if error.is_data() {
        "another shape"
    } else {
        "no JSON"
    };
    let message = format!(
        "Expected the body to be a JSON object with a string `query` or `documentId` and optionally \
         a string `operationName` and objects `variables` and `extensions`, found {found}."
    );
    answer.refuse(StatusCode::BAD_REQUEST, message)
}
