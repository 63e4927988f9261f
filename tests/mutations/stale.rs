//! `ifUpdatedAt`: nobody's change is written over unseen.

use serde_json::{Value, json};

use crate::harness::{Shop, on_all};

on_all!(
    a_change_based_on_the_current_record_goes_through,
    a_change_based_on_an_older_record_is_stale,
    instants_are_compared_to_the_millisecond,
    of_two_changes_based_on_one_record_the_first_wins,
    a_deletion_based_on_an_older_record_is_stale,
    a_record_that_is_gone_is_not_found_rather_than_stale,
);

const CUSTOMER: &str = "mutation($input: UpdateCustomerInput!) { updateCustomer(input: $input) {
    customer { city updatedAt } userErrors { code message field } } }";
const TICKET: &str = "mutation($input: UpdateTicketInput!) { updateTicket(input: $input) {
    ticket { title tech updatedAt } userErrors { code message field } } }";
const DELETE_CUSTOMER: &str = "mutation($input: DeleteCustomerInput!) {
    deleteCustomer(input: $input) { deletedCustomerId userErrors { code message field } } }";
const DELETE_TICKET: &str = "mutation($input: DeleteTicketInput!) {
    deleteTicket(input: $input) { deletedTicketId userErrors { code message field } } }";

const STALE: [&str; 1] = ["STALE input.ifUpdatedAt"];

/// As a client reads it.
async fn updated_at(shop: &Shop, record: &str) -> Value {
    let query = format!("{{ it: {record} {{ updatedAt }} }}");
    shop.ask(&query).await["it"]["updatedAt"].clone()
}

async fn a_change_based_on_the_current_record_goes_through(shop: Shop) {
    let seen = updated_at(&shop, "customer(id: 1)").await;
    let input = json!({ "id": 1, "ifUpdatedAt": seen, "city": "Paris" });
    let answer = shop.graphql(CUSTOMER, json!({ "input": input })).await;
    assert_eq!(answer.user_errors("/updateCustomer"), [""; 0]);
    assert_eq!(answer.data("/updateCustomer/customer/city"), "Paris");
    // What the server itself wrote, too; and another zone's way to write the same instant.
    let seen = answer.data("/updateCustomer/customer/updatedAt");
    let text = seen.as_str().expect("an instant").replace('Z', "+00:00");
    let input = json!({ "id": 1, "ifUpdatedAt": text, "city": "Lyon" });
    let answer = shop.graphql(CUSTOMER, json!({ "input": input })).await;
    assert_eq!(answer.user_errors("/updateCustomer"), [""; 0]);
    let input = json!({ "id": 1, "ifUpdatedAt": null, "city": "Nice" });
    let answer = shop.graphql(CUSTOMER, json!({ "input": input })).await;
    assert_eq!(answer.data("/updateCustomer/customer/city"), "Nice");
}

async fn a_change_based_on_an_older_record_is_stale(shop: Shop) {
    let old = "2024-01-01T00:00:00Z";
    let input = json!({ "id": 1, "ifUpdatedAt": old, "city": "Paris" });
    let answer = shop.graphql(CUSTOMER, json!({ "input": input })).await;
    assert_eq!(answer.user_errors("/updateCustomer"), STALE);
    assert_eq!(answer.data("/updateCustomer/customer/city"), "New York");
    let current = updated_at(&shop, "customer(id: 1)").await;
    assert_eq!(answer.data("/updateCustomer/customer/updatedAt"), &current);

    let input = json!({ "id": 1, "ifUpdatedAt": old, "tech": "Zoë" });
    let answer = shop.graphql(TICKET, json!({ "input": input })).await;
    assert_eq!(answer.user_errors("/updateTicket"), STALE);
    assert_eq!(answer.data("/updateTicket/ticket/tech"), "Bea");
    assert_eq!(shop.count("tickets WHERE id = 1 AND tech = 'Bea'").await, 1);
}

async fn instants_are_compared_to_the_millisecond(shop: Shop) {
    // JavaScript cuts PostgreSQL's microseconds off; it does not round.
    let set = "UPDATE customers SET updated_at = '2024-06-01 10:00:00.123999' WHERE id = 1";
    let input = |instant: &str| json!({ "input": { "id": 1, "ifUpdatedAt": instant } });
    for (instant, same) in [
        ("2024-06-01T10:00:00.123Z", true),
        ("2024-06-01T10:00:00.123999Z", true),
        ("2024-06-01T10:00:00.124Z", false),
        ("2024-06-01T10:00:00.122999Z", false),
    ] {
        shop.execute(set).await;
        let mut variables = input(instant);
        variables["input"]["city"] = json!("Paris");
        let answer = shop.graphql(CUSTOMER, variables).await;
        let stale = answer.user_errors("/updateCustomer") == STALE;
        assert_eq!(stale, !same, "{instant}");
    }
}

async fn of_two_changes_based_on_one_record_the_first_wins(shop: Shop) {
    let seen = updated_at(&shop, "ticket(id: 1)").await;
    let change = |title: &str| json!({ "input": { "id": 1, "ifUpdatedAt": seen, "title": title } });
    let (one, two) = tokio::join!(
        shop.graphql(TICKET, change("one")),
        shop.graphql(TICKET, change("two")),
    );
    let errors = [&one, &two].map(|answer| answer.user_errors("/updateTicket"));
    let winner = errors.iter().position(Vec::is_empty).expect("one goes in");
    assert_eq!(errors[1 - winner], STALE);
    let title = ["one", "two"][winner];
    for answer in [one, two] {
        assert_eq!(answer.data("/updateTicket/ticket/title"), title);
    }
}

async fn a_deletion_based_on_an_older_record_is_stale(shop: Shop) {
    let old = json!("2024-01-01T00:00:00Z");
    let input = json!({ "id": 5, "ifUpdatedAt": old });
    let answer = shop
        .graphql(DELETE_CUSTOMER, json!({ "input": input }))
        .await;
    assert_eq!(answer.user_errors("/deleteCustomer"), STALE);
    let deleted = answer.data("/deleteCustomer/deletedCustomerId");
    assert_eq!(deleted, &Value::Null);
    let input = json!({ "id": 1, "ifUpdatedAt": old });
    let answer = shop.graphql(DELETE_TICKET, json!({ "input": input })).await;
    assert_eq!(answer.user_errors("/deleteTicket"), STALE);
    assert_eq!(shop.count("tickets").await, 14);

    let seen = updated_at(&shop, "ticket(id: 1)").await;
    let input = json!({ "id": 1, "ifUpdatedAt": seen });
    let answer = shop.graphql(DELETE_TICKET, json!({ "input": input })).await;
    assert_eq!(answer.data("/deleteTicket/deletedTicketId"), "Ticket:1");
}

async fn a_record_that_is_gone_is_not_found_rather_than_stale(shop: Shop) {
    let gone = json!({ "input": { "id": 999, "ifUpdatedAt": "2024-01-01T00:00:00Z" } });
    let answer = shop.graphql(CUSTOMER, gone.clone()).await;
    assert_eq!(
        answer.user_errors("/updateCustomer"),
        ["NOT_FOUND input.id"]
    );
    let answer = shop.graphql(DELETE_TICKET, gone).await;
    assert_eq!(answer.user_errors("/deleteTicket"), ["NOT_FOUND input.id"]);
}
