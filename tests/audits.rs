//! GraphQL over HTTP as others see it: the audits of the `graphql-http` package, and Node's clients.

use crate::harness::{Directory, node};

#[tokio::test(flavor = "multi_thread")]
async fn every_audit_of_graphql_over_http_is_passed() {
    let serving = Directory::new().serve(&[], &[("PORT", "0")]);
    let printed = node("audits.mjs", &[&serving.url]).await;
    assert!(printed.ends_with("61 of 61\n"), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn compression_and_http_2_work_with_nodes_clients() {
    let serving = Directory::new().serve(&[], &[("PORT", "0")]);
    node("http.mjs", &[&serving.url]).await;
}
