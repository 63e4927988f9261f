//! How a running server is watched, waited for and ended.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
};

use crate::harness::{
    Answer, Directory, Kind, Serving, Shop, Socket, TestDatabase, administer, until,
};

fn client() -> reqwest::Client {
    let client = reqwest::Client::builder().no_proxy().build();
    client.expect("a client")
}

/// What `/health/<what>` says.
async fn health(serving: &Serving, what: &str) -> (u16, Value) {
    health_at(&serving.url, what).await
}

async fn health_at(url: &str, what: &str) -> (u16, Value) {
    let url = url.replace("/graphql", &format!("/health/{what}"));
    let response = client().get(url).send().await.expect("an answer");
    let status = response.status().as_u16();
    (status, response.json().await.expect("JSON"))
}

async fn connect(serving: &Serving) -> TcpStream {
    let address = serving.url.trim_start_matches("http://");
    let address = address.trim_end_matches("/graphql");
    TcpStream::connect(address).await.expect("a connection")
}

/// What the server says until it closes the connection.
async fn rest(mut stream: TcpStream) -> String {
    let mut said = Vec::new();
    // A reset is an end, too.
    let _ = stream.read_to_end(&mut said).await;
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_that_was_accepted_is_lost_when_the_server_is_told_to_stop() {
    let database = TestDatabase::stocked(Kind::Sqlite).await;
    let serving = Serving::start(&[("DATABASE_URL", &database.url)]);
    let (answered, enough) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let callers: Vec<_> = (0..24)
        .map(|number| {
            let (url, answered, enough) = (serving.url.clone(), answered.clone(), enough.clone());
            tokio::spawn(async move {
                let keeps = usize::from(number % 2 == 0);
                let client = reqwest::Client::builder().no_proxy();
                let client = client.pool_max_idle_per_host(keeps).build();
                let client = client.expect("a client");
                let query =
                    json!({ "query": "{ customers { nodes { tickets { nodes { id } } } } }" });
                loop {
                    let response = match client.post(&url).json(&query).send().await {
                        Ok(response) => response,
                        // Refused before anything was sent: the end.
                        Err(error) => return assert!(error.is_connect(), "{error:?}"),
                    };
                    let body: Value = response.json().await.expect("a whole answer");
                    assert!(body["data"]["customers"].is_object(), "{body}");
                    if answered.fetch_add(1, Ordering::Relaxed) == 200 {
                        enough.notify_one();
                    }
                }
            })
        })
        .collect();
    enough.notified().await;
    let status = tokio::task::spawn_blocking(|| serving.terminate()).await;
    assert_eq!(status.expect("it ends"), Some(0));
    for caller in callers {
        caller.await.expect("no request is lost");
    }
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let serving = Directory::new().serve(&["--body-timeout", "1"], &[("PORT", "0")]);
    let mut stream = connect(&serving).await;
    let half = "POST /graphql HTTP/1.1\r\nhost: shop\r\ncontent-type: application/json\r\n\
                content-length: 100\r\n\r\n{\"query\"";
    stream
        .write_all(half.as_bytes())
        .await
        .expect("half is sent");
    let said = rest(stream).await;
    assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
    assert!(said.contains("BAD_USER_INPUT"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_says_nothing_is_not_waited_for() {
    let serving = Directory::new().serve(&[], &[("PORT", "0")]);
    let silent = connect(&serving).await;
    let mut slow = connect(&serving).await;
    slow.write_all(b"POST /gra").await.expect("a piece is sent");
    let (silent, slow) = tokio::join!(rest(silent), rest(slow));
    assert!(silent.is_empty() && !slow.contains("200"), "{silent}{slow}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_long_is_refused_before_it_is_sent() {
    let serving = Directory::new().serve(&[], &[("PORT", "0")]);
    let mut stream = connect(&serving).await;
    let head = "POST /graphql HTTP/1.1\r\nhost: shop\r\ncontent-type: application/json\r\n\
                content-length: 99999999\r\nexpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("it is sent");
    let said = rest(stream).await;
    assert!(said.starts_with("HTTP/1.1 413 "), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_says_what_was_last_seen_of_the_database() {
    let database = TestDatabase::stocked(Kind::Postgres).await;
    let serving = Serving::start(&[("DATABASE_URL", &database.url)]);
    let ok = json!({ "status": "ok", "missing": [] });
    let gone = json!({ "status": "unavailable", "missing": ["database"] });
    assert_eq!(health(&serving, "ready").await, (200, ok.clone()));
    let (_, name) = database.url.rsplit_once('/').expect("a name");
    administer(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await;
    administer(&format!(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'"
    ))
    .await;
    // A database that nobody misses is not asked: it may be asleep.
    assert_eq!(health(&serving, "ready").await, (200, ok.clone()));
    let query = json!({ "query": "{ ticket(id: 1) { title } }" });
    let answer = Answer::to(&client(), &serving.url, &query).await;
    assert_eq!(answer.code(), "UNAVAILABLE");
    assert_eq!(health(&serving, "ready").await, (503, gone));
    assert_eq!(health(&serving, "live").await, (200, ok.clone()));
    administer(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).await;
    assert_eq!(health(&serving, "ready").await, (200, ok));
    drop(serving);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_says_where_somebody_waits_for_changes_that_nobody_can_hear_of() {
    Shop::run(Kind::Postgres, changes_are_missed).await;
}

async fn changes_are_missed(shop: Shop) {
    let ready = async || health_at(&shop.url, "ready").await;
    let ok = (200, json!({ "status": "ok", "missing": [] }));
    let mut socket = Socket::ready(&shop.url).await;
    let changes = "subscription { ticketChanged { id } }";
    socket.subscribe("s", changes).await;
    until(async || shop.count("repairshop.listeners").await > 0).await;
    assert_eq!(ready().await, ok);
    shop.lock_out(true).await;
    let missed = (503, json!({ "status": "unavailable", "missing": ["live"] }));
    until(async || ready().await == missed).await;
    // It is there again, and so is what has changed.
    shop.lock_out(false).await;
    until(async || ready().await == ok).await;
    shop.execute("DELETE FROM tickets WHERE id = 1").await;
    let message = socket.message().await;
    let id = &message["payload"]["data"]["ticketChanged"]["id"];
    assert_eq!(id, "Ticket:1", "{message:#}");
    // Nobody misses what nobody waits for.
    shop.lock_out(true).await;
    until(async || ready().await == missed).await;
    drop(socket);
    until(async || ready().await == ok).await;
    // Nor does a subscription that cannot begin leave something behind.
    let mut socket = Socket::ready(&shop.url).await;
    socket.subscribe("s", changes).await;
    let message = socket.message().await;
    let code = &message["payload"][0]["extensions"]["code"];
    assert_eq!(code, "UNAVAILABLE", "{message:#}");
    drop(socket);
    until(async || ready().await.1["missing"] != json!(["live"])).await;
    shop.lock_out(false).await;
    until(async || ready().await == ok).await;
}
