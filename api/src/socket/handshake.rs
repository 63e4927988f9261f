//! The opening handshake (RFC 6455, section 4; on HTTP/2 RFC 8441), and the stream below a socket.
//!
//! axum checks the handshake. It would also answer it and open the socket, but hides the stream then:
//! nobody could see that a message has begun whose end does not come.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    body::Body,
    extract::{FromRequestParts, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection},
    http::{
        HeaderValue, StatusCode, Version,
        header::{
            CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, UPGRADE,
        },
        request::Parts,
    },
    response::Response,
};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        handshake::derive_accept_key,
        protocol::{Role, WebSocketConfig},
    },
};

use super::Socket;

/// A request to talk WebSocket that is one.
pub(crate) struct Handshake {
    checked: WebSocketUpgrade,
    /// There wherever axum has found one.
    stream: Option<OnUpgrade>,
    /// None on HTTP/2, where no proof is asked for.
    key: Option<HeaderValue>,
}

impl<S: Send + Sync> FromRequestParts<S> for Handshake {
    type Rejection = WebSocketUpgradeRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let is_http1 = parts.version <= Version::HTTP_11;
        let key = parts.headers.get(SEC_WEBSOCKET_KEY).filter(|_| is_http1);
        let (key, stream) = (key.cloned(), parts.extensions.get().cloned());
        let checked = WebSocketUpgrade::from_request_parts(parts, state).await?;
        Ok(Self {
            checked,
            stream,
            key,
        })
    }
}

impl Handshake {
    /// Answers it, and has the socket served once it is open; with whether the client speaks the
    /// `protocol`.
    pub(super) fn accept<F: Future<Output = ()> + Send>(
        self,
        protocol: &'static str,
        config: WebSocketConfig,
        serve: impl FnOnce(Socket, bool) -> F + Send + 'static,
    ) -> Response {
        let checked = self.checked.protocols([protocol]);
        let understood = checked.selected_protocol().is_some();
        let stream = self.stream;
        tokio::spawn(async move {
            // It fails where the client has gone.
            if let Some(stream) = stream
                && let Ok(stream) = stream.await
            {
                let stream = Metered {
                    stream: TokioIo::new(stream),
                    read: 0,
                };
                let socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config));
                serve(socket.await, understood).await;
            }
        });
        let mut response = Response::new(Body::empty());
        if let Some(key) = self.key {
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            let headers = response.headers_mut();
            headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            if let Ok(proof) = HeaderValue::try_from(derive_accept_key(key.as_bytes())) {
                headers.insert(SEC_WEBSOCKET_ACCEPT, proof);
            }
        }
        if understood {
            let protocol = HeaderValue::from_static(protocol);
            (response.headers_mut()).insert(SEC_WEBSOCKET_PROTOCOL, protocol);
        }
        response
    }
}

/// A stream that counts what is read from it.
pub(super) struct Metered {
    stream: TokioIo<Upgraded>,
    read: u64,
}

impl Metered {
    /// How many bytes have come.
    pub(super) fn read(&self) -> u64 {
        self.read
    }
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.read += (buffer.filled().len() - before) as u64;
        read
    }
}

impl AsyncWrite for Metered {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
