//! Lists inside of lists take the same arguments, and page the same way.

use serde_json::{Value, json};

use super::page;
use crate::harness::{Shop, numbers, on_all};

on_all!(
    a_nested_list_has_its_own_size_filter_order_and_count,
    a_nested_list_is_walked_by_cursor,
    nested_lists_of_one_field_do_not_mix,
    an_empty_nested_list_is_a_list,
);

async fn a_nested_list_has_its_own_size_filter_order_and_count(shop: Shop) {
    let query = "{ customers(first: 5) { nodes { number
        tickets(first: 2, where: {completed: {eq: false}},
                orderBy: [{field: TITLE, direction: DESC}, {field: NUMBER}]) {
            totalCount nodes { number title } pageInfo { hasNextPage hasPreviousPage }
        } } } }";
    let data = shop.ask(query).await;
    let found: Vec<_> = data["customers"]["nodes"]
        .as_array()
        .expect("customers")
        .iter()
        .map(|customer| {
            let tickets = &customer["tickets"];
            let count = tickets["totalCount"].as_i64().expect("a count");
            (numbers(tickets), count, &tickets["pageInfo"]["hasNextPage"])
        })
        .collect();
    let (yes, no) = (&json!(true), &json!(false));
    let expected = [
        (vec![12, 1], 2, no),
        // `É` sorts after every letter of ASCII.
        (vec![4, 14], 3, yes),
        (vec![6, 7], 2, no),
        // Equal titles: the second field decides.
        (vec![9, 10], 2, no),
        (vec![], 0, no),
    ];
    assert_eq!(found, expected);
    shop.snapshot("nested_tickets", query, json!({})).await;
}

async fn a_nested_list_is_walked_by_cursor(shop: Shop) {
    let query = "query($first: Int, $after: String, $last: Int, $before: String, $offset: Int) {
        customer(id: 1) {
            tickets(first: $first, after: $after, last: $last, before: $before, offset: $offset,
                    orderBy: [{field: CREATED_AT, direction: DESC}, {field: NUMBER}]) {
                nodes { number } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
            } } }";
    let tickets = async |variables: Value| {
        let answer = shop.graphql(query, variables).await;
        answer.data("/customer/tickets").clone()
    };
    let first = tickets(json!({ "first": 2 })).await;
    assert_eq!(numbers(&first), [12, 11]);
    assert_eq!(first["pageInfo"]["hasNextPage"], true);
    let after = &first["pageInfo"]["endCursor"];
    let second = tickets(json!({ "first": 2, "after": after })).await;
    assert_eq!(numbers(&second), [1, 2]);
    assert_eq!(second["pageInfo"]["hasNextPage"], false);
    assert_eq!(second["pageInfo"]["hasPreviousPage"], true);

    let last = tickets(json!({ "last": 3 })).await;
    assert_eq!(numbers(&last), [11, 1, 2]);
    let before = &last["pageInfo"]["startCursor"];
    let rest = tickets(json!({ "last": 3, "before": before })).await;
    assert_eq!(numbers(&rest), [12]);
    let skipped = tickets(json!({ "first": 2, "offset": 1 })).await;
    assert_eq!(numbers(&skipped), [11, 1]);
    let variables = json!({ "first": 2, "after": after });
    shop.snapshot("nested_tickets_after", query, variables)
        .await;
}

async fn nested_lists_of_one_field_do_not_mix(shop: Shop) {
    let query = "{ customers(first: 2) { nodes {
        oldest: tickets(first: 1) { nodes { number } }
        newest: tickets(last: 1) { nodes { number } }
        done: tickets(where: {completed: {eq: true}}) { totalCount nodes { number } }
        open: tickets(where: {completed: {eq: false}}) { totalCount }
        noir: tickets(search: \"noir\") { nodes { number } }
    } } }";
    let data = shop.ask(query).await;
    let (ada, grace) = (
        &data["customers"]["nodes"][0],
        &data["customers"]["nodes"][1],
    );
    assert_eq!(numbers(&ada["oldest"]), [1]);
    assert_eq!(numbers(&ada["newest"]), [12]);
    assert_eq!(numbers(&ada["done"]), [2, 11]);
    assert_eq!(ada["done"]["totalCount"], 2);
    assert_eq!(ada["open"]["totalCount"], 2);
    assert_eq!(numbers(&ada["noir"]), [0_i64; 0]);
    assert_eq!(numbers(&grace["oldest"]), [3]);
    assert_eq!(numbers(&grace["newest"]), [14]);
    assert_eq!(numbers(&grace["done"]), [0_i64; 0]);
    assert_eq!(grace["done"]["totalCount"], 0);
    assert_eq!(grace["open"]["totalCount"], 3);
    assert_eq!(numbers(&grace["noir"]), [4]);
}

async fn an_empty_nested_list_is_a_list(shop: Shop) {
    let query = "{ list: customers(where: {number: {eq: 5}}) { nodes { number
        tickets { totalCount edges { cursor } nodes { number }
                  pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } } }";
    let customers = page(&shop, query, json!({})).await;
    let expected = json!({
        "totalCount": 0, "edges": [], "nodes": [],
        "pageInfo": {
            "hasNextPage": false, "hasPreviousPage": false, "startCursor": null, "endCursor": null
        },
    });
    assert_eq!(customers["nodes"][0]["tickets"], expected);
}
