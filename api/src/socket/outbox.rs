//! What a socket has to send and has not sent: bounded, and watched for clients that do not read.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll, ready},
};

use async_graphql::futures_util::Sink;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::Socket;

/// Above these nothing more is begun: no event is fetched, no message read.
const FULL: usize = 64;
const FULL_BYTES: usize = 256 * 1024;
/// The most bytes: what operations that were begun had to say, beside the first of them.
const MAX_BYTES: usize = 16 * 1024 * 1024;

#[derive(Default)]
pub(super) struct Outbox {
    queue: VecDeque<Message>,
    bytes: usize,
    /// The socket has been given messages that may not be on their way.
    unflushed: bool,
    /// When the message was begun that is being sent.
    since: Option<Instant>,
}

impl Outbox {
    pub(super) fn push(&mut self, message: Message) {
        self.bytes += size(&message);
        self.queue.push_back(message);
    }

    pub(super) fn has_room(&self) -> bool {
        self.queue.len() < FULL && self.bytes < FULL_BYTES
    }

    /// Holds more than any client can be owed that reads at all.
    pub(super) fn overflows(&self) -> bool {
        self.bytes > MAX_BYTES && self.queue.len() > 1
    }

    /// Since when the client has not read a message.
    pub(super) fn stuck_since(&self) -> Option<Instant> {
        self.since
    }

    /// Sends; ready when everything is on its way.
    pub(super) fn poll_send(
        &mut self,
        socket: &mut Socket,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        let mut socket = Pin::new(socket);
        while !self.queue.is_empty() {
            self.since.get_or_insert_with(Instant::now);
            ready!(socket.as_mut().poll_ready(cx))?;
            if let Some(message) = self.queue.pop_front() {
                self.bytes -= size(&message);
                self.unflushed = true;
                socket.as_mut().start_send(message)?;
                self.since = Some(Instant::now());
            }
        }
        if self.unflushed {
            ready!(socket.poll_flush(cx))?;
            self.unflushed = false;
        }
        self.since = None;
        // What is not needed for long is given back: there are many sockets.
        self.queue.shrink_to(4);
        Poll::Ready(Ok(()))
    }
}

fn size(message: &Message) -> usize {
    match message {
        Message::Text(text) => text.len(),
        Message::Binary(bytes) | Message::Ping(bytes) | Message::Pong(bytes) => bytes.len(),
        Message::Close(_) | Message::Frame(_) => 0,
    }
}
