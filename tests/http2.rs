//! HTTP/2 without TLS: requests, and sockets on it (RFC 8441).

use api::Settings;
use async_graphql::futures_util::{SinkExt, StreamExt};
use axum::{
    body::{Body, to_bytes},
    http::{Method, Request, StatusCode},
};
use hyper::{
    client::conn::http2::{SendRequest, handshake},
    ext::Protocol,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::Role},
};

use crate::harness::{Kind, Serving, Shop, within};

/// One connection, ready for requests.
async fn connect(url: &str) -> SendRequest<Body> {
    let address = (url.trim_start_matches("http://")).trim_end_matches("/graphql");
    let stream = TcpStream::connect(address).await.expect("a connection");
    let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .expect("HTTP/2");
    tokio::spawn(connection);
    sender
}

#[tokio::test(flavor = "multi_thread")]
async fn many_requests_share_a_connection() {
    Shop::run(Kind::Sqlite, many_requests).await;
}

async fn many_requests(shop: Shop) {
    let sender = connect(&shop.url).await;
    let answers = (1..=50).map(|number| {
        let mut sender = sender.clone();
        let query = json!({ "query": format!("{{ ticket(id: {number}) {{ number }} }}") });
        let request = Request::post(&shop.url).header("content-type", "application/json");
        let request = request.body(Body::from(query.to_string()));
        async move {
            let response = sender.send_request(request.expect("a request"));
            let response = within("an answer", response).await.expect("an answer");
            let body = to_bytes(Body::new(response.into_body()), usize::MAX).await;
            serde_json::from_slice(&body.expect("a body")).expect("JSON")
        }
    });
    let answers: Vec<Value> = async_graphql::futures_util::future::join_all(answers).await;
    for (answer, number) in answers.iter().zip(1..) {
        let there = &answer["data"]["ticket"];
        assert!(there.is_null() || there["number"] == number, "{answer}");
        assert!(answer.get("errors").is_none(), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_opens_on_a_stream() {
    Shop::run(Kind::Sqlite, a_websocket).await;
}

async fn a_websocket(shop: Shop) {
    let url = shop.program_with(Settings::default(), 4).await;
    let mut sender = connect(&url).await;
    // The server says that it takes them in its first frame.
    within("the settings", sender.ready())
        .await
        .expect("a connection");
    let request = Request::builder()
        .method(Method::CONNECT)
        .uri(&url)
        .extension(Protocol::from_static("websocket"))
        .header("sec-websocket-version", "13")
        .header("sec-websocket-protocol", "graphql-transport-ws")
        .body(Body::empty())
        .expect("a request");
    let mut response = within("an answer", sender.send_request(request))
        .await
        .expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(
        response.headers()["sec-websocket-protocol"],
        "graphql-transport-ws"
    );
    let stream = hyper::upgrade::on(&mut response).await.expect("a stream");
    let mut socket =
        WebSocketStream::from_raw_socket(TokioIo::new(stream), Role::Client, None).await;
    for message in [
        json!({ "type": "connection_init" }),
        json!({ "type": "subscribe", "id": "1", "payload": { "query": "{ __typename }" } }),
    ] {
        let sent = socket.send(Message::text(message.to_string())).await;
        sent.expect("an open socket");
    }
    for expected in [
        json!({ "type": "connection_ack" }),
        json!({ "type": "next", "id": "1", "payload": { "data": { "__typename": "Query" } } }),
        json!({ "type": "complete", "id": "1" }),
    ] {
        let message = within("a message", socket.next()).await.expect("a message");
        let text = message.expect("a message").into_text().expect("text");
        let found: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(found, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_has_so_many_streams() {
    let serving = Serving::start(&[]);
    let address = serving.url.trim_start_matches("http://");
    let address = address.trim_end_matches("/graphql");
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    stream.write_all(preface).await.expect("it is sent");
    let mut head = [0; 9];
    let settings = async {
        stream.read_exact(&mut head).await.expect("a frame");
        assert_eq!(head[3], 4, "SETTINGS come first");
        let mut settings = vec![0; usize::from(head[2])];
        stream.read_exact(&mut settings).await.expect("all of them");
        settings
    };
    let settings = within("the settings", settings).await;
    // SETTINGS_MAX_CONCURRENT_STREAMS: RFC 9113, section 6.5.2.
    let mut settings = settings.chunks(6);
    let streams = settings.find(|it| it[..2] == [0, 3]).expect("a bound");
    assert_eq!(streams[2..], 100_u32.to_be_bytes());
}
