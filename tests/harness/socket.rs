//! A client that speaks graphql-transport-ws, and may speak it badly.

use std::time::Duration;

use async_graphql::futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest, http::HeaderValue},
};

/// Waits for what has to happen, and not for ever.
pub(crate) async fn within<T>(what: &str, happens: impl Future<Output = T>) -> T {
    let happened = timeout(Duration::from_mins(1), happens).await;
    happened.unwrap_or_else(|_| panic!("never: {what}"))
}

/// A connection to the server at `http://…/graphql`, on which it soon notices that nobody reads.
pub(crate) async fn deaf(url: &str) -> TcpStream {
    let address = (url.trim_start_matches("http://")).trim_end_matches("/graphql");
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4_096).expect("a small buffer");
    let connected = socket.connect(address.parse().expect("an address")).await;
    connected.expect("a connection")
}

pub(crate) struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    /// A socket with this subprotocol, to the server at `http://…/graphql`.
    pub(crate) async fn open(url: &str, protocol: Option<&'static str>) -> Self {
        let mut headers = Vec::new();
        headers.extend(protocol.map(|it| ("sec-websocket-protocol", it)));
        Self::with_headers(url, &headers)
            .await
            .expect("a WebSocket")
    }

    /// One that is asked for with these headers; the status of the answer where there is none.
    pub(crate) async fn with_headers(
        url: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, u16> {
        let address = url
            .trim_start_matches("http://")
            .trim_end_matches("/graphql");
        let stream = TcpStream::connect(address).await.expect("a connection");
        let mut request = url
            .replacen("http", "ws", 1)
            .into_client_request()
            .expect("a request");
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).expect("a header");
            request.headers_mut().insert(*name, value);
        }
        match client_async(request, stream).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("no answer: {error}"),
        }
    }

    /// One that waits for its `connection_init`.
    pub(crate) async fn new(url: &str) -> Self {
        Self::open(url, Some("graphql-transport-ws")).await
    }

    /// One that the server has acknowledged.
    pub(crate) async fn ready(url: &str) -> Self {
        let mut socket = Self::new(url).await;
        socket.send(&json!({ "type": "connection_init" })).await;
        assert_eq!(socket.message().await, json!({ "type": "connection_ack" }));
        socket
    }

    /// Asks to be let in, by a token if there is one.
    pub(crate) async fn init(&mut self, token: Option<&str>) {
        let payload = token.map(|token| json!({ "Authorization": format!("Bearer {token}") }));
        self.send(&json!({ "type": "connection_init", "payload": payload }))
            .await;
    }

    pub(crate) async fn send(&mut self, message: &Value) {
        self.send_frame(Message::text(message.to_string())).await;
    }

    pub(crate) async fn send_frame(&mut self, message: Message) {
        within("the server reads", self.0.send(message))
            .await
            .expect("an open socket");
    }

    /// Whether the server has not hung up before.
    pub(crate) async fn try_send(&mut self, message: Message) -> bool {
        within("the server reads", self.0.send(message))
            .await
            .is_ok()
    }

    /// Asks for an operation.
    pub(crate) async fn subscribe(&mut self, id: &str, query: &str) {
        let payload = json!({ "query": query });
        self.send(&json!({ "id": id, "type": "subscribe", "payload": payload }))
            .await;
    }

    /// What comes next, whatever it is.
    pub(crate) async fn raw_frame(&mut self) -> Message {
        self.0
            .next()
            .await
            .expect("an open socket")
            .expect("a frame")
    }

    /// What comes next, WebSocket's own pings and pongs aside.
    pub(crate) async fn frame(&mut self) -> Message {
        loop {
            let frame = within("a frame", self.0.next()).await;
            match frame
                .expect("a close frame before the end")
                .expect("a frame")
            {
                Message::Ping(_) | Message::Pong(_) => {}
                frame => return frame,
            }
        }
    }

    /// The message that comes next.
    pub(crate) async fn message(&mut self) -> Value {
        match self.frame().await {
            Message::Text(text) => serde_json::from_str(&text).expect("JSON"),
            frame => panic!("no message: {frame:?}"),
        }
    }

    /// The code that the server closes the socket with, and why; messages may come before.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        loop {
            if let Message::Close(close) = self.frame().await {
                let close = close.expect("a code");
                assert!(close.reason.len() <= 123);
                return (close.code.into(), close.reason.to_string());
            }
        }
    }
}
