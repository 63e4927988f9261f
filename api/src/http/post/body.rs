//! The body of a request: how it is read, and what is refused of it before anybody looks inside.

use std::{mem, time::Duration};

use axum::{
    body::{Body, Bytes, HttpBody},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{ACCEPT_ENCODING, CONNECTION, EXPECT},
    },
    response::Response,
};
use http_body_util::{BodyExt, Limited};
use hyper::body::Frame;
use tokio::time::timeout;

use super::super::{
    answer::Answer,
    negotiate::{JSON, is_json},
};
use crate::{App, Error, admission::Room, viewer::Caller};

/// How much of a body that is too long is read, in bytes, and how long that may take.
const PASSED_OVER: usize = 16 * 1024 * 1024;
const LINGER: Duration = Duration::from_secs(2);
/// So much of a body, in bytes, takes no room of those that are long: what nearly all requests have,
/// which nobody's long ones are to keep out.
const SHORT: usize = 16 * 1024;

/// Why there is no body to look at.
pub(super) enum Refused {
    Type,
    /// Longer than this many bytes; how long it is, where the caller says so.
    TooLong(usize, Option<u64>),
    TooSlow,
    Broken,
    /// The server has no room for it now.
    NoRoom(Error),
}

/// # Errors
/// Why there is nothing to look at.
pub(super) async fn read(
    app: &App,
    caller: &Caller,
    headers: &HeaderMap,
    body: Body,
) -> Result<(Bytes, Option<Room>), Refused> {
    let settings = app.settings();
    if !is_json(headers) {
        return Err(Refused::Type);
    }
    // Before it is sent, where the caller says how long it is.
    let (most, said) = (settings.limits.message, body.size_hint().lower());
    if said > most as u64 {
        if !headers.contains_key(EXPECT) {
            pass_over(body).await;
        }
        return Err(Refused::TooLong(most, Some(said)));
    }
    let body = timeout(settings.body_timeout, collected(app, caller, body, most)).await;
    body.unwrap_or(Err(Refused::TooSlow))
}

async fn collected(
    app: &App,
    caller: &Caller,
    mut rest: Body,
    most: usize,
) -> Result<(Bytes, Option<Room>), Refused> {
    let mut all = Collected::default();
    while let Some(frame) = rest.frame().await {
        let refused = match frame.map(Frame::into_data) {
            Ok(Ok(bytes)) if all.length() + bytes.len() > most => Refused::TooLong(most, None),
            Ok(Ok(bytes)) => match all.push(bytes, || app.room(caller)) {
                Ok(()) => continue,
                Err(no_room) => Refused::NoRoom(no_room),
            },
            Ok(Err(_trailers)) => continue,
            Err(_) => return Err(Refused::Broken),
        };
        drop(all);
        pass_over(rest).await;
        return Err(refused);
    }
    Ok((all.bytes(), all.room))
}

/// As much of a body as has come.
#[derive(Default)]
struct Collected {
    /// Most come in one piece.
    first: Bytes,
    all: Vec<u8>,
    room: Option<Room>,
}

impl Collected {
    fn length(&self) -> usize {
        self.first.len().max(self.all.len())
    }

    fn push(&mut self, bytes: Bytes, room: impl FnOnce() -> Room) -> Result<(), Error> {
        let before = self.length();
        let counted = |length: usize| length.saturating_sub(SHORT);
        let more = counted(before + bytes.len()) - counted(before);
        if more > 0 {
            self.room.get_or_insert_with(room).take(more)?;
        }
        if before == 0 {
            self.first = bytes;
        } else {
            if self.all.is_empty() {
                self.all.extend_from_slice(&self.first);
            }
            self.all.extend_from_slice(&bytes);
        }
        Ok(())
    }

    fn bytes(&mut self) -> Bytes {
        if self.all.is_empty() {
            mem::take(&mut self.first)
        } else {
            mem::take(&mut self.all).into()
        }
    }
}

/// Reads what is not looked at: who has not sent all of it yet would find the connection reset, and
/// not see the answer. Not for ever.
async fn pass_over(rest: Body) {
    let mut rest = Limited::new(rest, PASSED_OVER);
    let rest = async { while let Some(Ok(_)) = rest.frame().await {} };
    let _ = timeout(LINGER, rest).await;
}

impl Refused {
    pub(super) fn answer(self, answer: Answer) -> Response {
        let (status, message) = match self {
            Self::NoRoom(error) => {
                return closing(answer.request_error(error.into_server_error()));
            }
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
            response
        } else {
            closing(response)
        }
    }
}

/// The rest of the body is not waited for.
fn closing(mut response: Response) -> Response {
    (response.headers_mut()).insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
