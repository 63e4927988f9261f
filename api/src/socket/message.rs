//! The messages of graphql-transport-ws, and the codes that a socket is closed with.

use std::borrow::Cow;

use async_graphql::{Response, ServerError};
use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes, protocol::CloseFrame};

use crate::{request::Parameters, response};

/// The longest id of an operation, in bytes. Clients take UUIDs or numbers.
const MAX_ID: usize = 256;
/// The longest payload of a `connection_init`, a `ping` or a `pong`, in bytes.
const MAX_PAYLOAD: usize = 16 * 1024;
/// The longest reason in a close frame, in bytes: RFC 6455, section 5.5.
const MAX_REASON: usize = 123;

/// Why the server closes a socket: a code, and a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Close(u16, Cow<'static, str>);

impl Close {
    /// RFC 6455, section 7.4.1: the server goes down. Clients connect again.
    pub(super) const GOING_AWAY: Self = Self::new(1001, "The server is stopping");
    pub(super) const PROTOCOL_ERROR: Self = Self::new(1002, "No WebSocket frame");
    pub(super) const NOT_UTF8: Self = Self::new(1007, "Expected UTF-8");
    pub(super) const TOO_BIG: Self = Self::new(1009, "Message too big");
    /// IANA's "Try Again Later": clients connect again, as they should.
    pub(super) const TOO_SLOW: Self = Self::new(1013, "Too slow: messages were not read in time");
    pub(super) const UNFINISHED: Self =
        Self::new(1013, "Too slow: a message was not finished in time");
    pub(super) const TRY_LATER: Self = Self::new(1013, "Access tokens cannot be checked now");
    pub(super) const UNAUTHORIZED: Self = Self::new(4401, "Unauthorized");
    pub(super) const TOKEN_EXPIRED: Self = Self::new(4401, "The access token has expired");
    pub(super) const FORBIDDEN: Self = Self::new(4403, "Forbidden");
    pub(super) const OTHER_PROTOCOL: Self = Self::new(4406, "Subprotocol not acceptable");
    pub(super) const INIT_TIMEOUT: Self = Self::new(4408, "Connection initialisation timeout");
    pub(super) const INIT_TWICE: Self = Self::new(4429, "Too many initialisation requests");

    const fn new(code: u16, reason: &'static str) -> Self {
        Self(code, Cow::Borrowed(reason))
    }

    pub(super) const fn bad_request(reason: &'static str) -> Self {
        Self::new(4400, reason)
    }

    /// Whether it is for a client whose frames cannot be read.
    pub(super) fn is_about_frames(&self) -> bool {
        matches!(self.0, 1002 | 1007 | 1009)
    }

    pub(super) fn already_exists(id: &str) -> Self {
        const AROUND: usize = "Subscriber for … already exists".len();
        let reason = if id.len() + AROUND <= MAX_REASON {
            format!("Subscriber for {id} already exists")
        } else {
            let end = id.floor_char_boundary(MAX_REASON - AROUND);
            format!("Subscriber for {}… already exists", &id[..end])
        };
        Self(4409, Cow::Owned(reason))
    }
}

impl From<Close> for Message {
    fn from(Close(code, reason): Close) -> Self {
        let (code, reason) = (code.into(), Utf8Bytes::from(reason.as_ref()));
        Self::Close(Some(CloseFrame { code, reason }))
    }
}

/// A message from a client.
pub(super) enum Incoming<'a> {
    ConnectionInit(Option<&'a RawValue>),
    Ping(Option<&'a RawValue>),
    Pong,
    Subscribe { id: String, request: Parameters },
    Complete { id: String },
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

impl<'a> Incoming<'a> {
    /// # Errors
    /// Why it is none: the protocol closes the socket with 4400 then.
    pub(super) fn parse(text: &'a str) -> Result<Self, &'static str> {
        let envelope: Envelope = serde_json::from_str(text)
            .map_err(|_| "Expected a JSON object with a string `type`")?;
        match envelope.kind.as_ref() {
            "connection_init" => Ok(Self::ConnectionInit(envelope.details()?)),
            "ping" => Ok(Self::Ping(envelope.details()?)),
            "pong" => envelope.details().map(|_| Self::Pong),
            "subscribe" => Ok(Self::Subscribe {
                id: envelope.id()?,
                request: envelope.request()?,
            }),
            "complete" => envelope.id().map(|id| Self::Complete { id }),
            _ => Err("Expected a `type` that clients send"),
        }
    }
}

impl<'a> Envelope<'a> {
    fn id(&self) -> Result<String, &'static str> {
        let id = self.id.and_then(|id| serde_json::from_str(id.get()).ok());
        id.filter(|id: &String| !id.is_empty() && id.len() <= MAX_ID)
            .ok_or("Expected an `id`: a string of 1 to 256 bytes")
    }

    /// The optional object that some messages carry.
    fn details(&self) -> Result<Option<&'a RawValue>, &'static str> {
        match self.payload {
            Some(payload) if !payload.get().starts_with('{') => {
                Err("Expected the `payload` to be an object, null or left out")
            }
            Some(payload) if payload.get().len() > MAX_PAYLOAD => {
                Err("Expected a `payload` of at most 16384 bytes")
            }
            payload => Ok(payload),
        }
    }

    fn request(&self) -> Result<Parameters, &'static str> {
        let parameters = self.payload.filter(|json| json.get().starts_with('{'));
        let parameters = parameters.and_then(|json| serde_json::from_str(json.get()).ok());
        let parameters = parameters.filter(Parameters::name_a_document);
        parameters.ok_or(
            "Expected a `payload` with a string `query`, and objects `variables` and `extensions`",
        )
    }
}

/// What a `connection_init` says in place of the `Authorization` header, whatever the case of that.
///
/// # Errors
/// Where it is no text, or stands there twice.
pub(super) fn authorization(payload: Option<&RawValue>) -> Result<Option<String>, ()> {
    let Some(payload) = payload else {
        return Ok(None);
    };
    let fields: Map<String, Value> = serde_json::from_str(payload.get()).map_err(|_| ())?;
    let mut found = (fields.into_iter())
        .filter(|(name, value)| name.eq_ignore_ascii_case("authorization") && !value.is_null());
    match (found.next(), found.next()) {
        (None, _) => Ok(None),
        (Some((_, Value::String(text))), None) => Ok(Some(text)),
        _ => Err(()),
    }
}

pub(super) fn connection_ack() -> Message {
    Message::Text(Utf8Bytes::from_static(r#"{"type":"connection_ack"}"#))
}

/// The answer to a ping, with what the ping carried.
pub(super) fn pong(payload: Option<&RawValue>) -> Message {
    Message::Text(match payload {
        Some(payload) => format!(r#"{{"type":"pong","payload":{payload}}}"#).into(),
        None => Utf8Bytes::from_static(r#"{"type":"pong"}"#),
    })
}

pub(super) fn next(id: &str, response: &Response) -> Message {
    operation("next", id, Some(&response::text(response)))
}

pub(super) fn error(id: &str, errors: &[ServerError]) -> Message {
    operation("error", id, Some(&response::errors(errors)))
}

pub(super) fn complete(id: &str) -> Message {
    operation("complete", id, None)
}

fn operation(kind: &str, id: &str, payload: Option<&str>) -> Message {
    let id = serde_json::Value::from(id);
    Message::Text(match payload {
        Some(payload) => format!(r#"{{"id":{id},"type":"{kind}","payload":{payload}}}"#).into(),
        None => format!(r#"{{"id":{id},"type":"{kind}"}}"#).into(),
    })
}
