//! What a list does not take, at the top and nested.

use serde_json::{Value, json};

use super::{CUSTOMERS, TICKETS, page};
use crate::harness::{Shop, on_both};

on_both!(
    sizes_out_of_range_are_refused,
    contradicting_arguments_are_refused,
    a_cursor_that_is_none_is_refused,
    a_cursor_belongs_to_its_list_and_order,
    a_nested_list_refuses_the_same,
    no_statement_is_run_for_what_is_refused,
);

async fn refused(shop: &Shop, query: &str, variables: Value) {
    let code = shop.refusal(query, variables.clone()).await;
    assert_eq!(code, "BAD_USER_INPUT", "{variables}");
}

async fn sizes_out_of_range_are_refused(shop: Shop) {
    for (argument, value) in [
        ("first", -1),
        ("first", 101),
        ("last", -1),
        ("last", 101),
        ("offset", -1),
    ] {
        refused(&shop, TICKETS, json!({ (argument): value })).await;
    }
    page(&shop, TICKETS, json!({ "first": 100 })).await;
    page(&shop, TICKETS, json!({ "last": 100 })).await;
}

async fn contradicting_arguments_are_refused(shop: Shop) {
    let first = page(&shop, TICKETS, json!({ "first": 3 })).await;
    let cursor = &first["pageInfo"]["endCursor"];
    refused(&shop, TICKETS, json!({ "first": 3, "last": 3 })).await;
    refused(&shop, TICKETS, json!({ "offset": 3, "after": cursor })).await;
    let variables = json!({ "last": 3, "offset": 3, "before": cursor });
    refused(&shop, TICKETS, variables).await;
}

async fn a_cursor_that_is_none_is_refused(shop: Shop) {
    let first = page(&shop, TICKETS, json!({ "first": 3 })).await;
    let cursor = first["pageInfo"]["endCursor"].as_str().expect("a cursor");
    let cut = &cursor[..cursor.len() - 2];
    for garbage in ["", "garbage", "e30=", "W10=", "AAAA", "é", "\0", cut] {
        for argument in ["after", "before"] {
            refused(&shop, TICKETS, json!({ (argument): garbage })).await;
        }
    }
}

async fn a_cursor_belongs_to_its_list_and_order(shop: Shop) {
    let by_title = json!([{ "field": "TITLE" }]);
    let first = page(&shop, TICKETS, json!({ "first": 3, "orderBy": by_title })).await;
    let cursor = &first["pageInfo"]["endCursor"];
    let others = [
        Value::Null,
        json!([{ "field": "TECH" }]),
        json!([{ "field": "TITLE", "direction": "DESC" }]),
        json!([{ "field": "TITLE" }, { "field": "TECH" }]),
    ];
    for order in others {
        refused(&shop, TICKETS, json!({ "after": cursor, "orderBy": order })).await;
    }
    // The order is the same, but not the type.
    let tickets = page(&shop, TICKETS, json!({ "first": 3 })).await;
    let variables = json!({ "after": tickets["pageInfo"]["endCursor"] });
    refused(&shop, CUSTOMERS, variables).await;
    let customers = page(&shop, CUSTOMERS, json!({ "first": 3 })).await;
    let variables = json!({ "after": customers["pageInfo"]["endCursor"] });
    refused(&shop, TICKETS, variables).await;
}

async fn a_nested_list_refuses_the_same(shop: Shop) {
    for arguments in [
        "first: 101",
        "last: -1",
        "first: 1, last: 1",
        "after: \"garbage\"",
    ] {
        let query =
            format!("{{ customer(id: 1) {{ tickets({arguments}) {{ nodes {{ id }} }} }} }}");
        refused(&shop, &query, json!({})).await;
    }
}

async fn no_statement_is_run_for_what_is_refused(shop: Shop) {
    shop.sql();
    refused(&shop, TICKETS, json!({ "first": 101 })).await;
    refused(&shop, TICKETS, json!({ "after": "garbage" })).await;
    assert_eq!(shop.sql(), [""; 0]);
}
