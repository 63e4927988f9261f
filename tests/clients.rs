//! The clients that people use, each by every transport that it has: a query, a mutation, a
//! subscription, and a request that is refused. Their scripts are in `tests/node`.

use crate::harness::{Shop, node, on_both};

on_both!(
    graphql_ws,
    graphql_sse,
    apollo_client_over_a_socket,
    apollo_client_over_http,
    urql_over_a_socket,
    urql_over_http,
);

async fn with(shop: Shop, script: &str, transport: &str) {
    let printed = node(script, &[&shop.url, transport]).await;
    assert_eq!(printed.trim(), "query mutation subscription refusal");
    assert_eq!(
        shop.count("tickets WHERE title = 'Seen by a client'").await,
        1
    );
}

async fn graphql_ws(shop: Shop) {
    with(shop, "graphql-ws.mjs", "socket").await;
}

async fn graphql_sse(shop: Shop) {
    with(shop, "graphql-sse.mjs", "http").await;
}

async fn apollo_client_over_a_socket(shop: Shop) {
    with(shop, "apollo.mjs", "socket").await;
}

async fn apollo_client_over_http(shop: Shop) {
    with(shop, "apollo.mjs", "http").await;
}

async fn urql_over_a_socket(shop: Shop) {
    with(shop, "urql.mjs", "socket").await;
}

async fn urql_over_http(shop: Shop) {
    with(shop, "urql.mjs", "http").await;
}
