//! What a socket may hold, how long it is waited for, and how it ends.

use std::time::Duration;

use api::{Limits, Settings};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::{spawn_blocking, yield_now},
};
use tokio_tungstenite::tungstenite::Message;

use super::TICKET;
use crate::harness::{Kind, Serving, Shop, Socket, TestDatabase, deaf, on_both, until, within};

on_both!(
    who_does_not_introduce_itself_is_not_waited_for,
    operations_are_counted,
    what_the_client_has_stopped_is_not_heard_of_again,
    a_message_that_is_too_long_is_not_read,
    a_message_that_is_begun_is_waited_for_no_longer_than_a_body,
    who_only_answers_pings_stays,
    frames_that_are_none_close_the_socket,
    a_client_that_answers_no_ping_is_gone,
    a_client_that_does_not_read_is_cut_off,
    what_has_begun_is_finished_before_the_server_stops,
);

const CHANGES: &str = "subscription { ticketChanged { id ticket { description } } }";

fn limits() -> Limits {
    Limits::default()
}

async fn who_does_not_introduce_itself_is_not_waited_for(shop: Shop) {
    let limits = Limits {
        init: Duration::from_millis(50),
        // Which would notice it, too.
        heartbeat: Duration::from_hours(1),
        ..limits()
    };
    let (url, _) = shop.with_limits(limits).await;
    let mut socket = Socket::new(&url).await;
    let late = (4408, "Connection initialisation timeout".to_owned());
    assert_eq!(socket.closed().await, late);
}

async fn operations_are_counted(shop: Shop) {
    let (url, _) = shop
        .with_limits(Limits {
            operations: 3,
            ..limits()
        })
        .await;
    let mut socket = Socket::ready(&url).await;
    for id in ["1", "2", "3", "4"] {
        socket.subscribe(id, CHANGES).await;
    }
    let message = socket.message().await;
    assert_eq!(
        (&message["id"], &message["type"]),
        (&json!("4"), &json!("error"))
    );
    assert_eq!(message["payload"][0]["extensions"]["code"], "TOO_COSTLY");
    socket.send(&json!({ "id": "2", "type": "complete" })).await;
    socket.subscribe("4", TICKET).await;
    let message = socket.message().await;
    assert_eq!(
        (&message["id"], &message["type"]),
        (&json!("4"), &json!("next"))
    );
}

/// Changes a ticket until the socket tells of it: a subscription has no moment at which it is known
/// to have begun.
async fn changed(shop: &Shop, socket: &mut Socket) -> Value {
    let change = async {
        loop {
            shop.ask("mutation { updateTicket(input: {id: 1}) { ticket { id } } }")
                .await;
        }
    };
    tokio::select! {
        message = socket.message() => message,
        () = change => unreachable!("it goes on"),
    }
}

async fn what_the_client_has_stopped_is_not_heard_of_again(shop: Shop) {
    let mut socket = Socket::ready(&shop.url).await;
    socket
        .subscribe(
            "s",
            "subscription { ticketChanged(id: 1) { kind id ticket { number } } }",
        )
        .await;
    let message = changed(&shop, &mut socket).await;
    let change = json!({ "kind": "UPDATED", "id": "Ticket:1", "ticket": { "number": 1 } });
    let expected =
        json!({ "id": "s", "type": "next", "payload": { "data": { "ticketChanged": change } } });
    assert_eq!(message, expected);

    socket.send(&json!({ "id": "s", "type": "complete" })).await;
    socket.subscribe("after", TICKET).await;
    // Events that were on their way, and then none.
    while socket.message().await["id"] == "s" {}
    assert_eq!(
        socket.message().await,
        json!({ "id": "after", "type": "complete" })
    );
    let update = "mutation { updateTicket(input: {id: 1}) { ticket { id } } }";
    for id in ["x", "y"] {
        socket.subscribe(id, update).await;
        assert_eq!(socket.message().await["id"], id);
        assert_eq!(
            socket.message().await,
            json!({ "id": id, "type": "complete" })
        );
    }
}

async fn a_message_that_is_too_long_is_not_read(shop: Shop) {
    let message = 10_000;
    let (url, _) = shop
        .with_limits(Limits {
            message,
            ..limits()
        })
        .await;
    let ping = |length: usize| json!({ "type": "ping", "payload": { "a": "x".repeat(length) } });
    let mut socket = Socket::ready(&url).await;
    socket.send(&ping(9_000)).await;
    assert_eq!(socket.message().await["type"], "pong");
    socket.send(&ping(10_000)).await;
    assert_eq!(socket.closed().await, (1009, "Message too big".to_owned()));
    // Also one in many frames, and one that says its length and does not come.
    for bytes in [
        [
            &[0x01, 0xfe, 0x20, 0x00, 0, 0, 0, 0][..],
            &[b' '; 0x2000],
            &[0x00, 0xfe, 0x20, 0x00, 0, 0, 0, 0],
            &[b' '; 0x2000],
        ]
        .concat(),
        vec![0x81, 0xff, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0],
    ] {
        let mut raw = Raw::ready(&url).await;
        raw.0.write_all(&bytes).await.expect("the server reads");
        assert_eq!(raw.closed().await, 1009);
    }
}

async fn a_message_that_is_begun_is_waited_for_no_longer_than_a_body(shop: Shop) {
    let url = shop
        .with_settings(Settings {
            body_timeout: Duration::from_millis(100),
            ..Settings::default()
        })
        .await;
    let ping = json!({ "type": "ping" }).to_string();
    let (first, last) = ping.split_at(5);
    let frame = |head: u8, text: &str| {
        let length = u8::try_from(text.len()).expect("a short message");
        [&[head, 0x80 | length, 0, 0, 0, 0], text.as_bytes()].concat()
    };
    // In parts, between which there may be signs of life.
    let mut raw = Raw::ready(&url).await;
    let parts = [frame(0x01, first), frame(0x8a, ""), frame(0x80, last)].concat();
    raw.0.write_all(&parts).await.expect("the server reads");
    raw.until(br#"{"type":"pong"}"#).await;
    for begun in [frame(0x01, first), frame(0x81, &ping)[..9].to_vec()] {
        let in_parts = begun[0] == 0x01;
        raw.0.write_all(&begun).await.expect("the server reads");
        let (mut read, mut write) = raw.0.into_split();
        let mut said = Vec::new();
        let ended = read.read_to_end(&mut said);
        let lives = async {
            while in_parts && write.write_all(&frame(0x8a, "")).await.is_ok() {
                yield_now().await;
            }
            std::future::pending::<()>().await;
        };
        let end = async {
            tokio::select! { _ = ended => {}, () = lives => {} }
        };
        within("the end", end).await;
        assert_eq!(code(&said), 1013);
        raw = Raw::ready(&url).await;
    }
}

async fn who_only_answers_pings_stays(shop: Shop) {
    let short = Duration::from_millis(30);
    let url = shop
        .with_settings(Settings {
            body_timeout: short,
            limits: Limits {
                heartbeat: short,
                ..limits()
            },
            ..Settings::default()
        })
        .await;
    let mut socket = Socket::ready(&url).await;
    for _ in 0..5 {
        let ping = within("a ping", socket.raw_frame()).await;
        assert!(matches!(ping, Message::Ping(_)), "{ping:?}");
    }
}

async fn frames_that_are_none_close_the_socket(shop: Shop) {
    for (bytes, code) in [
        (&[0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe][..], 1007), // no UTF-8
        (&[0x81, 0x02, b'{', b'}'], 1002),                 // unmasked
        (&[0x83, 0x80, 0, 0, 0, 0], 1002),                 // reserved opcode
        (&[0xc1, 0x80, 0, 0, 0, 0], 1002),                 // reserved bit
        (&[0x80, 0x80, 0, 0, 0, 0], 1002),                 // continues nothing
    ] {
        let mut raw = Raw::ready(&shop.url).await;
        raw.0.write_all(bytes).await.expect("the server reads");
        assert_eq!(raw.closed().await, code, "{bytes:x?}");
    }
}

/// A connection that takes bytes from the server and answers nothing.
struct Raw(TcpStream);

impl Raw {
    async fn ready(url: &str) -> Self {
        let mut stream = deaf(url).await;
        let request = "GET /graphql HTTP/1.1\r\nhost: shop\r\nconnection: upgrade\r\n\
            upgrade: websocket\r\nsec-websocket-version: 13\r\n\
            sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
            sec-websocket-protocol: graphql-transport-ws\r\n\r\n";
        stream
            .write_all(request.as_bytes())
            .await
            .expect("the server reads");
        let mut raw = Self(stream);
        raw.until(b"\r\n\r\n").await;
        raw.text(&json!({ "type": "connection_init" })).await;
        raw.until(br#""connection_ack"}"#).await;
        raw
    }

    async fn text(&mut self, message: &Value) {
        let text = message.to_string();
        let length = u8::try_from(text.len()).expect("a short message");
        let mut frame = vec![0x81, 0x80 | 0x7e, 0, length, 0, 0, 0, 0];
        frame.extend(text.bytes());
        self.0.write_all(&frame).await.expect("the server reads");
    }

    async fn until(&mut self, end: &[u8]) {
        let mut seen = Vec::new();
        while !seen.ends_with(end) {
            seen.push(within("an answer", self.0.read_u8()).await.expect("a byte"));
        }
    }

    /// The code of the close frame that the server's bytes end with.
    async fn closed(&mut self) -> u16 {
        let mut seen = Vec::new();
        let end = self.0.read_to_end(&mut seen);
        // Who hangs up on bytes that are not read resets the connection, after the close frame.
        let _ = within("the end", end).await;
        code(&seen)
    }
}

/// The code of the close frame that these bytes end with.
fn code(seen: &[u8]) -> u16 {
    let start = seen.iter().rposition(|byte| *byte == 0x88);
    let frame = &seen[start.expect("a close frame")..];
    assert_eq!(
        usize::from(frame[1]),
        frame.len() - 2,
        "nothing comes after it"
    );
    u16::from_be_bytes([frame[2], frame[3]])
}

async fn a_client_that_answers_no_ping_is_gone(shop: Shop) {
    let short = Duration::from_millis(50);
    let limits = Limits {
        heartbeat: short,
        patience: short,
        ..limits()
    };
    let (url, _) = shop.with_limits(limits).await;
    let mut raw = Raw::ready(&url).await;
    assert_eq!(raw.closed().await, 1013);
    // One that answers stays, as every client's library does by itself.
    let mut socket = Socket::ready(&url).await;
    for _ in 0..5 {
        let ping = within("a ping", socket.raw_frame()).await;
        assert!(matches!(ping, Message::Ping(_)), "{ping:?}");
    }
}

async fn a_client_that_does_not_read_is_cut_off(shop: Shop) {
    let limits = Limits {
        patience: Duration::from_secs(2),
        // It is not for a ping that it is.
        heartbeat: Duration::from_hours(1),
        ..limits()
    };
    let (url, connections) = shop.with_limits(limits).await;
    let long = "x".repeat(60_000);
    shop.execute(&format!(
        "UPDATE tickets SET description = '{long}' WHERE id = 1"
    ))
    .await;
    let mut raw = Raw::ready(&url).await;
    let mut subscribe = async |id: &str, query: &str| {
        let subscribe = json!({ "id": id, "type": "subscribe", "payload": { "query": query } });
        raw.text(&subscribe).await;
    };
    subscribe("s", CHANGES).await;
    until(async || shop.is_listening().await).await;
    // Six megabytes, more than the connection holds.
    for id in 0..99 {
        subscribe(&id.to_string(), "{ ticket(id: 1) { description } }").await;
    }
    // Everything is dropped; the reason waits a little for who reads after all.
    until(async || !shop.is_listening().await).await;
    assert_eq!(raw.closed().await, 1013);
    connections.stop();
    within("no socket is left", connections.stopped()).await;
}

async fn what_has_begun_is_finished_before_the_server_stops(shop: Shop) {
    let (url, connections) = shop.with_limits(limits()).await;
    let mut socket = Socket::ready(&url).await;
    let mut other = Socket::ready(&url).await;
    other.subscribe("s", CHANGES).await;
    // A write that has to wait for another program's.
    let begin = match shop.kind() {
        Kind::Sqlite => "BEGIN IMMEDIATE",
        Kind::Postgres => "BEGIN; LOCK TABLE tickets",
    };
    shop.execute(begin).await;
    let update =
        r#"mutation { updateTicket(input: {id: 1, title: "At last"}) { ticket { title } } }"#;
    socket.subscribe("m", update).await;
    socket.send(&json!({ "type": "ping" })).await;
    assert_eq!(socket.message().await["type"], "pong");
    connections.stop();
    assert_eq!(
        other.closed().await.0,
        1001,
        "a subscription has no end to wait for"
    );
    socket.subscribe("late", TICKET).await;
    shop.execute("COMMIT").await;
    let message = socket.message().await;
    let title = &message["payload"]["data"]["updateTicket"]["ticket"]["title"];
    assert_eq!(title, "At last", "{message:#}");
    assert_eq!(
        socket.message().await,
        json!({ "id": "m", "type": "complete" })
    );
    assert_eq!(
        socket.closed().await,
        (1001, "The server is stopping".to_owned())
    );
    drop((socket, other));
    within("the sockets are done", connections.stopped()).await;
}

/// Over HTTP, by somebody who may not read the answer.
fn request(accept: &str, body: &str) -> String {
    format!(
        "POST /graphql HTTP/1.1\r\nhost: localhost\r\naccept: {accept}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_ends_well_with_open_sockets_and_streams() {
    let serving = Serving::start(&[]);
    let mut socket = Socket::ready(&serving.url).await;
    socket.subscribe("s", CHANGES).await;
    socket.subscribe("q", TICKET).await;
    assert_eq!(socket.message().await["id"], "q");
    let mut stream = deaf(&serving.url).await;
    let body = json!({ "query": CHANGES }).to_string();
    let request = request("text/event-stream", &body);
    let sent = stream.write_all(request.as_bytes()).await;
    sent.expect("the server reads");
    let mut head = [0; 12];
    let read = stream.read_exact(&mut head);
    within("an answer", read).await.expect("an answer");
    assert_eq!(&head, b"HTTP/1.1 200");
    let ended = spawn_blocking(|| serving.terminate());
    assert_eq!(socket.closed().await.0, 1001);
    drop(socket);
    let mut rest = String::new();
    let end = within("its end", stream.read_to_string(&mut rest)).await;
    end.expect("all of the stream");
    assert!(rest.contains("UNAVAILABLE"), "{rest}");
    assert!(rest.contains("event: complete"), "{rest}");
    assert_eq!(within("the end", ended).await.expect("its status"), Some(0));
}

/// The server's memory with a socket and streams that nobody reads, while 100,000 changes come by.
#[tokio::test(flavor = "multi_thread")]
async fn who_never_reads_does_not_grow_the_server() {
    const ROUNDS: usize = 100;
    let database = TestDatabase::stocked(Kind::Postgres).await;
    let other_program = database.connect().await;
    let serving = Serving::start(&[("DATABASE_URL", &database.url)]);
    let mut reads = Socket::ready(&serving.url).await;
    reads
        .subscribe(
            "r",
            r#"subscription { ticketChanged(tech: "marker") { kind } }"#,
        )
        .await;
    let mut never_reads = Raw::ready(&serving.url).await;
    let payload = json!({ "query": CHANGES });
    never_reads
        .text(&json!({ "id": "n", "type": "subscribe", "payload": payload }))
        .await;

    let mut streams = Vec::new();
    for accept in ["text/event-stream", "multipart/mixed;subscriptionSpec=1.0"] {
        let mut stream = deaf(&serving.url).await;
        let request = request(accept, &payload.to_string());
        let sent = stream.write_all(request.as_bytes()).await;
        sent.expect("the server reads");
        streams.push(stream);
    }

    let marker = "INSERT INTO tickets (customer_id, title, tech) VALUES (1, 'm', 'marker')";
    let many = "INSERT INTO tickets (customer_id, title, description, tech)
        SELECT 1, 't', repeat('x', 1000), 'nobody' FROM generate_series(1, 1000)";
    let run = async |sql: &str| {
        let done = sea_orm::ConnectionTrait::execute_unprepared(&other_program, sql).await;
        done.expect("it is written");
    };
    // Both are known to listen when the one that reads has heard of a change.
    let begun = async {
        loop {
            run(marker).await;
        }
    };
    tokio::select! { _ = reads.message() => {}, () = begun => {} }
    run(&format!("{many}; {marker}")).await;
    let before = serving.resident();
    for _ in 0..ROUNDS {
        run(&format!("{many}; {marker}")).await;
        // It has several markers to read from when it was not yet known to listen.
        assert_eq!(reads.message().await["type"], "next");
    }
    let grown = serving.resident().saturating_sub(before);
    assert!(grown < 32 << 20, "{} MiB for 100 MB of events", grown >> 20);
    drop((reads, never_reads, streams, serving));
    other_program.close().await.expect("the connection closes");
    database.remove().await;
}
