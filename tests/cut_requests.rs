//! Clients that go away in the middle of a request: no write is half done, none that was
//! acknowledged is lost, and no connection is left in a transaction.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rand::{Rng, SeedableRng, rngs::SmallRng};
use serde_json::json;
use tokio::{io::AsyncWriteExt, net::TcpStream, task::JoinSet};

use crate::harness::{Kind, Shop, on_both};

on_both!(no_cut_request_leaves_a_write_half_done_or_lost);

const REQUESTS: u32 = 500;
const CLIENTS: u32 = 8;

const CREATE_TICKET: &str = "mutation($i: String!) {
    createTicket(input: {customerId: 5, title: $i}) { ticket { id } userErrors { code } } }";
const CREATE_CUSTOMER: &str = r#"mutation($i: String!, $email: String!) {
    createCustomer(input: {
        firstName: "Cut", lastName: $i, email: $email, phone: "1", address1: "1", city: "X",
        state: "TX", zipCode: "1", tickets: [{title: $i}, {title: $i}, {title: $i}]
    }) { customer { id } userErrors { code } } }"#;
const UPDATE_TICKET: &str = "mutation($id: ID!, $i: String!) {
    updateTicket(input: {id: $id, title: $i, description: $i}) {
        ticket { id } userErrors { code } } }";

/// What the i-th request writes: one of three kinds, told apart by `cut-i`.
fn request(i: u32) -> String {
    let mark = format!("cut-{i}");
    let email = format!("{mark}@example.com");
    match i % 3 {
        0 => json!({ "query": CREATE_TICKET, "variables": { "i": mark } }),
        1 => json!({ "query": CREATE_CUSTOMER, "variables": { "i": mark, "email": email } }),
        _ => json!({ "query": UPDATE_TICKET, "variables": { "id": 1_000 + i, "i": mark } }),
    }
    .to_string()
}

/// Where the i-th request's write is found; it is there or not.
fn written(i: u32) -> String {
    match i % 3 {
        0 => format!("tickets WHERE customer_id = 5 AND title = 'cut-{i}'"),
        1 => format!("customers WHERE last_name = 'cut-{i}'"),
        _ => format!("tickets WHERE id = {} AND title = 'cut-{i}'", 1_000 + i),
    }
}

/// Sends a request and goes away `patience` later, or in the middle of sending it. Returns
/// whether the server had acknowledged the write by then.
async fn cut(address: &str, body: &str, patience: Duration, sent: usize) -> bool {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let request = format!(
        "POST /graphql HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
         accept: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let sent = &request.as_bytes()[..sent.min(request.len())];
    stream.write_all(sent).await.expect("the server reads");
    let start = Instant::now();
    let mut answer = Vec::new();
    loop {
        let mut buffer = [0; 4_096];
        match stream.try_read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(&buffer[..count]),
            Err(_) => tokio::task::yield_now().await,
        }
        if acknowledged(&answer) || start.elapsed() >= patience {
            break;
        }
    }
    acknowledged(&answer)
}

fn acknowledged(answer: &[u8]) -> bool {
    String::from_utf8_lossy(answer).contains(r#""userErrors":[]"#)
}

/// Cuts all the requests, several clients at a time; returns those that were acknowledged.
async fn cut_all(shop: &Shop, longest: Duration) -> Vec<u32> {
    let address: Arc<str> = shop
        .url
        .trim_start_matches("http://")
        .trim_end_matches("/graphql")
        .into();
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let address = Arc::clone(&address);
        clients.spawn(async move {
            let mut random = SmallRng::seed_from_u64(u64::from(client));
            let mut kept = Vec::new();
            for i in (client..REQUESTS).step_by(CLIENTS as usize) {
                let body = request(i);
                let sent = match random.random_range(0..10) {
                    0 => random.random_range(0..body.len()),
                    _ => usize::MAX,
                };
                let patience = longest.mul_f64(random.random_range(0.0..1.0));
                if cut(&address, &body, patience, sent).await {
                    kept.push(i);
                }
            }
            kept
        });
    }
    clients.join_all().await.concat()
}

/// Returns once no connection of the server is at work or in a transaction.
async fn quiet(shop: &Shop) {
    if shop.kind() == Kind::Sqlite {
        // The write lock is free.
        shop.execute("BEGIN IMMEDIATE; COMMIT").await;
        return;
    }
    let busy = "pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'";
    for _ in 0..20_000 {
        if shop.count(busy).await == 0 {
            return;
        }
    }
    let left = format!("SELECT concat(state, ': ', query) FROM {busy}");
    panic!("not idle: {:#?}", shop.rows::<String>(&left).await);
}

async fn no_cut_request_leaves_a_write_half_done_or_lost(shop: Shop) {
    for i in (0..REQUESTS).filter(|i| i % 3 == 2) {
        let id = 1_000 + i;
        shop.execute(&format!(
            "INSERT INTO tickets (id, customer_id, title, description)
             VALUES ({id}, 5, 'untouched', 'untouched')"
        ))
        .await;
    }
    // As long as the slower ones take when clients wait: about half of the cuts come too late.
    let start = Instant::now();
    let whole = json!({ "i": "whole", "email": "whole@example.com" });
    let answer = shop.graphql(CREATE_CUSTOMER, whole).await;
    assert_eq!(answer.data("/createCustomer/userErrors"), &json!([]));
    let longest = start.elapsed() * CLIENTS;

    let kept = cut_all(&shop, longest).await;
    assert!(!kept.is_empty(), "some were faster than the cut");
    assert!(kept.len() < REQUESTS as usize, "some were cut");
    quiet(&shop).await;

    for i in kept {
        assert_eq!(shop.count(&written(i)).await, 1, "lost: {}", request(i));
    }
    let half_done = [
        "customers c WHERE last_name LIKE 'cut-%'
            AND 3 <> (SELECT count(*) FROM tickets t WHERE t.customer_id = c.id)",
        "tickets WHERE id >= 1000 AND title <> description",
        "tickets t WHERE title LIKE 'cut-%' AND customer_id <> 5 AND NOT EXISTS
            (SELECT 1 FROM customers c WHERE c.id = t.customer_id AND c.last_name = t.title)",
    ];
    for half_done in half_done {
        assert_eq!(shop.count(half_done).await, 0, "half done: {half_done}");
    }

    // A connection that was left in a transaction would swallow a write that comes later.
    let later = |i: u32| {
        let mark = json!({ "i": format!("later-{i}") });
        shop.graphql(CREATE_TICKET, mark)
    };
    for i in (0..64).step_by(4) {
        let answers = tokio::join!(later(i), later(i + 1), later(i + 2), later(i + 3));
        for answer in [answers.0, answers.1, answers.2, answers.3] {
            assert_eq!(answer.data("/createTicket/userErrors"), &json!([]));
        }
    }
    let stored = shop.count("tickets WHERE title LIKE 'later-%'").await;
    assert_eq!(stored, 64, "lost, though acknowledged");
    quiet(&shop).await;
}
