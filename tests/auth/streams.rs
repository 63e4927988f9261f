//! Tokens of sockets and of streams: where they are said, and what happens when they end.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::{client, code, guarded, post, sent};
use crate::harness::{Issuer, SECRET, Serving, Shop, Socket, node, now, on_both, token, within};

on_both!(
    a_socket_takes_its_token_by_connection_init,
    a_socket_takes_its_token_by_header,
    a_socket_is_refused_with_4403,
    a_socket_ends_with_its_token,
    streams_take_their_token_by_header_and_end_with_it,
);

const CHANGES: &str = "subscription { ticketChanged { id } }";
const PROTOCOL: (&str, &str) = ("sec-websocket-protocol", "graphql-transport-ws");

fn reader(claims: &Value) -> String {
    let mut all = json!({ "permissions": ["reader"] });
    for (name, value) in claims.as_object().into_iter().flatten() {
        all[name] = value.clone();
    }
    token(&all)
}

async fn subject(socket: &mut Socket) -> Value {
    socket.subscribe("v", "{ viewer { subject } }").await;
    let next = socket.message().await;
    assert_eq!(socket.message().await["type"], "complete");
    next["payload"]["data"]["viewer"]["subject"].clone()
}

async fn a_socket_takes_its_token_by_connection_init(shop: Shop) {
    let url = guarded(&shop).await;
    for name in ["Authorization", "authorization", "AUTHORIZATION"] {
        for scheme in ["Bearer", "bearer"] {
            let mut socket = Socket::new(&url).await;
            let line = format!("{scheme} {}", reader(&json!({ "sub": "by init" })));
            let payload = json!({ name: line, "other": { "things": [1] } });
            socket
                .send(&json!({ "type": "connection_init", "payload": payload }))
                .await;
            assert_eq!(socket.message().await["type"], "connection_ack");
            assert_eq!(subject(&mut socket).await, "by init");
        }
    }
    // Nothing is run before.
    let mut socket = Socket::new(&url).await;
    socket.subscribe("early", CHANGES).await;
    assert_eq!(socket.closed().await.0, 4401);
    let mut socket = Socket::new(&url).await;
    let token = reader(&json!({}));
    socket.init(Some(&token)).await;
    socket.init(Some(&token)).await;
    assert_eq!(socket.closed().await.0, 4429);
}

async fn a_socket_takes_its_token_by_header(shop: Shop) {
    let url = guarded(&shop).await;
    let line = format!("Bearer {}", reader(&json!({ "sub": "by header" })));
    let headers = [PROTOCOL, ("authorization", line.as_str())];
    let mut socket = Socket::with_headers(&url, &headers)
        .await
        .expect("a socket");
    socket.init(None).await;
    assert_eq!(socket.message().await["type"], "connection_ack");
    assert_eq!(subject(&mut socket).await, "by header");
    // What is said later counts.
    let mut socket = Socket::with_headers(&url, &headers)
        .await
        .expect("a socket");
    socket
        .init(Some(&reader(&json!({ "sub": "by init" }))))
        .await;
    assert_eq!(socket.message().await["type"], "connection_ack");
    assert_eq!(subject(&mut socket).await, "by init");
    let mut socket = Socket::with_headers(&url, &headers)
        .await
        .expect("a socket");
    socket.init(Some("gar.ba.ge")).await;
    assert_eq!(socket.closed().await.0, 4403);
    for line in ["Bearer gar.ba.ge", "Basic c2hvcDpzaG9w"] {
        let refused = Socket::with_headers(&url, &[PROTOCOL, ("authorization", line)]).await;
        assert_eq!(refused.err(), Some(401), "{line}");
    }
}

async fn a_socket_is_refused_with_4403(shop: Shop) {
    let url = guarded(&shop).await;
    let good = format!("Bearer {}", reader(&json!({})));
    let with = |payload: Value| json!({ "type": "connection_init", "payload": payload });
    for init in [
        json!({ "type": "connection_init" }),
        with(Value::Null),
        with(json!({})),
        with(json!({ "Authorization": null })),
        with(json!({ "Authorization": 1 })),
        with(json!({ "Authorization": [good] })),
        with(json!({ "Authorization": good, "authorization": good })),
        with(json!({ "Authorization": good.replace("Bearer ", "") })),
        with(json!({ "Authorization": "Bearer " })),
        with(json!({ "Authorization": format!("{good}x") })),
        with(json!({ "token": good })),
        with(
            json!({ "Authorization": format!("Bearer {}", reader(&json!({ "exp": now() - 60 }))) }),
        ),
    ] {
        let mut socket = Socket::new(&url).await;
        socket.send(&init).await;
        let closed = socket.closed().await;
        assert_eq!(closed, (4403, "Forbidden".to_owned()), "{init}");
    }
}

async fn a_socket_ends_with_its_token(shop: Shop) {
    let url = guarded(&shop).await;
    let mut socket = Socket::new(&url).await;
    socket
        .init(Some(&reader(&json!({ "exp": now() + 2 }))))
        .await;
    assert_eq!(socket.message().await["type"], "connection_ack");
    socket.subscribe("s", CHANGES).await;
    let (code, reason) = socket.closed().await;
    assert_eq!(code, 4401, "{reason}");
    assert!(reason.contains("expired"), "{reason}");
    // Also where the client never stops to talk.
    let mut socket = Socket::new(&url).await;
    socket
        .init(Some(&reader(&json!({ "exp": now() + 2 }))))
        .await;
    let mut talk = async || {
        loop {
            socket.subscribe("q", "{ __typename }").await;
            loop {
                match socket.frame().await {
                    Message::Close(close) => return close.expect("a code").code,
                    Message::Text(text) if text.contains("complete") => break,
                    _ => {}
                }
            }
        }
    };
    assert_eq!(u16::from(within("its end", talk()).await), 4401);
    // In the time that clocks may differ it is taken, for that time.
    let mut socket = Socket::new(&url).await;
    socket
        .init(Some(&reader(&json!({ "exp": now() - 28 }))))
        .await;
    assert_eq!(socket.message().await["type"], "connection_ack");
    assert_eq!(socket.closed().await.0, 4401);
}

async fn streams_take_their_token_by_header_and_end_with_it(shop: Shop) {
    let url = guarded(&shop).await;
    for accept in [
        "text/event-stream",
        "multipart/mixed;subscriptionSpec=1.0, application/json",
    ] {
        let token = reader(&json!({ "exp": now() + 2 }));
        let response = sent(post(&url, &token, CHANGES).header("accept", accept)).await;
        assert_eq!(response.status(), 200);
        let text = within("its end", response.text()).await.expect("text");
        assert!(text.contains("UNAUTHENTICATED"), "{text}");
        assert!(
            text.ends_with("event: complete\ndata:\n\n") || text.ends_with("--graphql--\r\n"),
            "{text}"
        );

        for request in [
            client().post(&url).json(&json!({ "query": CHANGES })),
            post(&url, "gar.ba.ge", CHANGES),
        ] {
            let response = sent(request.header("accept", accept)).await;
            assert_eq!(response.status(), 401);
            let body: Value = response.json().await.expect("JSON");
            assert_eq!(code(&body), "UNAUTHENTICATED");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_is_told_to_come_back_where_no_token_can_be_checked() {
    let issuer = Issuer::open(Vec::new()).await;
    issuer.publish(None);
    let serving = Serving::start(&[("AUTH_ISSUER", &issuer.url)]);
    let mut socket = Socket::new(&serving.url).await;
    socket.init(Some(&reader(&json!({})))).await;
    assert_eq!(socket.closed().await.0, 1013);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clients_that_people_use_send_their_tokens() {
    let serving = Serving::start(&[("AUTH_SECRET", SECRET)]);
    let token = token(&json!({ "permissions": ["technician"] }));
    let printed = node("auth.mjs", &[&serving.url, "all", &token]).await;
    assert_eq!(printed.trim(), "http socket events refused 4403");
}
