//! graphql-transport-ws: each message and each close code of its protocol, and what a socket may
//! hold.

mod bounds;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use crate::harness::{Shop, Socket, on_both};

on_both!(
    a_query_and_a_mutation_have_one_result_each,
    operations_run_side_by_side,
    a_request_error_is_an_error_and_the_end,
    the_id_of_an_operation_that_has_ended_can_be_used_again,
    a_ping_is_answered_with_what_it_carries,
    what_is_no_message_closes_the_socket,
    the_order_of_the_handshake_is_kept,
    an_id_names_one_operation_at_a_time,
    a_client_that_closes_is_answered,
    another_subprotocol_is_not_accepted,
    a_handshake_that_is_none_is_refused_in_json,
);

const TICKET: &str = "{ ticket(id: 1) { number } }";

async fn a_query_and_a_mutation_have_one_result_each(shop: Shop) {
    let mut socket = Socket::ready(&shop.url).await;
    socket.subscribe("q", TICKET).await;
    let data = json!({ "ticket": { "number": 1 } });
    let next = json!({ "id": "q", "type": "next", "payload": { "data": data } });
    assert_eq!(socket.message().await, next);
    assert_eq!(
        socket.message().await,
        json!({ "id": "q", "type": "complete" })
    );

    let payload = json!({
        "operationName": "B",
        "query": "mutation A { deleteTicket(input: {id: 1}) { deletedTicketId } }
            mutation B($title: String!) {
                updateTicket(input: {id: 1, title: $title}) { ticket { title } } }",
        "variables": { "title": "Over a socket" },
        "extensions": null,
    });
    let subscribe = json!({ "id": "m", "type": "subscribe", "payload": payload });
    socket.send(&subscribe).await;
    let next = socket.message().await;
    let title = &next["payload"]["data"]["updateTicket"]["ticket"]["title"];
    assert_eq!(title, "Over a socket", "{next:#}");
    assert_eq!(
        socket.message().await,
        json!({ "id": "m", "type": "complete" })
    );
    assert_eq!(shop.count("tickets WHERE title = 'Over a socket'").await, 1);
}

async fn operations_run_side_by_side(shop: Shop) {
    let mut socket = Socket::ready(&shop.url).await;
    let ids: Vec<String> = (0..20).map(|id| format!("operation {id}")).collect();
    for id in &ids {
        socket.subscribe(id, TICKET).await;
    }
    let mut heard = Vec::new();
    while heard.len() < 2 * ids.len() {
        let message = socket.message().await;
        heard.push(format!("{} {}", message["id"], message["type"]));
    }
    for id in &ids {
        let of_it: Vec<_> = heard
            .iter()
            .filter(|it| it.starts_with(&format!("{id:?} ")))
            .collect();
        let expected = [format!("{id:?} \"next\""), format!("{id:?} \"complete\"")];
        assert_eq!(of_it, expected.iter().collect::<Vec<_>>());
    }
}

async fn a_request_error_is_an_error_and_the_end(shop: Shop) {
    let mut socket = Socket::ready(&shop.url).await;
    for (query, code) in [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        (
            "query($id: ID!) { ticket(id: $id) { id } }",
            "BAD_USER_INPUT",
        ),
    ] {
        socket.subscribe("x", query).await;
        let message = socket.message().await;
        assert_eq!(
            (&message["id"], &message["type"]),
            (&json!("x"), &json!("error"))
        );
        let errors = message["payload"].as_array().expect("an array of errors");
        assert!(errors[0]["message"].is_string(), "{message:#}");
        assert_eq!(errors[0]["extensions"]["code"], code, "{message:#}");
    }
    // An error of a field is a result.
    socket
        .subscribe(
            "y",
            r#"{ ticket(id: "Customer:1") { id } viewer { role } }"#,
        )
        .await;
    let message = socket.message().await;
    assert_eq!(message["type"], "next", "{message:#}");
    assert_eq!(message["payload"]["errors"][0]["path"], json!(["ticket"]));
    assert!(message["payload"]["data"]["viewer"]["role"].is_string());
    assert_eq!(socket.message().await["type"], "complete");
}

async fn the_id_of_an_operation_that_has_ended_can_be_used_again(shop: Shop) {
    let mut socket = Socket::ready(&shop.url).await;
    for _ in 0..3 {
        socket.subscribe("again", TICKET).await;
        assert_eq!(socket.message().await["type"], "next");
        assert_eq!(socket.message().await["type"], "complete");
        // What crosses the end on its way is ignored, as is what nobody knows.
        for id in ["again", "never heard of"] {
            socket.send(&json!({ "id": id, "type": "complete" })).await;
        }
    }
}

async fn a_ping_is_answered_with_what_it_carries(shop: Shop) {
    // Also before the connection is acknowledged.
    let mut socket = Socket::new(&shop.url).await;
    for payload in [json!({ "sent": [1, "ü", null] }), json!({})] {
        socket
            .send(&json!({ "type": "ping", "payload": payload }))
            .await;
        assert_eq!(
            socket.message().await,
            json!({ "type": "pong", "payload": payload })
        );
    }
    for ping in [
        json!({ "type": "ping" }),
        json!({ "type": "ping", "payload": null }),
    ] {
        socket.send(&ping).await;
        assert_eq!(socket.message().await, json!({ "type": "pong" }));
    }
    // Unasked ones are heard, and that is all.
    socket
        .send(&json!({ "type": "pong", "payload": { "a": 1 } }))
        .await;
    socket.send_frame(Message::Ping(Vec::new().into())).await;
    socket
        .send(&json!({ "type": "connection_init", "payload": { "any": "thing" } }))
        .await;
    assert_eq!(socket.message().await, json!({ "type": "connection_ack" }));
}

async fn what_is_no_message_closes_the_socket(shop: Shop) {
    let subscribe = |payload: Value| json!({ "id": "1", "type": "subscribe", "payload": payload });
    let with_id =
        |id: Value| json!({ "id": id, "type": "subscribe", "payload": { "query": "{a}" } });
    let mut wrong: Vec<String> = ["", "no JSON", "[]", "null", "1", "{}", r#"{"type":"#]
        .map(str::to_owned)
        .to_vec();
    wrong.extend(
        [
            json!({ "type": null }),
            json!({ "type": 1 }),
            json!({ "type": "start" }),
            json!({ "type": "next", "id": "1", "payload": { "data": null } }),
            json!({ "type": "connection_ack" }),
            json!({ "type": "ping", "payload": "text" }),
            json!({ "type": "pong", "payload": [] }),
            json!({ "type": "connection_init", "payload": 1 }),
            json!({ "type": "ping", "payload": { "long": "x".repeat(16 * 1024) } }),
            json!({ "type": "complete" }),
            json!({ "type": "complete", "id": 1 }),
            json!({ "type": "subscribe", "payload": { "query": TICKET } }),
            with_id(json!("")),
            with_id(json!(7)),
            with_id(json!("x".repeat(257))),
            json!({ "id": "1", "type": "subscribe" }),
            subscribe(json!(null)),
            subscribe(json!(TICKET)),
            subscribe(json!([TICKET])),
            subscribe(json!({})),
            subscribe(json!({ "query": null })),
            subscribe(json!({ "query": 1 })),
            subscribe(json!({ "query": TICKET, "variables": [] })),
            subscribe(json!({ "query": TICKET, "variables": "{}" })),
            subscribe(json!({ "query": TICKET, "operationName": 1 })),
            subscribe(json!({ "query": TICKET, "extensions": [] })),
        ]
        .iter()
        .map(Value::to_string),
    );
    for text in wrong {
        let mut socket = Socket::ready(&shop.url).await;
        socket.send_frame(Message::text(text.clone())).await;
        let (code, reason) = socket.closed().await;
        assert_eq!(code, 4400, "{text}");
        assert!(reason.starts_with("Expected"), "{text}: {reason}");
    }
    let mut socket = Socket::ready(&shop.url).await;
    let ping = json!({ "type": "ping" }).to_string();
    socket.send_frame(Message::binary(ping.into_bytes())).await;
    assert_eq!(socket.closed().await.0, 4400);
}

async fn the_order_of_the_handshake_is_kept(shop: Shop) {
    let mut socket = Socket::new(&shop.url).await;
    socket.subscribe("early", TICKET).await;
    assert_eq!(socket.closed().await, (4401, "Unauthorized".to_owned()));

    let mut socket = Socket::ready(&shop.url).await;
    socket.send(&json!({ "type": "connection_init" })).await;
    let twice = (4429, "Too many initialisation requests".to_owned());
    assert_eq!(socket.closed().await, twice);
}

async fn an_id_names_one_operation_at_a_time(shop: Shop) {
    for id in ["twice", &"é".repeat(128)] {
        let mut socket = Socket::ready(&shop.url).await;
        socket
            .subscribe(id, "subscription { ticketChanged { id } }")
            .await;
        socket.subscribe(id, TICKET).await;
        let (code, reason) = socket.closed().await;
        assert_eq!(code, 4409);
        let named = reason
            .strip_prefix("Subscriber for ")
            .and_then(|it| it.strip_suffix(" already exists"));
        let named = named.expect("the protocol's words");
        assert!(
            named == id || id.starts_with(named.trim_end_matches('…')),
            "{named}"
        );
    }
}

async fn a_client_that_closes_is_answered(shop: Shop) {
    let mut socket = Socket::ready(&shop.url).await;
    socket
        .subscribe("s", "subscription { ticketChanged { id } }")
        .await;
    let (code, reason) = (CloseCode::Normal, "Normal Closure".into());
    let close = Message::Close(Some(CloseFrame { code, reason }));
    socket.send_frame(close).await;
    assert_eq!(socket.closed().await.0, 1000);
}

async fn another_subprotocol_is_not_accepted(shop: Shop) {
    let mut socket = Socket::open(&shop.url, None).await;
    let refused = (4406, "Subprotocol not acceptable".to_owned());
    assert_eq!(socket.closed().await, refused);
    // One of several is enough.
    let mut socket = Socket::open(&shop.url, Some("graphql-ws, graphql-transport-ws")).await;
    socket.send(&json!({ "type": "connection_init" })).await;
    assert_eq!(socket.message().await["type"], "connection_ack");
}

async fn a_handshake_that_is_none_is_refused_in_json(shop: Shop) {
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    for (version, key, status) in [("8", Some("x"), 426), ("13", None, 400)] {
        let mut request = client
            .get(&shop.url)
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", version);
        if let Some(key) = key {
            request = request.header("sec-websocket-key", key);
        }
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), status);
        let wanted = response.headers().get("sec-websocket-version").cloned();
        assert_eq!(wanted.is_some_and(|it| it == "13"), status == 426);
        let body: Value = response.json().await.expect("JSON");
        assert_eq!(body["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
    }
}
