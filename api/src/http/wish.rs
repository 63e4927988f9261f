//! How a caller wants to be answered: with one response, or with a stream of them.

use std::net::Ipv6Addr;

use async_graphql::{Request, parser::types::OperationType};
use axum::{http::HeaderMap, response::Response};

use super::{
    Server,
    answer::{Answer, no_room},
    negotiate::wanted,
};
use crate::{App, stream::Format, viewer::Caller};

/// How the caller wants to be answered.
#[derive(Clone, Copy)]
pub(super) struct Wish {
    /// With one response; also with what is said where there is none.
    pub(super) answer: Answer,
    /// Whether one response is welcome.
    pub(super) takes_one: bool,
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
            takes_one: answer.is_some(),
            stream: stream.map(|(format, _)| format),
            only_stream,
        })
    }

    /// The stream that is to answer a request; none where one response is.
    pub(super) fn stream(
        self,
        app: &App,
        request: &mut Request,
        may_write: bool,
    ) -> Option<Stream> {
        let format = self.stream?;
        let kind = app.operation_type(request);
        let is_subscription = kind == Some(OperationType::Subscription);
        let may_run = may_write || kind != Some(OperationType::Mutation);
        (may_run && (is_subscription || self.only_stream)).then_some(Stream {
            format,
            answer: self.answer,
            is_subscription,
        })
    }
}

/// A stream of responses that a request is to have.
pub(super) struct Stream {
    format: Format,
    /// What is said where there is no room for it.
    answer: Answer,
    is_subscription: bool,
}

impl Stream {
    pub(super) fn of(self, server: &Server, request: Request) -> Response {
        let caller = Caller::of(&request);
        let address = caller.map_or(Ipv6Addr::UNSPECIFIED.into(), |caller| caller.address);
        let proxies = &server.app.settings().trusted_proxies;
        let Some(room) = server.connections.stream(address, proxies) else {
            return no_room(self.answer);
        };
        let until = caller.and_then(Caller::ends);
        let responses = server.app.responses(request, self.is_subscription);
        (self.format).respond(
            responses,
            self.is_subscription,
            until,
            &server.connections,
            room,
        )
    }
}
