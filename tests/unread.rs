//! Clients that do not read what they are sent: they are hung up on, whatever it is.

use std::time::Duration;

use api::{Limits, Settings};
use axum::{
    body::{Body, Bytes, HttpBody},
    http::Request,
};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::harness::{Shop, deaf, on_both, until, within};

on_both!(
    a_stream_that_is_not_read_is_cut_off,
    an_answer_that_is_not_read_is_cut_off,
    on_http2_neither_is_waited_for,
    who_waits_for_the_server_is_not_cut_off,
);

/// 40 times the text of one ticket.
fn long_changes() -> String {
    let texts: Vec<_> = (0..40).map(|it| format!("t{it}: description")).collect();
    format!(
        "subscription {{ ticketChanged {{ ticket {{ {} }} }} }}",
        texts.join(" ")
    )
}

const LONG_LIST: &str = "{ tickets { nodes { description } } }";
const UPDATE: &str = "mutation { updateTicket(input: {id: 1}) { ticket { id } } }";
const EVENTS: &str = "text/event-stream";
const PARTS: &str = "multipart/mixed;subscriptionSpec=1.0";

/// More than a connection holds on its way, in 14 tickets or in one change.
async fn long_texts(shop: &Shop) {
    let long = "x".repeat(1 << 20);
    let update = format!("UPDATE tickets SET description = '{long}'");
    shop.execute(&update).await;
}

/// With so many sockets and streams, and connections, at a time.
async fn serve(shop: &Shop, sockets: usize, max_clients: usize) -> String {
    let limits = Limits {
        unread: Duration::from_millis(200),
        sockets,
        ..Limits::default()
    };
    let settings = Settings {
        limits,
        max_clients,
        ..Settings::default()
    };
    shop.program_with(settings, 4).await
}

/// Asks for something, and reads of the answer that there is one.
async fn asked(url: &str, accept: &str, query: &str) -> (TcpStream, String) {
    let mut stream = deaf(url).await;
    let body = json!({ "query": query }).to_string();
    let request = format!(
        "POST /graphql HTTP/1.1\r\nhost: localhost\r\naccept: {accept}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut status = [0; 12];
    let _ = stream.write_all(request.as_bytes()).await;
    let answered = within("an answer or an end", stream.read_exact(&mut status)).await;
    let status = answered.map(|_| String::from_utf8_lossy(&status).into_owned());
    (stream, status.unwrap_or_default())
}

async fn is_answered(url: &str, accept: &str, query: &str) -> bool {
    asked(url, accept, query).await.1 == "HTTP/1.1 200"
}

async fn a_stream_that_is_not_read_is_cut_off(shop: Shop) {
    let long = "x".repeat(100_000);
    let update = format!("UPDATE tickets SET description = '{long}' WHERE id = 1");
    shop.execute(&update).await;
    let url = serve(&shop, 1, 100).await;
    for accept in [EVENTS, PARTS] {
        let mut stream = asked(&url, accept, &long_changes()).await;
        while stream.1 != "HTTP/1.1 200" {
            stream = asked(&url, accept, &long_changes()).await;
        }
        assert!(
            !is_answered(&url, accept, &long_changes()).await,
            "it has the only place"
        );
        until(async || {
            is_answered(&url, "application/json", UPDATE).await
                && is_answered(&url, accept, &long_changes()).await
        })
        .await;
        drop(stream);
    }
}

async fn an_answer_that_is_not_read_is_cut_off(shop: Shop) {
    long_texts(&shop).await;
    let url = serve(&shop, 1, 1).await;
    let (stream, status) = asked(&url, "application/json", LONG_LIST).await;
    assert_eq!(status, "HTTP/1.1 200");
    until(async || is_answered(&url, "application/json", "{ __typename }").await).await;
    drop(stream);
}

/// A connection whose client gives each answer a small window.
async fn connect(url: &str) -> (http2::SendRequest<Body>, tokio::task::JoinHandle<()>) {
    let address = (url.trim_start_matches("http://")).trim_end_matches("/graphql");
    let stream = TcpStream::connect(address).await.expect("a connection");
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(1_000);
    let (sender, connection) = builder
        .handshake(TokioIo::new(stream))
        .await
        .expect("HTTP/2");
    let ends = tokio::spawn(async {
        let _ = connection.await;
    });
    (sender, ends)
}

async fn answer(
    sender: &mut http2::SendRequest<Body>,
    url: &str,
    accept: &str,
    query: &str,
) -> hyper::Response<hyper::body::Incoming> {
    let request = Request::post(url)
        .header("content-type", "application/json")
        .header("accept", accept)
        .body(Body::from(json!({ "query": query }).to_string()));
    let response = sender.send_request(request.expect("a request"));
    within("an answer", response).await.expect("an answer")
}

async fn on_http2_neither_is_waited_for(shop: Shop) {
    long_texts(&shop).await;
    let url = serve(&shop, 10, 100).await;
    for (accept, query) in [
        ("application/json", LONG_LIST),
        (
            EVENTS,
            "subscription { ticketChanged { ticket { title } } }",
        ),
    ] {
        let (mut sender, ends) = connect(&url).await;
        let unread = answer(&mut sender, &url, accept, query).await;
        assert_eq!(unread.status(), 200);
        let changes = async {
            loop {
                is_answered(&url, "application/json", UPDATE).await;
            }
        };
        let ended = within("the end", ends);
        tokio::select! { ended = ended => ended.expect("it is hung up on"), () = changes => {} }
        drop(unread);
    }
}

/// However long there is nothing to read, and however small the pieces are.
async fn who_waits_for_the_server_is_not_cut_off(shop: Shop) {
    let url = serve(&shop, 10, 100).await;
    long_texts(&shop).await;
    let (mut sender, ends) = connect(&url).await;
    let changes = "subscription { ticketChanged(id: 1) { kind } }";
    let mut events = answer(&mut sender, &url, EVENTS, changes).await;
    let opening = http_body_util::BodyExt::frame(events.body_mut()).await;
    assert!(opening.is_some_and(|it| it.is_ok()));
    // Meanwhile another answer is read, which takes its time.
    let long = answer(&mut sender, &url, "application/json", LONG_LIST).await;
    assert!(long.body().size_hint().exact().is_some(), "it has a length");
    let long = axum::body::to_bytes(Body::new(long.into_body()), usize::MAX).await;
    let long: Value = serde_json::from_slice(&long.expect("all of it")).expect("JSON");
    assert_eq!(
        long["data"]["tickets"]["nodes"].as_array().map(Vec::len),
        Some(14)
    );
    let event = async {
        loop {
            let frame = http_body_util::BodyExt::frame(events.body_mut()).await;
            let bytes: Bytes = frame
                .expect("an event")
                .expect("an event")
                .into_data()
                .expect("data");
            if bytes.starts_with(b"event: next") {
                return;
            }
        }
    };
    let changes = async {
        loop {
            is_answered(&url, "application/json", UPDATE).await;
        }
    };
    tokio::select! { () = within("an event", event) => {}, () = changes => {} }
    assert!(!ends.is_finished());
}
