//! What one caller may take from the others: so much a minute, and so many connections.

use reqwest::{Response, header};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::harness::{Serving, Socket, until, within};

const ASK: &str = "{ viewer { role } }";
const JSON: &str = "application/json";
const GRAPHQL: &str = "application/graphql-response+json";
/// Of each caller, for what these tests ask.
const LIMIT: (&str, &str) = ("RATE_LIMIT", "40");

/// One request, on behalf of `forwarded` if there is such.
async fn asked(serving: &Serving, accept: &str, forwarded: Option<&str>) -> Response {
    let client = reqwest::Client::builder().no_proxy().build();
    let request = (client.expect("a client").post(&serving.url)).header("accept", accept);
    let request = match forwarded {
        Some(forwarded) => request.header("x-forwarded-for", forwarded),
        None => request,
    };
    let request = request.json(&json!({ "query": ASK }));
    request.send().await.expect("an answer")
}

async fn status(serving: &Serving, forwarded: &str) -> u16 {
    let response = asked(serving, JSON, Some(forwarded)).await;
    response.status().as_u16()
}

/// Asks until the caller has spent what it may; returns the refusal.
async fn spent(serving: &Serving, accept: &str, forwarded: Option<&str>) -> Response {
    for request in 0..100 {
        let response = asked(serving, accept, forwarded).await;
        if response.status() != 200 {
            assert!(request > 0, "the first is not refused");
            return response;
        }
    }
    panic!("100 requests were answered");
}

fn is_rate_limited(error: &Value) {
    assert_eq!(error["extensions"]["code"], "RATE_LIMITED", "{error:#}");
    let wait = error["extensions"]["retryAfter"].as_u64();
    assert!(
        wait.is_some_and(|wait| (1..=60).contains(&wait)),
        "{error:#}"
    );
    let message = error["message"].as_str();
    assert!(message.is_some_and(|it| it.contains("40")), "{error:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_too_much_is_told_when_to_come_back() {
    let serving = Serving::start(&[LIMIT]);
    spent(&serving, JSON, None).await;
    for accept in [JSON, GRAPHQL] {
        let response = spent_already(&serving, accept).await;
        let wait = response.headers()[header::RETRY_AFTER].to_str();
        let wait: u64 = wait.expect("text").parse().expect("seconds");
        let body: Value = response.json().await.expect("JSON");
        assert!(body.get("data").is_none(), "{body:#}");
        is_rate_limited(&body["errors"][0]);
        assert_eq!(body["errors"][0]["extensions"]["retryAfter"], wait);
    }
}

/// The refusal of who has spent it; a second may have brought back enough for one more.
async fn spent_already(serving: &Serving, accept: &str) -> Response {
    let mut response = asked(serving, accept, None).await;
    if response.status() == 200 {
        response = spent(serving, accept, None).await;
    }
    assert_eq!(response.status(), 429);
    let media_type = response.headers()["content-type"].to_str().expect("text");
    assert!(media_type.starts_with(accept), "{media_type}");
    response
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_of_sockets_and_streams_count_too() {
    let serving = Serving::start(&[LIMIT]);
    let mut socket = Socket::ready(&serving.url).await;
    let refused = async {
        loop {
            socket.subscribe("1", ASK).await;
            let message = socket.message().await;
            if message["type"] == "error" {
                return message;
            }
            assert_eq!(message["type"], "next", "{message:#}");
            assert_eq!(socket.message().await["type"], "complete");
        }
    };
    let message = within("the caller has spent it", refused).await;
    is_rate_limited(&message["payload"][0]);
    let refused = async {
        loop {
            let response = asked(&serving, "text/event-stream", None).await;
            let events = response.text().await.expect("a body");
            if !events.contains("viewer") {
                return events;
            }
        }
    };
    let events = within("the caller has spent it", refused).await;
    assert!(events.contains("RATE_LIMITED"), "{events}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_of_ours_says_who_is_asking() {
    let serving = Serving::start(&[LIMIT, ("TRUSTED_PROXIES", "127.0.0.0/8,10.0.0.0/8")]);
    let response = spent(&serving, JSON, Some("203.0.113.1")).await;
    assert_eq!(response.status(), 429);
    assert_eq!(status(&serving, "203.0.113.2").await, 200);
    // What a caller makes up stands further to the left.
    let mut again = (0..100).map(|number| format!("198.51.100.{number}, 203.0.113.1, 10.0.0.7"));
    let refused = again.any_async(&serving).await;
    assert!(refused, "another name is not another caller");
    // A household has many addresses of IPv6.
    let response = spent(&serving, JSON, Some("2001:db8:0:1::1")).await;
    assert_eq!(response.status(), 429);
    let mut again = (0..100).map(|number| format!("2001:db8:0:1::{number:x}"));
    assert!(
        again.any_async(&serving).await,
        "another address is not another caller"
    );
    assert_eq!(status(&serving, "2001:db8:0:2::1").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_no_proxy_of_ours_is_not_believed() {
    for proxies in ["", "10.0.0.0/8"] {
        let serving = Serving::start(&[LIMIT, ("TRUSTED_PROXIES", proxies)]);
        let mut callers = (0..100).map(|number| format!("203.0.113.{number}"));
        assert!(callers.any_async(&serving).await, "all are one caller");
    }
}

trait AnyRefused {
    async fn any_async(&mut self, serving: &Serving) -> bool;
}

impl<I: Iterator<Item = String>> AnyRefused for I {
    /// Whether one of these callers is refused.
    async fn any_async(&mut self, serving: &Serving) -> bool {
        for forwarded in self {
            if status(serving, &forwarded).await == 429 {
                return true;
            }
        }
        false
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_limit_where_none_is_wanted() {
    let serving = Serving::start(&[("RATE_LIMIT", "0")]);
    for _ in 0..100 {
        assert_eq!(asked(&serving, JSON, None).await.status(), 200);
    }
}

/// A connection, and what the server says of a request on it.
async fn said(serving: &Serving, head: &str) -> (TcpStream, String) {
    let address = serving.url.trim_start_matches("http://");
    let address = address.trim_end_matches("/graphql");
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let _ = stream.write_all(head.as_bytes()).await;
    let mut answer = [0; 12];
    let answered = within("an answer or an end", stream.read_exact(&mut answer)).await;
    let text = answered.map_or(String::new(), |_| {
        String::from_utf8_lossy(&answer).into_owned()
    });
    (stream, text)
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_counted_whatever_they_carry() {
    let serving = Serving::start(&[("MAX_CLIENTS", "3")]);
    let live = "GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let socket = "GET /graphql HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\n\
         upgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
         sec-websocket-protocol: graphql-transport-ws\r\n\r\n";
    let first = said(&serving, live).await;
    assert_eq!(first.1, "HTTP/1.1 200");
    let sockets = (said(&serving, socket).await, said(&serving, socket).await);
    assert_eq!(sockets.0.1, "HTTP/1.1 101");
    assert_eq!(sockets.1.1, "HTTP/1.1 101");
    let refused = said(&serving, live).await.1;
    assert!(
        ["HTTP/1.1 503", ""].contains(&refused.as_str()),
        "{refused}"
    );
    drop(sockets);
    until(async || said(&serving, live).await.1 == "HTTP/1.1 200").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_does_not_take_all_sockets_and_streams() {
    let serving = Serving::start(&[("TRUSTED_PROXIES", "127.0.0.1"), ("MAX_SOCKETS", "2000")]);
    let open = async |address: &str| {
        let headers = [
            ("sec-websocket-protocol", "graphql-transport-ws"),
            ("x-forwarded-for", address),
        ];
        Socket::with_headers(&serving.url, &headers).await
    };
    let listen = async |address: &str| {
        let client = reqwest::Client::builder().no_proxy().build();
        let query = json!({ "query": "subscription { ticketChanged { id } }" });
        let request = (client.expect("a client").post(&serving.url))
            .header("accept", "text/event-stream")
            .header("x-forwarded-for", address);
        request.json(&query).send().await.expect("an answer")
    };
    let mut sockets = Vec::new();
    for host in 0..99 {
        // Of one network: whoever has it has them all.
        let socket = open(&format!("2001:db8::{host:x}")).await;
        sockets.push(socket.expect("room"));
    }
    let stream = listen("2001:db8::1").await;
    assert_eq!(stream.status(), 200);
    assert_eq!(open("2001:db8::1").await.err(), Some(503));
    assert_eq!(listen("2001:db8::1").await.status(), 503);
    assert!(open("2001:db8:1::1").await.is_ok(), "somebody else");
    assert_eq!(listen("192.0.2.1").await.status(), 200, "somebody else");
    drop((stream, sockets));
    until(async || open("2001:db8::1").await.is_ok()).await;
}
