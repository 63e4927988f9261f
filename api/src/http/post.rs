//! Requests in a body: one, or where that is allowed an array of them.

mod body;

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{StatusCode, request::Parts},
    response::Response,
};

use super::{
    Server,
    answer::{Answer, none_acceptable},
    compress::compressed,
    wish::Wish,
};
use crate::{App, document::too_deep, error::Error, request::Parameters, response, viewer::Caller};

/// Room for one more request: looked for before anything else, a token's signature too, so that to
/// refuse costs next to nothing.
pub(super) struct HasRoom;

impl FromRequestParts<Arc<Server>> for HasRoom {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, server: &Arc<Server>) -> Result<Self, Response> {
        server.app.has_room().map(|()| Self).map_err(|error| {
            let answer = Answer::accepted(&parts.headers).unwrap_or(Answer::Json);
            answer.request_error(error.into_server_error())
        })
    }
}

pub(super) async fn by_post(
    State(server): State<Arc<Server>>,
    _: HasRoom,
    caller: Caller,
    request: Request,
) -> Response {
    let app = &server.app;
    let (Parts { headers, .. }, body) = request.into_parts();
    let Some(wish) = Wish::of(&headers) else {
        return none_acceptable();
    };
    let answer = wish.answer;
    // Its room is taken until there is an answer: as long as something of it may be.
    let (body, _room) = match body::read(app, &caller, &headers, body).await {
        Ok(read) => read,
        Err(refused) => return refused.answer(answer),
    };
    // A struct could be read from an array as well, its fields in order.
    let is_array = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    let response = if is_array {
        batch(app, &caller, wish, &body).await
    } else {
        match serde_json::from_slice(&body) {
            Ok(parameters) => one(&server, caller, wish, parameters).await,
            Err(error) => unreadable(app, answer, &body, &error),
        }
    };
    compressed(&headers, response).await
}

async fn one(server: &Server, caller: Caller, wish: Wish, parameters: Parameters) -> Response {
    let mut request = match parameters.into_request(&server.app, caller) {
        Ok(request) => request,
        Err(error) => return wish.answer.request_error(error),
    };
    if let Some(stream) = wish.stream(&server.app, &mut request, true) {
        return stream.of(server, request);
    }
    let response = server.app.execute(request, true).await;
    wish.answer.to(&response.unwrap_or_default())
}

/// One after the other: who puts two mutations into an array means them in that order.
async fn batch(app: &App, caller: &Caller, wish: Wish, body: &[u8]) -> Response {
    let (answer, most) = (wish.answer, app.settings().batch);
    if most == 0 {
        let message = "Expected one request, found an array: batches are off here.";
        return answer.refuse(StatusCode::BAD_REQUEST, message);
    }
    // No protocol has a stream of the answers to several requests.
    if !wish.takes_one {
        return none_acceptable();
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
