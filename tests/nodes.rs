//! Global ids, and looking up one record by its id, number or email address.

use serde_json::{Value, json};

use crate::harness::{Shop, on_all};

on_all!(
    a_ticket_is_found_by_global_id_and_by_number,
    a_customer_is_found_by_global_id_and_by_number,
    a_customer_is_found_by_email_whatever_its_case,
    a_node_is_found_by_its_global_id,
    nodes_come_in_the_order_asked_for,
    an_id_of_the_other_type_is_refused_by_name,
    what_cannot_be_an_id_is_refused,
    an_id_that_is_not_there_is_null,
    more_than_a_hundred_nodes_are_refused,
    an_instant_is_printed_in_utc,
);

const TICKET: &str = "query($id: ID!) { ticket(id: $id) { id number title } }";
const CUSTOMER: &str = "query($id: ID!) { customer(id: $id) { id number email } }";
const NODES: &str = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }";

async fn a_ticket_is_found_by_global_id_and_by_number(shop: Shop) {
    for id in [json!("Ticket:5"), json!("5"), json!(5)] {
        let answer = shop.graphql(TICKET, json!({ "id": id })).await;
        let found = json!({ "id": "Ticket:5", "number": 5, "title": "50% slower" });
        assert_eq!(answer.data("/ticket"), &found);
    }
    let all = "{ ticket(id: 5) { id number title description completed tech createdAt updatedAt
        customer { id number firstName lastName email phone address1 address2 city state zipCode
        notes active createdAt updatedAt } } }";
    shop.snapshot("ticket", all, json!({})).await;
}

async fn a_customer_is_found_by_global_id_and_by_number(shop: Shop) {
    for id in [json!("Customer:4"), json!("4"), json!(4)] {
        let answer = shop.graphql(CUSTOMER, json!({ "id": id })).await;
        assert_eq!(answer.data("/customer/email"), "Linus.Hopper@Example.COM");
        assert_eq!(answer.data("/customer/id"), "Customer:4");
    }
    let query = "{ customer(id: 1) { lastName tickets { nodes { title } } } }";
    shop.snapshot("customer", query, json!({})).await;
}

async fn a_customer_is_found_by_email_whatever_its_case(shop: Shop) {
    let query = "query($email: String!) { customerByEmail(email: $email) { number } }";
    for (email, number) in [
        ("linus.hopper@example.com", json!(4)),
        ("GRACE@EXAMPLE.COM", json!(2)),
    ] {
        let answer = shop.graphql(query, json!({ "email": email })).await;
        assert_eq!(answer.data("/customerByEmail/number"), &number);
    }
    let nobody = json!({ "email": "gr_ce@example.com" });
    let answer = shop.graphql(query, nobody).await;
    assert_eq!(answer.data("/customerByEmail"), &Value::Null);
    let ada = json!({ "email": "Ada@Example.com" });
    shop.snapshot("customer_by_email", query, ada).await;
}

async fn a_node_is_found_by_its_global_id(shop: Shop) {
    let query = r#"{
        customer: node(id: "Customer:3") { __typename id ... on Customer { lastName } }
        ticket: node(id: "Ticket:3") { __typename id ... on Ticket { title } }
        nobody: node(id: "Customer:99") { id }
    }"#;
    let data = shop.ask(query).await;
    assert_eq!(data["customer"]["lastName"], "Zola");
    assert_eq!(data["ticket"]["title"], "Wi-Fi drops");
    assert_eq!(data["nobody"], Value::Null);
    shop.snapshot("node", query, json!({})).await;
    // A bare number names no type.
    let answer = shop.graphql(r#"{ node(id: "5") { id } }"#, json!({})).await;
    assert_eq!(answer.code(), "BAD_USER_INPUT");
}

async fn nodes_come_in_the_order_asked_for(shop: Shop) {
    let ids = json!({ "ids": ["Ticket:9", "Customer:2", "Ticket:99", "Ticket:1", "Ticket:9"] });
    let answer = shop.graphql(NODES, ids).await;
    let expected = json!([
        { "__typename": "Ticket", "id": "Ticket:9" },
        { "__typename": "Customer", "id": "Customer:2" },
        null,
        { "__typename": "Ticket", "id": "Ticket:1" },
        { "__typename": "Ticket", "id": "Ticket:9" },
    ]);
    assert_eq!(answer.data("/nodes"), &expected);

    let ids = json!({ "ids": ["Customer:1", "Ticket:1", "Customer:2", "Ticket:2"] });
    shop.sql();
    shop.graphql(NODES, ids.clone()).await;
    assert!(shop.sql().len() <= 2, "one statement per type");
    shop.snapshot("nodes", NODES, ids).await;

    let answer = shop.graphql(NODES, json!({ "ids": [] })).await;
    assert_eq!(answer.data("/nodes"), &json!([]));
}

async fn an_id_of_the_other_type_is_refused_by_name(shop: Shop) {
    let answer = shop.graphql(TICKET, json!({ "id": "Customer:5" })).await;
    assert_eq!(answer.code(), "BAD_USER_INPUT");
    let message = answer.errors()[0]["message"].as_str().expect("a message");
    assert!(message.contains("Ticket"), "what was expected: {message}");
    assert!(message.contains("Customer:5"), "what came: {message}");
    let code = shop.refusal(CUSTOMER, json!({ "id": "Ticket:5" })).await;
    assert_eq!(code, "BAD_USER_INPUT");
}

async fn what_cannot_be_an_id_is_refused(shop: Shop) {
    let bad = [
        "abc",
        "",
        "0",
        "-1",
        "5.0",
        "99999999999",
        "Ticket:",
        "Ticket:abc",
        "Ticket:0",
        "Ticket:99999999999",
        "Ticket:5:6",
        "Ticket:5\0",
    ];
    let code = shop.refusal(TICKET, json!({ "id": 1e30 })).await;
    assert_eq!(code, "BAD_USER_INPUT");
    for id in bad {
        let code = shop.refusal(TICKET, json!({ "id": id })).await;
        assert_eq!(code, "BAD_USER_INPUT", "{id}");
    }
    for id in ["abc", "Shop:1", "Ticket:", "Ticket:99999999999"] {
        let answer = shop.graphql(NODES, json!({ "ids": [id] })).await;
        let code = &answer.errors()[0]["extensions"]["code"];
        assert_eq!(code, "BAD_USER_INPUT", "{id}");
    }
    let code = shop.refusal(TICKET, json!({ "id": 99_999_999_999_i64 }));
    assert_eq!(code.await, "BAD_USER_INPUT");
}

async fn an_id_that_is_not_there_is_null(shop: Shop) {
    let answer = shop.graphql(TICKET, json!({ "id": "Ticket:999" })).await;
    assert_eq!(answer.data("/ticket"), &Value::Null);
    let answer = shop.graphql(CUSTOMER, json!({ "id": 2_147_483_647 })).await;
    assert_eq!(answer.data("/customer"), &Value::Null);
}

async fn more_than_a_hundred_nodes_are_refused(shop: Shop) {
    let ids = |count| -> Vec<_> { (1..=count).map(|n| format!("Ticket:{n}")).collect() };
    let answer = shop.graphql(NODES, json!({ "ids": ids(100) })).await;
    assert_eq!(answer.data("/nodes").as_array().expect("a list").len(), 100);
    let code = shop.refusal(NODES, json!({ "ids": ids(101) })).await;
    assert_eq!(code, "BAD_USER_INPUT");
}

async fn an_instant_is_printed_in_utc(shop: Shop) {
    let data = shop.ask("{ ticket(id: 3) { createdAt } }").await;
    let printed = data["ticket"]["createdAt"].as_str().expect("an instant");
    assert!(printed.ends_with('Z'), "{printed}");
    let instant = chrono::DateTime::parse_from_rfc3339(printed).expect("RFC 3339");
    assert_eq!(instant.timestamp_millis(), 1_706_868_000_250);
}
