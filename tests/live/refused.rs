//! Subscriptions that do not begin: one response, with an error that has no path.

use serde_json::json;

use crate::harness::{Shop, on_both};

use super::refusal;

on_both!(
    what_is_no_subscription_is_one_error_without_a_path,
    the_field_at_the_root_may_be_in_fragments,
);

async fn what_is_no_subscription_is_one_error_without_a_path(shop: Shop) {
    let refused = [
        (
            "subscription { ticketChanged(id: \"Customer:1\") { kind } }",
            "BAD_USER_INPUT",
        ),
        (
            "subscription { ticketChanged(id: 0) { kind } }",
            "BAD_USER_INPUT",
        ),
        (
            "subscription { ticketChanged(customerId: \"Ticket:1\") { kind } }",
            "BAD_USER_INPUT",
        ),
        (
            "subscription { customerChanged(id: \"many\") { kind } }",
            "BAD_USER_INPUT",
        ),
        (
            "subscription($id: ID!) { customerChanged(id: $id) { kind } }",
            "BAD_USER_INPUT",
        ),
        (
            "subscription { customerChanged { kin } }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            "subscription { customersChanged { kind } }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        ("subscription { __typename }", "GRAPHQL_VALIDATION_FAILED"),
        (
            "subscription { a: customerChanged { id } ticketChanged { id } }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            "subscription { ...A ...B } fragment A on Subscription { customerChanged { id } } \
          fragment B on Subscription { ticketChanged { id } }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        ("subscription { ...Nowhere }", "GRAPHQL_VALIDATION_FAILED"),
        (
            "subscription { ...A } fragment A on Subscription { ...A }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            "subscription { ... on Query { viewer { role } } }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        ("subscription {", "GRAPHQL_PARSE_FAILED"),
        ("{ viewer { role } }", "BAD_USER_INPUT"),
        (
            "mutation { deleteTicket(input: {id: 1}) { deletedTicketId } }",
            "BAD_USER_INPUT",
        ),
    ];
    for (query, code) in refused {
        let mut events = shop.subscribed(query).await;
        let error = events.ends_with().await;
        assert_eq!(refusal(&error), code, "{query}: {error:#}");
    }
    assert_eq!(shop.count("tickets").await, 14);
}

async fn the_field_at_the_root_may_be_in_fragments(shop: Shop) {
    let mut inside = shop
        .subscribe(
            "subscription Inside($with: Boolean! = true) { ...Root }
             fragment Root on Subscription { ... { ... on Subscription {
                 ticketChanged { ...Change } } } }
             fragment Change on TicketChange { id ticket @include(if: $with) { number } }",
        )
        .await;
    let mut twice = shop
        .subscribe(
            "subscription { ...Root ticketChanged(id: 1) { kind } }
             fragment Root on Subscription { ticketChanged(id: 1) { id } }",
        )
        .await;
    shop.ask("mutation { updateTicket(input: {id: 1, completed: true}) { userErrors { code } } }")
        .await;
    let expected = json!({ "id": "Ticket:1", "ticket": { "number": 1 } });
    assert_eq!(inside.next().await, expected);
    let expected = json!({ "id": "Ticket:1", "kind": "UPDATED" });
    assert_eq!(twice.next().await, expected);
}
