//! How a caller wants to be answered: with one response, or with a stream of them.

use async_graphql::{Request, parser::types::OperationType};
use axum::{http::HeaderMap, response::Response};

use super::{Server, answer::Answer, negotiate::wanted};
use crate::stream::Format;

/// How the caller wants to be answered.
#[derive(Clone, Copy)]
pub(super) struct Wish {
    /// With one response; also with what is said where there is none.
    pub(super) answer: Answer,
    /// With a stream of responses.
    stream: Option<Format>,
    /// Also where there is only one.
    only_stream: bool,
}

impl Wish {
    /// None where the caller accepts nothing that there is.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let (answer, stream) = (Answer::accepted(headers), Format::accepted(headers));
        let only_stream = stream.is_some_and(|(_, much)| {
            let (json, graphql) = wanted(headers).unwrap_or_default();
            much > json.max(graphql)
        });
        (answer.is_some() || stream.is_some()).then(|| Self {
            answer: answer.unwrap_or(Answer::Json),
            stream: stream.map(|(format, _)| format),
            only_stream,
        })
    }

    /// The stream that answers a request; the request itself where one response does.
    #[expect(clippy::result_large_err, reason = "it is the request, and goes on")]
    pub(super) fn streamed(
        self,
        server: &Server,
        request: Request,
        may_write: bool,
    ) -> Result<Response, Request> {
        let Some(format) = self.stream else {
            return Err(request);
        };
        let kind = server.app.operation_type(&request);
        let is_subscription = kind == Some(OperationType::Subscription);
        let may_run = may_write || kind != Some(OperationType::Mutation);
        if may_run && (is_subscription || self.only_stream) {
            let responses = server.app.responses(request, is_subscription);
            Ok(format.respond(responses, is_subscription, &server.connections))
        } else {
            Err(request)
        }
    }
}
