//! The answers of an HTTP/2 connection, and how long its client has left them unread: it may go on
//! reading the connection, and give one answer no window (RFC 9113, section 5.2).

use std::{
    mem,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Error,
    body::{Body, Bytes, HttpBody},
    response::Response,
};
use hyper::body::{Frame, SizeHint};
use tokio::time::Instant;

/// Given away at a time, in bytes: what is given away cannot be seen to be unread.
const PIECE: usize = 16 * 1024;
/// How many answers are remembered before those that are over are looked for: more than run at a time.
const REMEMBERED: usize = 256;

/// Since when a client has been waited for; none while it waits for us.
type Since = Mutex<Option<Instant>>;

/// The answers of a connection. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Answers(Arc<Mutex<Vec<Weak<Since>>>>);

impl Answers {
    /// Watches how an answer is read.
    pub(super) fn watch(&self, answer: Response) -> Response {
        let since = Arc::new(Mutex::new(Some(Instant::now())));
        let mut all = lock(&self.0);
        if all.len() >= REMEMBERED {
            all.retain(|since| since.strong_count() > 0);
        }
        all.push(Arc::downgrade(&since));
        drop(all);
        answer.map(|body| {
            Body::new(Watched {
                body,
                rest: Bytes::new(),
                since,
            })
        })
    }

    /// Whether the client has left one of them unread for so long.
    pub(super) fn unread_for(&self, time: Duration) -> bool {
        let all = lock(&self.0);
        let mut waiting = all.iter().filter_map(Weak::upgrade);
        waiting.any(|since| lock(&since).is_some_and(|since| since.elapsed() >= time))
    }
}

/// A body that is asked for more when the client has room for it.
struct Watched {
    body: Body,
    /// Of a piece that was too large.
    rest: Bytes,
    since: Arc<Since>,
}

impl Watched {
    fn piece(&mut self) -> Frame<Bytes> {
        let end = self.rest.len().min(PIECE);
        Frame::data(self.rest.split_to(end))
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let next = if self.rest.is_empty() {
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(bytes) => {
                        self.rest = bytes;
                        Poll::Ready(Some(Ok(self.piece())))
                    }
                    Err(trailers) => Poll::Ready(Some(Ok(trailers))),
                },
                other => other,
            }
        } else {
            Poll::Ready(Some(Ok(self.piece())))
        };
        let waits = next.is_ready().then(Instant::now);
        let _ = mem::replace(&mut *lock(&self.since), waits);
        next
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (body, rest) = (self.body.size_hint(), self.rest.len() as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(body.lower() + rest);
        if let Some(upper) = body.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
