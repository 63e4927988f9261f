//! What the specification asks of variables, directives and fragments, where guessing would read
//! or change the wrong rows.

use serde_json::json;

use crate::harness::{Shop, numbers, on_both};

on_both!(
    a_variables_default_decides_what_is_skipped,
    a_variable_that_has_to_be_there_is_asked_for,
    a_value_that_is_not_of_its_type_is_told_with_its_place,
    an_item_alone_is_a_list_and_a_number_an_id,
    a_fragment_on_a_connection_is_looked_into,
    a_field_selected_twice_is_merged,
    lists_below_one_parent_do_not_mix,
);

async fn a_variables_default_decides_what_is_skipped(shop: Shop) {
    let query = "mutation($skip: Boolean = true) {
        deleteTicket(input: {id: 14}) @skip(if: $skip) { deletedTicketId }
        updateTicket(input: {id: 13, title: \"There\"}) @include(if: $skip) { ticket { title } }
    }";
    let answer = shop.graphql(query, json!({})).await;
    assert_eq!(
        answer.data(""),
        &json!({ "updateTicket": { "ticket": { "title": "There" } } })
    );
    assert_eq!(shop.count("tickets WHERE id = 14").await, 1);
    shop.graphql(query, json!({ "skip": false })).await;
    assert_eq!(shop.count("tickets WHERE id = 14").await, 0);
}

async fn a_variable_that_has_to_be_there_is_asked_for(shop: Shop) {
    let delete = "mutation($base: DateTime!) {
        deleteTicket(input: {id: 14, ifUpdatedAt: $base}) { deletedTicketId } }";
    let list = "query($where: TicketFilter!) { tickets(where: $where) { totalCount } }";
    shop.sql();
    for (query, variables) in [
        (delete, json!({})),
        (delete, json!({ "base": null })),
        (list, json!({})),
    ] {
        let answer = shop.graphql(query, variables.clone()).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{variables}");
        assert!(answer.body.get("data").is_none(), "{:#}", answer.body);
    }
    assert_eq!(shop.sql(), [] as [&str; 0]);
}

async fn a_value_that_is_not_of_its_type_is_told_with_its_place(shop: Shop) {
    let list = "query($where: TicketFilter, $order: [TicketOrder!], $first: Int = 3) {
        viewer { role } tickets(where: $where, orderBy: $order, first: $first) { totalCount } }";
    let create = "mutation($input: CreateCustomerInput!) {
        createCustomer(input: $input) { customer { id } } }";
    shop.sql();
    for (query, variables, place, found) in [
        (list, json!({ "first": "3" }), "$first", "`\"3\"`"),
        (list, json!({ "first": 3.5 }), "$first", "`3.5`"),
        (
            list,
            json!({ "first": 3_000_000_000_u32 }),
            "$first",
            "`3000000000`",
        ),
        (list, json!({ "where": [] }), "$where", "a list"),
        (list, json!({ "where": { "nope": 1 } }), "$where", "`nope`"),
        (
            list,
            json!({ "where": { "or": [{}, null] } }),
            "$where.or[1]",
            "null",
        ),
        (
            list,
            json!({ "where": { "not": { "createdAt": { "gt": "yesterday" } } } }),
            "$where.not.createdAt.gt",
            "`\"yesterday\"`",
        ),
        (
            list,
            json!({ "where": { "createdAt": { "gt": 5 } } }),
            "$where.createdAt.gt",
            "`5`",
        ),
        (
            list,
            json!({ "order": [{ "field": "NOPE" }] }),
            "$order[0].field",
            "`\"NOPE\"`",
        ),
        (list, json!({ "order": [{}] }), "$order[0].field", "nothing"),
        (
            create,
            json!({ "input": { "firstName": true } }),
            "$input.firstName",
            "`true`",
        ),
        (create, json!({ "input": 1 }), "$input", "`1`"),
    ] {
        let answer = shop.graphql(query, variables.clone()).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{variables}");
        assert!(answer.body.get("data").is_none(), "{:#}", answer.body);
        let message = answer.errors()[0]["message"].as_str().expect("a message");
        assert!(message.contains(&format!("`{place}` ")), "{message}");
        assert!(message.ends_with(&format!("found {found}.")), "{message}");
        assert!(answer.errors()[0]["locations"].is_array());
    }
    assert_eq!(shop.sql(), [] as [&str; 0]);
}

async fn an_item_alone_is_a_list_and_a_number_an_id(shop: Shop) {
    let query = "query($order: [TicketOrder!], $id: ID!, $unused: Int) {
        tickets(orderBy: $order, first: 1) { nodes { number } }
        ticket(id: $id) { number } customer(id: 1) @skip(if: true) { tickets(first: $unused) { totalCount } } }";
    let order = json!({ "field": "NUMBER", "direction": "DESC" });
    let variables = json!({ "order": order, "id": 2, "another": 1 });
    let answer = shop.graphql(query, variables).await;
    assert_eq!(numbers(answer.data("/tickets")), [14]);
    assert_eq!(answer.data("/ticket/number"), 2);
}

async fn a_fragment_on_a_connection_is_looked_into(shop: Shop) {
    let query = "{ tickets(first: 2) { ...List } customers(first: 1) { ... on CustomerConnection { totalCount } } }
        fragment List on TicketConnection { totalCount nodes { ...Row } edges { ...Edge } pageInfo { ...Page } }
        fragment Row on Ticket { number ... on Node { id } }
        fragment Edge on TicketEdge { cursor node { ...Row } }
        fragment Page on PageInfo { hasNextPage endCursor }";
    let data = shop.ask(query).await;
    assert_eq!(data["tickets"]["totalCount"], 14);
    assert_eq!(data["customers"]["totalCount"], 6);
    assert_eq!(
        data["tickets"]["nodes"][1],
        json!({ "number": 2, "id": "Ticket:2" })
    );
    assert_eq!(data["tickets"]["pageInfo"]["hasNextPage"], true);
    let cursor = &data["tickets"]["edges"][1]["cursor"];
    assert_eq!(cursor, &data["tickets"]["pageInfo"]["endCursor"]);
    let next = "query($after: String) { tickets(first: 1, after: $after) { nodes { number } } }";
    let next = shop.graphql(next, json!({ "after": cursor })).await;
    assert_eq!(numbers(next.data("/tickets")), [3]);
}

async fn a_field_selected_twice_is_merged(shop: Shop) {
    let query = "{ ticket(id: 1) { customer { number } tech: title customer { lastName }
        ... on Ticket { customer { tickets(first: 1) { totalCount } tickets(first: 1) { nodes { number } } } } } }";
    let data = shop.ask(query).await;
    let customer = &data["ticket"]["customer"];
    assert_eq!(customer["tickets"]["totalCount"], 4, "{data:#}");
    assert_eq!(numbers(&customer["tickets"]), [1]);
    assert!(customer["lastName"].is_string() && customer["number"].is_number());
}

/// A lone carriage return ends a line without moving a parser's position on.
async fn lists_below_one_parent_do_not_mix(shop: Shop) {
    let query = "{customers(first:1){nodes{number\ra: tickets(first:1){nodes{number}}\rb: tickets(last:2){nodes{number}}\r}}}";
    let data = shop.ask(query).await;
    let customer = &data["customers"]["nodes"][0];
    assert_eq!(numbers(&customer["a"]).len(), 1);
    assert_eq!(numbers(&customer["b"]).len(), 2);
}
