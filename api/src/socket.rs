//! graphql-transport-ws: GraphQL over one WebSocket, any number of operations side by side.
//! Requests in, streams of responses out; knows no feature.
//!
//! Its own, and not async-graphql's `http::WebSocket`, which closes with codes that no client
//! expects (1002 for a bad message and for a refused `connection_init`, 1011 for a `subscribe` that
//! came too early), replaces a running operation by another with its id, sends `complete` for what
//! the client has stopped and request errors as `next`, waits for ever for a `connection_init`, and
//! bounds neither operations nor what a client does not read.
//!
//! Source of the rules: the protocol's text, `PROTOCOL.md` of enisdenjo/graphql-ws; RFC 6455.

mod handshake;
mod message;
mod operations;
mod outbox;
mod session;

use std::{net::IpAddr, pin::pin};

use async_graphql::futures_util::{SinkExt, StreamExt};
use tokio::time::{Duration, Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::{WebSocketStream, tungstenite::protocol::WebSocketConfig};

pub(crate) use self::handshake::Handshake;
use self::{handshake::Metered, message::Close, session::Session};
use crate::{Limits, connections::Connections, schema::App, viewer::Caller};

/// An open WebSocket.
type Socket = WebSocketStream<Metered>;

const PROTOCOL: &str = "graphql-transport-ws";
/// Read and written at a time. Each socket has both, and there are thousands.
const BUFFER: usize = 4 * 1024;
/// How long a client has to answer a close frame.
const FAREWELL: Duration = Duration::from_secs(3);
/// How long a close frame is on its way.
const LINGER: Duration = Duration::from_millis(500);

/// Answers a request to talk WebSocket; none where there is no room for one more. `caller` is an
/// address alone where the token is to come by `connection_init`.
pub(crate) fn upgrade(
    handshake: Handshake,
    app: App,
    connections: &Connections,
    caller: Result<Caller, IpAddr>,
) -> Option<axum::response::Response> {
    let limits = *connections.limits();
    let address = (caller.as_ref()).map_or_else(|address| *address, |caller| caller.address);
    let open = connections.socket(address, &app.settings().trusted_proxies)?;
    let stopping = connections.stopping().clone();
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .max_message_size(Some(limits.message))
        .max_frame_size(Some(limits.message));
    Some(
        handshake.accept(PROTOCOL, config, move |socket, understood| async move {
            let _open = open;
            if understood {
                let mut stopping = pin!(stopping.cancelled_owned());
                let mut timer = pin!(sleep_until(Instant::now() + limits.init));
                let session = Session::new(
                    socket,
                    app,
                    caller,
                    limits,
                    stopping.as_mut(),
                    timer.as_mut(),
                );
                session.run().await;
            } else {
                close(socket, Close::OTHER_PROTOCOL, &limits).await;
            }
        }),
    )
}

/// Closes a socket, and waits a little for the client to have seen why.
async fn close(mut socket: Socket, why: Close, limits: &Limits) {
    let deaf = why.is_about_frames();
    // Who has not read what came before may yet.
    if let Ok(Ok(())) = timeout(2 * limits.patience, socket.send(why.into())).await {
        if deaf {
            // What the client still sends cannot be read any more, and to hang up on unread bytes
            // would reset the connection, close frame and all.
            sleep(LINGER).await;
        } else {
            until_closed(socket).await;
        }
    }
}

/// Waits a little for the client to close the socket, too.
async fn until_closed(mut socket: Socket) {
    let closed = async { while let Some(Ok(_)) = socket.next().await {} };
    let _ = timeout(FAREWELL, closed).await;
}
