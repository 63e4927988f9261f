//! Live changes.

use async_graphql::{Request, futures_util::StreamExt};
use serde_json::Value;

use crate::harness::{Shop, on_both};

on_both!(smoke);

async fn smoke(shop: Shop) {
    let mut events = shop.app.subscribe(Request::new(
        "subscription { ticketChanged(tech: \"Ann\") { kind id ticket { title tech customer { firstName tickets(first: 1) { totalCount } } } } }",
    ));
    let mut frag = shop.app.subscribe(Request::new(
        "subscription { ...F } fragment F on Subscription { ... { ticketChanged { kind id } } ticketChanged { __typename } }",
    ));
    let mut bad = shop.app.subscribe(Request::new(
        "subscription { ticketChanged(id: \"x\") { kind } }",
    ));
    println!("{:?}", bad.next().await);
    println!("{:?}", bad.next().await);
    let mut two = shop.app.subscribe(Request::new(
        "subscription { a: ticketChanged { kind } customerChanged { kind } }",
    ));
    println!("{:?}", two.next().await);
    let handle = tokio::spawn(async move {
        for _ in 0..3 {
            let e = events.next().await.expect("event");
            println!("{}", serde_json::to_string(&e).expect("x"));
        }
    });
    let handle2 = tokio::spawn(async move {
        for _ in 0..2 {
            let e = frag.next().await.expect("event");
            println!("{}", serde_json::to_string(&e).expect("x"));
        }
    });
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let data: Value = shop
        .ask("mutation { createTicket(input: {customerId: 1, title: \"t\", tech: \"Ann\"}) { ticket { number } } }")
        .await;
    let number = &data["createTicket"]["ticket"]["number"];
    shop.ask(&format!("mutation {{ updateTicket(input: {{id: {number}, tech: \"Bob\"}}) {{ ticket {{ number }} }} }}")).await;
    shop.ask(&format!("mutation {{ updateTicket(input: {{id: {number}, tech: \"Ann\"}}) {{ ticket {{ number }} }} }}")).await;
    shop.ask(&format!(
        "mutation {{ deleteTicket(input: {{id: {number}}}) {{ deletedTicketId }} }}"
    ))
    .await;
    tokio::time::timeout(std::time::Duration::from_secs(5), handle)
        .await
        .expect("in time")
        .expect("fine");
}
