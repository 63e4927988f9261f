//! `deleteCustomer` and `deleteTicket`.

use serde_json::{Value, json};

use crate::harness::{Shop, on_all};

on_all!(
    a_customer_without_tickets_is_deleted,
    a_customer_with_tickets_is_kept,
    a_ticket_is_deleted,
    what_is_not_there_is_not_found,
    an_id_of_the_other_type_is_refused,
);

const CUSTOMER: &str = "mutation($id: ID!) { deleteCustomer(input: {id: $id}) {
    deletedCustomerId userErrors { code message field } } }";
const TICKET: &str = "mutation($id: ID!) { deleteTicket(input: {id: $id}) {
    deletedTicketId userErrors { code message field } } }";

async fn a_customer_without_tickets_is_deleted(shop: Shop) {
    let answer = shop.graphql(CUSTOMER, json!({ "id": 5 })).await;
    assert_eq!(answer.user_errors("/deleteCustomer"), [""; 0]);
    let deleted = answer.data("/deleteCustomer/deletedCustomerId");
    assert_eq!(deleted, "Customer:5");
    assert_eq!(shop.count("customers WHERE id = 5").await, 0);
    let again = shop.graphql(CUSTOMER, json!({ "id": 5 })).await;
    assert_eq!(again.user_errors("/deleteCustomer"), ["NOT_FOUND input.id"]);
}

async fn a_customer_with_tickets_is_kept(shop: Shop) {
    let answer = shop.graphql(CUSTOMER, json!({ "id": "Customer:1" })).await;
    let expected = ["HAS_TICKETS input.id"];
    assert_eq!(answer.user_errors("/deleteCustomer"), expected);
    let deleted = answer.data("/deleteCustomer/deletedCustomerId");
    assert_eq!(deleted, &Value::Null);
    assert_eq!(shop.count("customers").await, 6);
    assert_eq!(shop.count("tickets").await, 14);
}

async fn a_ticket_is_deleted(shop: Shop) {
    let answer = shop.graphql(TICKET, json!({ "id": "Ticket:13" })).await;
    assert_eq!(answer.user_errors("/deleteTicket"), [""; 0]);
    assert_eq!(answer.data("/deleteTicket/deletedTicketId"), "Ticket:13");
    // It was the customer's only one.
    let answer = shop.graphql(CUSTOMER, json!({ "id": 6 })).await;
    assert_eq!(answer.user_errors("/deleteCustomer"), [""; 0]);
}

async fn what_is_not_there_is_not_found(shop: Shop) {
    let answer = shop.graphql(CUSTOMER, json!({ "id": 999 })).await;
    assert_eq!(
        answer.user_errors("/deleteCustomer"),
        ["NOT_FOUND input.id"]
    );
    let answer = shop.graphql(TICKET, json!({ "id": "Ticket:999" })).await;
    assert_eq!(answer.user_errors("/deleteTicket"), ["NOT_FOUND input.id"]);
}

async fn an_id_of_the_other_type_is_refused(shop: Shop) {
    let code = shop.refusal(CUSTOMER, json!({ "id": "Ticket:5" })).await;
    assert_eq!(code, "BAD_USER_INPUT");
    let code = shop.refusal(TICKET, json!({ "id": "Customer:5" })).await;
    assert_eq!(code, "BAD_USER_INPUT");
}
