//! What the log never says: whatever is logged, no password, no token and nothing of a customer's.

use reqwest::{RequestBuilder, header};
use serde_json::json;

use crate::harness::{Kind, Serving, Socket, TestDatabase, within};

const SECRETS: [&str; 9] = [
    "planted-password",
    "planted-token",
    "planted-variable",
    "planted-argument",
    "planted-url",
    "planted-socket",
    "planted-init",
    "planted-email",
    "planted-garbage",
];

async fn sent(request: RequestBuilder) {
    let request = request.header(header::AUTHORIZATION, "Bearer planted-token");
    let request = request.header("cookie", "session=planted-token");
    let response = within("an answer", request.send()).await;
    let body = response.expect("an answer").text().await;
    body.expect("a body");
}

/// Everything that a server is told in a day, in one way or another.
async fn busy(serving: &Serving) {
    let client = reqwest::Client::builder().no_proxy().build();
    let client = client.expect("a client");
    let url = &serving.url;
    let post = |body: serde_json::Value| client.post(url).json(&body);
    let find = "query($s: String) { tickets(search: $s) { nodes { title } } }";
    let variables = json!({ "s": "planted-variable" });
    sent(post(json!({ "query": find, "variables": variables }))).await;
    sent(post(
        json!({ "query": find, "variables": { "s": ["planted-variable"] } }),
    ))
    .await;
    for field in [
        "tickets(search: \"planted-argument\") { totalCount }",
        "ticket(id: \"planted-argument\") { id }",
        "planted(a: \"planted-argument\")",
    ] {
        sent(post(json!({ "query": format!("{{ {field} }}") }))).await;
        let url = reqwest::Url::parse_with_params(url, [("query", format!("{{ {field} }}"))]);
        sent(client.get(url.expect("a URL"))).await;
    }
    let variables = r#"{"s": "planted-url"}"#;
    let url_of = reqwest::Url::parse_with_params(url, [("query", find), ("variables", variables)]);
    sent(client.get(url_of.expect("a URL"))).await;
    let create = "mutation($e: String!) { createCustomer(input: { firstName: \"planted-argument\",
        lastName: \"x\", email: $e, phone: \"1\", address1: \"1\", city: \"X\", state: \"TX\",
        zipCode: \"1\" }) { customer { id } userErrors { code } } }";
    // The second is refused by the database.
    for _ in 0..2 {
        let variables = json!({ "e": "planted-email@shop.example" });
        sent(post(json!({ "query": create, "variables": variables }))).await;
    }
    for body in [
        "planted-garbage",
        "{\"query\": planted-garbage",
        "[\"planted-garbage\"]",
    ] {
        let request = client.post(url).body(body);
        sent(request.header(header::CONTENT_TYPE, "application/json")).await;
    }
    sent(client.get(format!("{url}/planted-url"))).await;
    let stream = client.post(url).header(header::ACCEPT, "text/event-stream");
    sent(stream.json(&json!({ "query": find, "variables": { "s": "planted-variable" } }))).await;

    let mut socket = Socket::new(url).await;
    let token = json!({ "Authorization": "Bearer planted-init" });
    socket
        .send(&json!({ "type": "connection_init", "payload": token }))
        .await;
    assert_eq!(socket.message().await["type"], "connection_ack");
    let payload = json!({ "query": find, "variables": { "s": "planted-socket" } });
    socket
        .send(&json!({ "id": "1", "type": "subscribe", "payload": payload }))
        .await;
    assert_eq!(socket.message().await["type"], "next");
    assert_eq!(socket.message().await["type"], "complete");
    socket.send(&json!({ "type": "planted-garbage" })).await;
    assert_eq!(socket.closed().await.0, 4400);
}

async fn nothing_is_told(kind: Kind, level: &str) {
    let database = TestDatabase::stocked(kind).await;
    let url = (database.url).replace(
        "postgres://postgres@",
        "postgres://postgres:planted-password@",
    );
    let environment = [
        ("DATABASE_URL", url.as_str()),
        ("RUST_LOG", level),
        ("LOG_SQL", "true"),
    ];
    let serving = Serving::start(&environment);
    busy(&serving).await;
    let mut said = serving.greeting.clone();
    said.extend(serving.stop());
    assert!(
        said.iter().any(|line| line.contains("SELECT")),
        "the log is on"
    );
    for line in &said {
        for secret in SECRETS {
            assert!(!line.contains(secret), "{secret}: {line}");
        }
    }
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_has_no_secret_sqlite() {
    nothing_is_told(Kind::Sqlite, "trace").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_has_no_secret_postgres() {
    nothing_is_told(Kind::Postgres, "trace").await;
    nothing_is_told(Kind::Postgres, "debug").await;
}
