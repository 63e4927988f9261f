//! Bytes that ask for nothing but work: each is cut short, over real sockets.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::harness::{Serving, within};

/// Sends `bytes` and returns what the server says until it hangs up.
async fn said(serving: &Serving, bytes: &[u8]) -> Vec<u8> {
    let address = serving.url.trim_start_matches("http://");
    let address = address.trim_end_matches("/graphql");
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let mut said = Vec::new();
    within("the server hangs up", async {
        let (mut read, mut write) = stream.split();
        // A reset is an end, too.
        let _ = tokio::join!(write.write_all(bytes), read.read_to_end(&mut said));
    })
    .await;
    said
}

async fn is_well(serving: &Serving) {
    let live = b"GET /health/live HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    assert!(said(serving, live).await.starts_with(b"HTTP/1.1 200 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_of_any_length_is_refused() {
    let serving = Serving::start(&[]);
    for line in [
        "x: ".to_owned() + &"a".repeat(1_000_000),
        "x: a\r\n".repeat(10_000),
    ] {
        let head = format!("GET /graphql HTTP/1.1\r\nhost: localhost\r\n{line}\r\n\r\n");
        let said = said(&serving, head.as_bytes()).await;
        let said = String::from_utf8_lossy(&said);
        assert!(
            said.is_empty() || said.starts_with("HTTP/1.1 431 "),
            "{said}"
        );
    }
    is_well(&serving).await;
}

/// HTTP/2: a frame of a type, with flags, of a stream.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len())
        .expect("a short one")
        .to_be_bytes();
    let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
    [head.as_slice(), payload].concat()
}

/// CVE-2023-44487: requests that are taken back as soon as they are sent.
#[tokio::test(flavor = "multi_thread")]
async fn who_takes_back_each_request_is_hung_up_on() {
    let serving = Serving::start(&[]);
    let get = b"\x82\x86\x84\x01\x09localhost";
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(4, 0, 0, &[]));
    for stream in (1..40_000).step_by(2) {
        bytes.extend(frame(1, 5, stream, get));
        bytes.extend(frame(3, 0, stream, &8_u32.to_be_bytes()));
    }
    let said = said(&serving, &bytes).await;
    let goaway = b"too_many_resets";
    assert!(
        said.windows(goaway.len()).any(|it| it == goaway),
        "{said:?}"
    );
    is_well(&serving).await;
}

/// A request by POST, with a body of so many bytes.
fn request(length: usize) -> Vec<u8> {
    request_from("192.0.2.1", length)
}

fn request_from(address: &str, length: usize) -> Vec<u8> {
    let query = r#"{"query": "{ __typename }"}"#;
    let body = format!("{query}{}", " ".repeat(length - query.len()));
    let head = "POST /graphql HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
        content-type: application/json\r\n";
    format!("{head}x-forwarded-for: {address}\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

async fn is_refused(serving: &Serving, bytes: &[u8]) -> bool {
    let said = said(serving, bytes).await;
    let said = String::from_utf8_lossy(&said);
    let is_refused = said.starts_with("HTTP/1.1 503 ");
    assert!(!is_refused || said.contains("retry-after: 1\r\n"), "{said}");
    is_refused
}

/// A request whose last byte is not sent, once it keeps another like it out.
async fn held(serving: &Serving, bytes: &[u8]) -> TcpStream {
    let address = serving.url.trim_start_matches("http://");
    let address = address.trim_end_matches("/graphql");
    within("room is taken", async {
        loop {
            let mut held = TcpStream::connect(address).await.expect("a connection");
            let most = &bytes[..bytes.len() - 1];
            held.write_all(most).await.expect("the server reads");
            // Of two that come at the same moment, it may be this one that is refused.
            while held.try_read(&mut [0]).is_err() {
                if is_refused(serving, bytes).await {
                    return held;
                }
            }
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn long_bodies_have_so_much_room_and_no_more() {
    let serving = Serving::start(&[("MAX_BODY", "65536"), ("MAX_BODIES", "65536")]);
    let (long, short) = (request(60_000), request(16_000));
    let mut first = held(&serving, &long).await;
    assert!(said(&serving, &short).await.starts_with(b"HTTP/1.1 200 "));
    first.write_all(b" ").await.expect("the server reads");
    let mut answer = Vec::new();
    let end = within("an answer", first.read_to_end(&mut answer)).await;
    end.expect("all of it");
    assert!(answer.starts_with(b"HTTP/1.1 200 "));
    assert!(said(&serving, &long).await.starts_with(b"HTTP/1.1 200 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_caller_has_a_quarter_of_the_room_for_long_bodies() {
    let serving = Serving::start(&[
        ("MAX_BODY", "65536"),
        ("MAX_BODIES", "262144"),
        ("RATE_LIMIT", "1000000"),
        ("TRUSTED_PROXIES", "127.0.0.1"),
    ]);
    let _held = held(&serving, &request(60_000)).await;
    let other = request_from("192.0.2.2", 60_000);
    assert!(said(&serving, &other).await.starts_with(b"HTTP/1.1 200 "));
}
