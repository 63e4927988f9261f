//! One client at a socket: what it asks for, what it is told, and until when.

use std::{
    future::{Future, poll_fn},
    net::IpAddr,
    pin::Pin,
    task::{Context, Poll},
};

use async_graphql::{
    futures_util::{FutureExt, StreamExt, future::BoxFuture},
    parser::types::OperationType,
};
use axum::body::Bytes;
use serde_json::value::RawValue;
use tokio::time::{Instant, Sleep};
use tokio_tungstenite::tungstenite::{
    Message,
    error::{CapacityError, Error as FrameError},
};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::{
    Socket, close,
    message::{self, Close, Incoming},
    operations::{Kind, Operation, Operations},
    outbox::Outbox,
    until_closed,
};
use crate::{
    Error, Limits, auth::Refused, request::Parameters, response::is_request_error, schema::App,
    viewer::Caller,
};

/// What a control frame from a client has beside its payload, in bytes: RFC 6455, section 5.2.
const CONTROL: u64 = 6;

pub(super) struct Session<'a> {
    socket: Socket,
    app: App,
    /// An address alone until a token says who it is.
    caller: Result<Caller, IpAddr>,
    /// The token of a `connection_init`, while it is being checked.
    asking: Option<BoxFuture<'static, Result<Caller, Refused>>>,
    limits: Limits,
    operations: Operations,
    outbox: Outbox,
    /// Whether there was a `connection_init` that let the client in.
    initialised: bool,
    /// When the access token ends.
    until: Option<Instant>,
    opened: Instant,
    /// When the client has last given a sign of life.
    heard: Instant,
    /// Whether it was asked for another one since.
    pinged: bool,
    /// Of the bytes that were read, those that have become messages.
    whole: u64,
    /// Since when there are others: a message has begun.
    begun: Option<Instant>,
    stopping: Option<Pin<&'a mut WaitForCancellationFutureOwned>>,
    timer: Pin<&'a mut Sleep>,
    /// Takes turns, so that neither side can keep the other waiting.
    reads_first: bool,
}

/// What happens next on a socket.
#[expect(clippy::large_enum_variant, reason = "it lives for one turn")]
enum Event {
    Read(Option<Result<Message, FrameError>>),
    Said(Operation, Option<async_graphql::Response>),
    Known(Result<Caller, Refused>),
    Late,
    Stop,
    /// The client is gone.
    Gone,
    /// All is sent.
    Idle,
}

/// Why a session ends: with a close frame, or without anybody to tell.
type End = Option<Close>;

impl<'a> Session<'a> {
    pub(super) fn new(
        socket: Socket,
        app: App,
        caller: Result<Caller, IpAddr>,
        limits: Limits,
        stopping: Pin<&'a mut WaitForCancellationFutureOwned>,
        timer: Pin<&'a mut Sleep>,
    ) -> Self {
        let now = Instant::now();
        Self {
            socket,
            app,
            caller,
            asking: None,
            limits,
            operations: Operations::default(),
            outbox: Outbox::default(),
            initialised: false,
            until: None,
            opened: now,
            heard: now,
            pinged: false,
            whole: 0,
            begun: None,
            stopping: Some(stopping),
            timer,
            reads_first: true,
        }
    }

    pub(super) async fn run(mut self) {
        let end = loop {
            let event = poll_fn(|cx| self.poll_event(cx)).await;
            if let Err(end) = self.handle(event) {
                break end;
            }
        };
        let Self {
            socket,
            limits,
            operations,
            ..
        } = self;
        drop(operations);
        match end {
            Some(why) => close(socket, why, &limits).await,
            // The library answers the client's close frame when it is asked for more.
            None => until_closed(socket).await,
        }
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        let sent = self.outbox.poll_send(&mut self.socket, cx);
        if let Poll::Ready(Err(_)) = sent {
            return Poll::Ready(Event::Gone);
        }
        if let Some(stopping) = &mut self.stopping {
            if stopping.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Event::Stop);
            }
        } else if self.operations.is_empty() && sent.is_ready() {
            return Poll::Ready(Event::Idle);
        }
        if let Some(asking) = &mut self.asking
            && let Poll::Ready(known) = asking.poll_unpin(cx)
        {
            self.asking = None;
            return Poll::Ready(Event::Known(known));
        }
        if self.outbox.has_room() {
            self.operations.resume();
        }
        self.reads_first = !self.reads_first;
        let read_first = self.reads_first;
        if read_first && let Poll::Ready(event) = self.poll_read(cx) {
            return Poll::Ready(event);
        }
        if let Poll::Ready((operation, response)) = self.operations.poll_response(cx) {
            return Poll::Ready(Event::Said(operation, response));
        }
        if !read_first && let Poll::Ready(event) = self.poll_read(cx) {
            return Poll::Ready(event);
        }
        let deadline = self.deadline();
        if self.timer.deadline() != deadline {
            self.timer.as_mut().reset(deadline);
        }
        self.timer.as_mut().poll(cx).map(|()| Event::Late)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        if !self.outbox.has_room() {
            // It is not read, so that it cannot be late.
            self.begun = None;
            return Poll::Pending;
        }
        let read = self.socket.poll_next_unpin(cx);
        if read.is_pending() {
            if self.socket.get_ref().read() > self.whole {
                self.begun.get_or_insert_with(Instant::now);
            } else {
                self.begun = None;
            }
        }
        read.map(Event::Read)
    }

    /// Takes note of how much of what was read has become this message. Control frames may come
    /// between the parts of another message, and no other may.
    fn count(&mut self, message: &Message) {
        let read = self.socket.get_ref().read();
        self.whole = match message {
            Message::Ping(payload) | Message::Pong(payload) => {
                read.min(self.whole + CONTROL + payload.len() as u64)
            }
            _ => read,
        };
        if self.whole == read {
            self.begun = None;
        }
    }

    /// When somebody is late: the client, or our ping.
    fn deadline(&self) -> Instant {
        let limits = &self.limits;
        let life = self.heard + limits.heartbeat;
        let next = match (self.outbox.stuck_since(), self.begun) {
            (Some(since), _) => since + limits.patience,
            // It can neither ping nor answer a ping in the middle of a frame.
            (None, Some(begun)) => begun + self.app.settings().body_timeout,
            (None, None) if self.pinged => life + limits.patience,
            (None, None) => life,
        };
        let end = if self.initialised {
            self.until
        } else {
            Some(self.opened + limits.init)
        };
        end.map_or(next, |end| next.min(end))
    }

    fn late(&mut self) -> Result<(), End> {
        if !self.initialised && self.opened.elapsed() >= self.limits.init {
            return Err(Some(Close::INIT_TIMEOUT));
        }
        if self.outbox.stuck_since().is_some() {
            return Err(Some(Close::TOO_SLOW));
        }
        if self.begun.is_some() {
            return Err(Some(Close::UNFINISHED));
        }
        if self.pinged {
            return Err(Some(Close::TOO_SLOW));
        }
        // One of WebSocket's own, which every client answers without being asked to.
        self.pinged = true;
        self.outbox.push(Message::Ping(Bytes::new()));
        Ok(())
    }

    fn handle(&mut self, event: Event) -> Result<(), End> {
        // Not in its turn alone: a client that never lets the timer have one would stay.
        if self.until.is_some_and(|until| until <= Instant::now()) {
            return Err(Some(Close::TOKEN_EXPIRED));
        }
        match event {
            Event::Read(Some(Ok(message))) => {
                self.heard = Instant::now();
                self.pinged = false;
                self.count(&message);
                match message {
                    Message::Text(text) => self.read(&text)?,
                    Message::Binary(_) => {
                        return Err(Some(Close::bad_request("Expected text, found bytes")));
                    }
                    // The library answers these; it gives out no frames.
                    Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
                    Message::Close(_) => return Err(None),
                }
            }
            Event::Read(Some(Err(error))) => return Err(unreadable(&error)),
            Event::Read(None) | Event::Gone => return Err(None),
            Event::Said(operation, response) => self.say(operation, response),
            Event::Known(Ok(caller)) => self.let_in(caller),
            Event::Known(Err(Refused::Unavailable | Refused::Spent(_))) => {
                return Err(Some(Close::TRY_LATER));
            }
            Event::Known(Err(_)) => return Err(Some(Close::FORBIDDEN)),
            Event::Late => self.late()?,
            Event::Stop => {
                self.stopping = None;
                self.operations.stop_subscriptions();
            }
            Event::Idle => return Err(Some(Close::GOING_AWAY)),
        }
        if self.outbox.overflows() {
            return Err(Some(Close::TOO_SLOW));
        }
        Ok(())
    }

    fn read(&mut self, text: &str) -> Result<(), End> {
        let message = Incoming::parse(text).map_err(|why| Some(Close::bad_request(why)))?;
        match message {
            Incoming::ConnectionInit(_) if self.initialised || self.asking.is_some() => {
                Err(Some(Close::INIT_TWICE))
            }
            Incoming::ConnectionInit(payload) => self.admit(payload),
            Incoming::Ping(payload) => {
                self.outbox.push(message::pong(payload));
                Ok(())
            }
            Incoming::Pong => Ok(()),
            Incoming::Subscribe { .. } if !self.initialised => Err(Some(Close::UNAUTHORIZED)),
            Incoming::Subscribe { id, request } => self.subscribe(&id, request),
            Incoming::Complete { id } => {
                self.operations.stop(&id);
                Ok(())
            }
        }
    }

    /// Lets a client in whose token came with the handshake, or is in the payload.
    fn admit(&mut self, payload: Option<&RawValue>) -> Result<(), End> {
        if let Some(auth) = self.app.settings().auth.clone() {
            let token = message::authorization(payload);
            if let Some(token) = token.map_err(|()| Some(Close::FORBIDDEN))? {
                let caller = self.caller.as_ref();
                let address = caller.map_or_else(|address| *address, |caller| caller.address);
                let app = self.app.clone();
                let asking = async move {
                    let pay = |cost| app.charge(&Caller::anybody(address), cost);
                    auth.caller(&token, address, pay).await
                };
                self.asking = Some(asking.boxed());
                return Ok(());
            }
        }
        let caller = self.caller.clone();
        self.let_in(caller.map_err(|_| Some(Close::FORBIDDEN))?);
        Ok(())
    }

    fn let_in(&mut self, caller: Caller) {
        self.until = caller.ends();
        self.caller = Ok(caller);
        self.initialised = true;
        self.outbox.push(message::connection_ack());
    }

    fn subscribe(&mut self, id: &str, parameters: Parameters) -> Result<(), End> {
        if self.operations.contains(id) {
            return Err(Some(Close::already_exists(id)));
        }
        if self.stopping.is_none() {
            return Ok(()); // The close frame that comes tells the client to ask another server.
        }
        let most = self.limits.operations;
        if self.operations.len() >= most {
            let error = Error::too_costly(format!(
                "Expected at most {most} operations at a time on a socket, found one more."
            ));
            self.outbox
                .push(message::error(id, &[error.into_server_error()]));
            return Ok(());
        }
        let Ok(caller) = self.caller.clone() else {
            return Err(Some(Close::UNAUTHORIZED));
        };
        let mut request = match parameters.into_request(&self.app, caller) {
            Ok(request) => request,
            Err(error) => {
                self.outbox.push(message::error(id, &[error]));
                return Ok(());
            }
        };
        let kind = match self.app.operation_type(&mut request) {
            Some(OperationType::Subscription) => Kind::Subscription,
            _ => Kind::Single,
        };
        self.operations.start(
            id,
            kind,
            self.app.responses(request, kind == Kind::Subscription),
        );
        Ok(())
    }

    fn say(&mut self, operation: Operation, response: Option<async_graphql::Response>) {
        let id = &operation.id;
        match response {
            Some(response) if is_request_error(&response) => {
                self.outbox.push(message::error(id, &response.errors));
            }
            Some(response) => {
                self.outbox.push(message::next(id, &response));
                if operation.kind == Kind::Subscription {
                    return self.operations.wait(operation);
                }
                self.outbox.push(message::complete(id));
            }
            None => self.outbox.push(message::complete(id)),
        }
        self.operations.stop(id);
    }
}

/// The close frame for bytes that are no message.
fn unreadable(error: &FrameError) -> End {
    match error {
        FrameError::Capacity(CapacityError::MessageTooLong { .. }) => Some(Close::TOO_BIG),
        FrameError::Utf8(_) => Some(Close::NOT_UTF8),
        FrameError::Protocol(_) => Some(Close::PROTOCOL_ERROR),
        _ => None,
    }
}
