//! Whatever comes in, however it is made: it is answered or refused, and never by a panic.
//!
//! Bounded, and the same each time; `FUZZ_ROUNDS=100000 FUZZ_SEED=7 cargo test fuzz` looks further.

mod operations;

use std::env;

use rand::{Rng, SeedableRng, rngs::SmallRng};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::tungstenite::Message;

use self::operations::Operations;
use crate::harness::{Answer, Serving, Shop, Socket, on_both, within};

on_both![
    documents_by_the_schema_with_odd_values,
    mutated_ids_and_cursors,
    mutated_bodies,
];

/// Made-up input, the same for the same seed.
struct Dice(SmallRng);

impl Dice {
    fn new() -> Self {
        Self(SmallRng::seed_from_u64(number("FUZZ_SEED", 1)))
    }

    /// Less than `most`.
    fn below(&mut self, most: usize) -> usize {
        self.0.random_range(0..most)
    }

    fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    /// What people and programs write by mistake or on purpose.
    fn text(&mut self) -> String {
        let text = self.pick(TEXTS);
        if self.one_in(20) {
            text.repeat(2_000)
        } else {
            text.to_owned()
        }
    }

    /// The same bytes, some of them changed.
    fn mutated(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            match self.below(5) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, self.0.random()),
                2 => bytes
                    .splice(at..at, self.pick(TEXTS).bytes())
                    .for_each(drop),
                3 if at < bytes.len() => bytes[at] = self.0.random(),
                _ if at < bytes.len() => drop(bytes.remove(at)),
                _ => {}
            }
        }
        bytes
    }
}

const TEXTS: &[&str] = &[
    "",
    " ",
    "a",
    "Ticket:1",
    "Ticket:0",
    "Customer:-1",
    "Ticket:99999999999999999999",
    "Ticket:+1",
    ":1",
    "1",
    "-2147483649",
    "٣",
    "\0",
    "a\0b",
    "%_\\",
    "'; DROP TABLE tickets; --",
    "\u{feff}",
    "\u{202e}x",
    "İ",
    "ß",
    "👩‍🔧",
    "\\u0000",
    "{\"a\":[",
    "]}",
    "null",
    "true",
    "1e999",
    "-0",
    "2026-02-30T00:00:00Z",
    "2026-11-22T23:59:60Z",
    "0000-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999999Z",
    "+262142-12-31T23:59:59Z",
    "-4713-01-01T00:00:00Z",
    "2026-11-22T00:00:00+23:59",
    "WyJDdXN0b21lciBOVU1CRVIgQVNDIiw1XQ",
    "a@b.c",
    "LA",
    "screen",
];

fn number(name: &str, default: u64) -> u64 {
    let given = env::var(name).ok();
    given.map_or(default, |it| it.parse().expect("a number"))
}

fn rounds(usual: u64) -> u64 {
    number("FUZZ_ROUNDS", usual)
}

/// The built program on the test's database.
fn serve(shop: &Shop) -> Serving {
    Serving::start(&[("DATABASE_URL", &shop.database_url)])
}

/// Still there, and nothing of it has panicked.
async fn survived(server: Serving, client: &reqwest::Client) {
    let request = json!({ "query": "{ customers { totalCount } }" });
    Answer::to(client, &server.url, &request)
        .await
        .data("/customers");
    let log = server.stop();
    let panics: Vec<_> = log
        .iter()
        .filter(|line| line.contains("panicked"))
        .collect();
    assert!(panics.is_empty(), "{panics:#?}");
}

fn client() -> reqwest::Client {
    let client = reqwest::Client::builder().no_proxy().build();
    client.expect("an HTTP client")
}

/// Not our fault, whatever it was.
fn assert_ours_is_fine(request: &impl std::fmt::Display, body: &Value) {
    let errors = body["errors"].as_array().map_or(&[][..], Vec::as_slice);
    for error in errors {
        let code = error["extensions"]["code"].as_str();
        let fine = code.is_some_and(|it| !["INTERNAL_SERVER_ERROR", "UNAVAILABLE"].contains(&it));
        assert!(fine, "{request}\n{body:#}");
    }
}

async fn documents_by_the_schema_with_odd_values(shop: Shop) {
    let (server, client) = (serve(&shop), client());
    let operations = Operations::of(&server.url, &client).await;
    let mut dice = Dice::new();
    let mut executed = 0;
    for _ in 0..rounds(400) {
        let request = json!({ "query": operations.random(&mut dice) });
        let answer = Answer::to(&client, &server.url, &request).await;
        assert_ours_is_fine(&request, &answer.body);
        executed += u64::from(answer.body.get("data").is_some());
    }
    assert!(executed > rounds(400) / 4, "{executed} were executed");
    survived(server, &client).await;
}

async fn mutated_ids_and_cursors(shop: Shop) {
    let (server, client) = (serve(&shop), client());
    let mut dice = Dice::new();
    let orders = [
        "NUMBER",
        "TITLE",
        "COMPLETED",
        "TECH",
        "CREATED_AT",
        "UPDATED_AT",
        "CUSTOMER_EMAIL",
    ];
    let mut cursors = Vec::new();
    for order in orders {
        let query = format!(
            "{{ tickets(first: 2, orderBy: [{{field: {order}}}]) {{ pageInfo {{ endCursor }} }} }}"
        );
        let answer = Answer::to(&client, &server.url, &json!({ "query": query })).await;
        let cursor = answer.data("/tickets/pageInfo/endCursor").as_str();
        cursors.push(cursor.expect("a cursor").to_owned());
    }
    let query = "query($id: ID!, $cursor: String, $order: [TicketOrder!]) {
        node(id: $id) { id } nodes(ids: [$id, $id]) { id } ticket(id: $id) { id }
        tickets(first: 2, after: $cursor, orderBy: $order) { nodes { id } } }";
    for round in 0..rounds(300) {
        let at = usize::try_from(round).unwrap_or(0) % orders.len();
        let cursor = &cursors[at];
        let cursor = if dice.one_in(2) {
            // What is inside of it, and not its encoding alone.
            let decoded = base64_of(cursor);
            encoded(&dice.mutated(&decoded))
        } else {
            String::from_utf8_lossy(&dice.mutated(cursor.as_bytes())).into_owned()
        };
        let id = dice.mutated(b"Ticket:12");
        let variables = json!({
            "id": String::from_utf8_lossy(&id),
            "cursor": cursor,
            "order": [{ "field": orders[at] }],
        });
        let request = json!({ "query": query, "variables": variables });
        let answer = Answer::to(&client, &server.url, &request).await;
        assert_ours_is_fine(&request, &answer.body);
    }
    survived(server, &client).await;
}

fn base64_of(cursor: &str) -> Vec<u8> {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.decode(cursor).expect("base64")
}

fn encoded(bytes: &[u8]) -> String {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.encode(bytes)
}

async fn mutated_bodies(shop: Shop) {
    let (server, client) = (serve(&shop), client());
    let mut dice = Dice::new();
    let bodies = [
        r#"{"query":"query Q($id: ID!) { ticket(id: $id) { title } }","variables":{"id":"Ticket:1"},"operationName":"Q"}"#,
        r#"{"query":"{ tickets(first: 1, where: {title: {contains: \"x\"}}) { totalCount } }","extensions":{}}"#,
        r#"{"documentId":"sha256:00","extensions":{"persistedQuery":{"version":1,"sha256Hash":"00"}}}"#,
    ];
    for _ in 0..rounds(600) {
        let body = {
            let body = dice.pick(&bodies);
            dice.mutated(body.as_bytes())
        };
        let shown = String::from_utf8_lossy(&body).into_owned();
        let types = [
            "application/json",
            "application/json",
            "text/plain",
            "application/json; charset=\u{e9}",
        ];
        let response = client
            .post(&server.url)
            .header("content-type", dice.pick(&types))
            .header(
                "accept",
                dice.pick(&[
                    "application/json",
                    "*/*",
                    "application/graphql-response+json",
                ]),
            )
            .body(body)
            .send()
            .await
            .unwrap_or_else(|error| panic!("no answer to {shown}: {error}"));
        let status = response.status();
        assert!(status.as_u16() < 500, "{status} to {shown}");
        let body = response.json().await;
        let body: Value = body.unwrap_or_else(|error| panic!("{shown}: {error}"));
        assert_ours_is_fine(&shown, &body);
    }
    survived(server, &client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mutated_messages_and_frames_of_websockets() {
    let (server, client) = (Serving::start(&[]), client());
    let mut dice = Dice::new();
    let messages = [
        r#"{"type":"connection_init","payload":{"a":1}}"#,
        r#"{"type":"subscribe","id":"1","payload":{"query":"subscription { ticketChanged { id } }"}}"#,
        r#"{"type":"subscribe","id":"2","payload":{"query":"{ __typename }","variables":{}}}"#,
        r#"{"type":"complete","id":"1"}"#,
        r#"{"type":"ping","payload":{}}"#,
        r#"{"type":"pong"}"#,
    ];
    for _ in 0..rounds(150) {
        let mut socket = Socket::ready(&server.url).await;
        for _ in 0..dice.below(5) {
            let message = dice.pick(&messages);
            let text = if dice.one_in(2) {
                String::from_utf8_lossy(&dice.mutated(message.as_bytes())).into_owned()
            } else {
                message.to_owned()
            };
            let message = match dice.below(8) {
                0 => Message::binary(text),
                1 => Message::Ping(text.into_bytes().into_iter().take(100).collect()),
                2 => Message::Pong(text.into_bytes().into_iter().take(100).collect()),
                _ => Message::text(text),
            };
            if !socket.try_send(message).await {
                break;
            }
        }
    }
    for _ in 0..rounds(150) {
        frames(&server.url, &mut dice).await;
    }
    survived(server, &client).await;
}

/// A socket whose bytes are no frames any more, read until the server hangs up.
async fn frames(url: &str, dice: &mut Dice) {
    let address = (url.trim_start_matches("http://")).trim_end_matches("/graphql");
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let handshake = format!(
        "GET /graphql HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
    );
    let message = br#"{"type":"connection_init"}"#;
    let mut frame = vec![0x81, 0x80 | 0x1a, 1, 2, 3, 4];
    frame.extend(
        message
            .iter()
            .zip([1, 2, 3, 4].into_iter().cycle())
            .map(|(a, b)| a ^ b),
    );
    let mut bytes = handshake.into_bytes();
    for _ in 0..=dice.below(3) {
        bytes.extend(dice.mutated(&frame));
    }
    // It may have hung up already.
    let _ = stream.write_all(&bytes).await;
    let _ = stream.shutdown().await;
    // Nor is what it says of interest: that it hangs up is.
    let mut answer = Vec::new();
    let _ = within("the end", stream.read_to_end(&mut answer)).await;
}
