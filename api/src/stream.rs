//! Streams of responses over HTTP, one operation each: GraphQL over server-sent events in its
//! distinct connections mode, and Apollo's multipart subscriptions. Request in, stream of
//! responses out; knows no feature.
//!
//! Its own, and not async-graphql's `http::create_multipart_mixed_stream`, which leaves out Apollo's
//! `payload`, ends a part only when the next one begins (so that a client sees each event when the
//! next comes), and does not end when the server does. For server-sent events it has nothing.
//!
//! Source of the rules: `PROTOCOL.md` of enisdenjo/graphql-sse; Apollo's "Multipart HTTP protocol
//! for GraphQL subscriptions"; the HTML standard, "Server-sent events".

use std::{convert::Infallible, future::pending, mem::replace, pin::Pin, time::Duration};

use async_graphql::{
    Response,
    futures_util::{
        StreamExt,
        stream::{self, BoxStream},
    },
};
use axum::{
    body::{Body, Bytes},
    http::{
        HeaderMap, HeaderName, HeaderValue,
        header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, VARY},
    },
    response::IntoResponse,
};
use tokio::time::{Instant, Sleep, sleep, sleep_until};
use tokio_util::sync::WaitForCancellationFutureOwned;

use crate::{
    Error,
    clients::Client,
    connections::Connections,
    http::negotiate::{Preference, accepted},
    response::{is_request_error, text},
};

/// How responses are put one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// `text/event-stream`.
    Events,
    /// `multipart/mixed;subscriptionSpec=1.0`.
    Parts,
}

impl Format {
    /// The one that the caller accepts, the first of those that it wants most, and how much.
    pub(crate) fn accepted(headers: &HeaderMap) -> Option<(Self, f32)> {
        let mut best: Option<(Self, f32)> = None;
        for found in accepted(headers, &ACCEPT) {
            if let Some(format) = Self::read(&found)
                && found.weight > best.map_or(0.0, |(_, weight)| weight)
            {
                best = Some((format, found.weight));
            }
        }
        best
    }

    fn read(found: &Preference) -> Option<Self> {
        if found.is("text/event-stream") {
            Some(Self::Events)
        } else if found.is("multipart/mixed") && found.parameter("subscriptionSpec") == Some("1.0")
        {
            Some(Self::Parts)
        } else {
            None
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Events => "text/event-stream; charset=utf-8",
            Self::Parts => r#"multipart/mixed;boundary="graphql";subscriptionSpec=1.0"#,
        }
    }

    /// What the body begins with, if anything.
    fn opening(self) -> Bytes {
        Bytes::from_static(match self {
            // The first is for proxies that pass on nothing before there is something.
            Self::Events => b":\n\n",
            Self::Parts => b"\r\n--graphql",
        })
    }

    fn heartbeat(self) -> Bytes {
        Bytes::from_static(match self {
            Self::Events => b":\n\n",
            Self::Parts => b"\r\ncontent-type: application/json\r\n\r\n{}\r\n--graphql",
        })
    }

    /// One response. A part ends with the line that the next would begin with: its reader waits
    /// for that line.
    fn response(self, response: &Response, first: bool) -> Bytes {
        let json = text(response);
        match self {
            Self::Events => format!("event: next\ndata: {json}\n\n"),
            // What ends a subscription that was running is said beside the payloads.
            Self::Parts if !first && is_request_error(response) => {
                let errors = json.strip_prefix('{').unwrap_or_default();
                part(&format!("{{\"payload\":null,{errors}"))
            }
            Self::Parts => part(&format!("{{\"payload\":{json}}}")),
        }
        .into()
    }

    fn closing(self) -> Bytes {
        Bytes::from_static(match self {
            // Without data a browser's EventSource would not tell its listeners.
            Self::Events => b"event: complete\ndata:\n\n",
            Self::Parts => b"--\r\n",
        })
    }

    /// Sends the responses as they come, and a sign of life where none come, until the last. A
    /// subscription also ends when the server stops, or its caller's access token (`until`), and says
    /// so: its client asks again.
    pub(crate) fn respond(
        self,
        responses: BoxStream<'static, Response>,
        is_subscription: bool,
        until: Option<Instant>,
        connections: &Connections,
        room: Client,
    ) -> axum::response::Response {
        let chunks = Chunks {
            format: self,
            responses: Some(responses),
            nothing_yet: true,
            stopping: is_subscription
                .then(|| Box::pin(connections.stopping().clone().cancelled_owned())),
            expired: until
                .filter(|_| is_subscription)
                .map(|until| Box::pin(sleep_until(until))),
            silence: connections.limits().heartbeat,
            _room: room,
        };
        let chunks = stream::unfold(chunks, |mut chunks| async {
            let chunk = chunks.next().await?;
            Some((Ok::<_, Infallible>(chunk), chunks))
        });
        let opening = stream::iter([Ok(self.opening())]);
        let mut response = Body::from_stream(opening.chain(chunks)).into_response();
        let headers = response.headers_mut();
        let mut head = |name, value| headers.insert(name, HeaderValue::from_static(value));
        head(CONTENT_TYPE, self.media_type());
        head(CACHE_CONTROL, "no-store");
        // nginx would keep events back until it has a page full of them.
        head(HeaderName::from_static("x-accel-buffering"), "no");
        head(VARY, "accept");
        response
    }
}

fn part(json: &str) -> String {
    format!("\r\ncontent-type: application/json\r\n\r\n{json}\r\n--graphql")
}

/// A body after its opening. Nothing is fetched before the client has taken what came before.
struct Chunks {
    format: Format,
    /// None once the end is said.
    responses: Option<BoxStream<'static, Response>>,
    nothing_yet: bool,
    stopping: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    expired: Option<Pin<Box<Sleep>>>,
    silence: Duration,
    /// Held until the end.
    _room: Client,
}

impl Chunks {
    async fn next(&mut self) -> Option<Bytes> {
        let responses = self.responses.as_mut()?;
        let stopping = async {
            match &mut self.stopping {
                Some(stopping) => stopping.await,
                None => pending().await,
            }
        };
        let expired = async {
            match &mut self.expired {
                Some(expired) => expired.await,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            () = expired => {
                let error = Error::unauthenticated("Expected a valid access token, found one that has expired.").into_server_error();
                Some(self.say(&Response::from_errors(vec![error])))
            }
            response = responses.next() => Some(match response {
                Some(response) => self.say(&response),
                None => self.end(),
            }),
            () = stopping => {
                let error = Error::unavailable("The server is stopping; subscribe again in a moment.").into_server_error();
                Some(self.say(&Response::from_errors(vec![error])))
            }
            () = sleep(self.silence) => Some(self.format.heartbeat()),
        }
    }

    /// A response; with the end, where nothing can come after it.
    fn say(&mut self, response: &Response) -> Bytes {
        let first = replace(&mut self.nothing_yet, false);
        let said = self.format.response(response, first);
        if is_request_error(response) {
            [said, self.end()].concat().into()
        } else {
            said
        }
    }

    /// What runs is dropped here.
    fn end(&mut self) -> Bytes {
        self.responses = None;
        self.format.closing()
    }
}
