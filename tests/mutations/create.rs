//! `createCustomer`, alone and with the tickets of a first visit, and `createTicket`.

use serde_json::{Value, json};

use crate::harness::{Answer, Shop, numbers, on_all};

on_all!(
    a_customer_is_created,
    a_customer_is_created_with_tickets,
    texts_are_trimmed_and_cased,
    the_shops_own_forms_of_phone_and_zip_are_taken,
    all_that_is_wrong_is_said_at_once,
    nothing_is_stored_where_one_ticket_is_wrong,
    an_email_address_is_taken_whatever_its_case,
    texts_longer_than_their_column_are_refused,
    a_nul_byte_is_invalid,
    a_ticket_is_created,
    a_ticket_needs_a_title_and_a_technician,
    a_ticket_needs_a_customer_that_is_there,
    a_customer_id_that_is_none_is_refused,
);

const CUSTOMER: &str = "mutation($input: CreateCustomerInput!) { createCustomer(input: $input) {
    customer {
        id number firstName lastName email phone address1 address2 city state zipCode notes active
        createdAt updatedAt tickets { nodes { number title description completed tech } }
    }
    userErrors { code message field }
} }";

const TICKET: &str = "mutation($input: CreateTicketInput!) { createTicket(input: $input) {
    ticket { id number title description completed tech createdAt updatedAt customer { lastName } }
    userErrors { code message field }
} }";

/// A customer as a form sends it, with `changes` over it.
fn form(changes: &Value) -> Value {
    let mut form = json!({
        "firstName": "Katherine", "lastName": "Johnson", "email": "katherine@example.com",
        "phone": "555-0104", "address1": "1 Orbit Road", "city": "Hampton", "state": "VA",
        "zipCode": "23666",
    });
    for (field, value) in changes.as_object().cloned().unwrap_or_default() {
        form[field] = value;
    }
    form
}

async fn create(shop: &Shop, changes: Value) -> Answer {
    shop.graphql(CUSTOMER, json!({ "input": form(&changes) }))
        .await
}

/// The customer is refused for these reasons, and nothing is stored.
async fn refused(shop: &Shop, changes: Value, expected: &[&str]) {
    let before = (shop.count("customers").await, shop.count("tickets").await);
    let answer = create(shop, changes.clone()).await;
    assert_eq!(answer.user_errors("/createCustomer"), expected, "{changes}");
    assert_eq!(answer.data("/createCustomer/customer"), &Value::Null);
    let after = (shop.count("customers").await, shop.count("tickets").await);
    assert_eq!(before, after, "{changes}");
}

async fn a_customer_is_created(shop: Shop) {
    let answer = create(&shop, json!({})).await;
    assert_eq!(answer.user_errors("/createCustomer"), [""; 0]);
    let customer = answer.data("/createCustomer/customer");
    let number = customer["number"].as_i64().expect("a number");
    assert!(number > 6, "a new one: {number}");
    assert_eq!(customer["id"], format!("Customer:{number}"));
    assert_eq!(customer["active"], true);
    assert_eq!(customer["notes"], Value::Null);
    assert_eq!(customer["tickets"]["nodes"], json!([]));
    assert_eq!(customer["createdAt"], customer["updatedAt"]);
    let stored = shop
        .rows::<(String, String, bool)>(&format!(
            "SELECT email, zip_code, active FROM customers WHERE id = {number}"
        ))
        .await;
    let expected = ("katherine@example.com".into(), "23666".into(), true);
    assert_eq!(stored, [expected]);
    let created = customer["createdAt"].as_str().expect("an instant");
    let created = chrono::DateTime::parse_from_rfc3339(created).expect("RFC 3339");
    let age = chrono::Utc::now() - created.to_utc();
    assert!(age.abs() < chrono::Duration::minutes(5), "just now: {age}");
}

async fn a_customer_is_created_with_tickets(shop: Shop) {
    let tickets = json!([
        { "title": "No picture", "description": "Since Monday", "tech": "Bea" },
        { "title": "No sound", "completed": true },
    ]);
    let answer = create(&shop, json!({ "tickets": tickets, "active": false })).await;
    assert_eq!(answer.user_errors("/createCustomer"), [""; 0]);
    let customer = answer.data("/createCustomer/customer");
    assert_eq!(customer["active"], false);
    let nodes = &customer["tickets"]["nodes"];
    let numbers = numbers(&customer["tickets"]);
    let expected = json!([
        { "number": numbers[0], "title": "No picture", "description": "Since Monday",
          "completed": false, "tech": "Bea" },
        { "number": numbers[1], "title": "No sound", "description": null,
          "completed": true, "tech": "unassigned" },
    ]);
    assert_eq!(nodes, &expected, "in the order given");
    let id = &customer["number"];
    let stored = format!("tickets WHERE customer_id = {id}");
    assert_eq!(shop.count(&stored).await, 2);
}

async fn texts_are_trimmed_and_cased(shop: Shop) {
    let changes = json!({
        "firstName": "  Katherine\t", "email": " Katherine@Example.COM ", "state": " va ",
        "notes": "\n two words ", "tickets": [{ "title": " No sound ", "tech": " Bea " }],
    });
    let answer = create(&shop, changes).await;
    assert_eq!(answer.user_errors("/createCustomer"), [""; 0]);
    let customer = answer.data("/createCustomer/customer");
    assert_eq!(customer["firstName"], "Katherine");
    assert_eq!(customer["email"], "katherine@example.com");
    assert_eq!(customer["state"], "VA");
    assert_eq!(customer["notes"], "two words");
    assert_eq!(customer["tickets"]["nodes"][0]["title"], "No sound");
    assert_eq!(customer["tickets"]["nodes"][0]["tech"], "Bea");
}

async fn the_shops_own_forms_of_phone_and_zip_are_taken(shop: Shop) {
    let changes = json!({ "phone": "555-1234", "zipCode": "K1A 0B1", "state": "qc" });
    let answer = create(&shop, changes).await;
    assert_eq!(answer.user_errors("/createCustomer"), [""; 0]);
    let customer = answer.data("/createCustomer/customer");
    assert_eq!(customer["phone"], "555-1234");
    assert_eq!(customer["zipCode"], "K1A 0B1");
    // Ten characters, not ten bytes.
    let changes = json!({ "email": "zip@example.com", "zipCode": "1234567890" });
    let answer = create(&shop, changes).await;
    assert_eq!(answer.user_errors("/createCustomer"), [""; 0]);
}

async fn all_that_is_wrong_is_said_at_once(shop: Shop) {
    let changes = json!({
        "firstName": "", "lastName": " \t", "email": "nope", "state": "VAX",
        "tickets": [{ "title": "fine" }, { "title": "  ", "tech": "" }],
    });
    let expected = [
        "BLANK input.firstName",
        "BLANK input.lastName",
        "BLANK input.tickets.1.tech",
        "BLANK input.tickets.1.title",
        "INVALID input.email",
        "TOO_LONG input.state",
    ];
    refused(&shop, changes, &expected).await;
    for field in ["phone", "address1", "city", "state", "zipCode", "email"] {
        let path = format!("BLANK input.{field}");
        refused(&shop, json!({ (field): " " }), &[&path]).await;
    }
}

async fn nothing_is_stored_where_one_ticket_is_wrong(shop: Shop) {
    let tickets = json!([{ "title": "fine" }, { "title": "" }]);
    let expected = ["BLANK input.tickets.1.title"];
    refused(&shop, json!({ "tickets": tickets }), &expected).await;
    // What only the database knows comes in the middle of the transaction.
    let changes = json!({ "email": "ada@example.com", "tickets": [{ "title": "fine" }] });
    refused(&shop, changes, &["TAKEN input.email"]).await;
}

async fn an_email_address_is_taken_whatever_its_case(shop: Shop) {
    for email in [
        "ada@example.com",
        " ADA@Example.COM ",
        "linus.hopper@example.com",
    ] {
        refused(&shop, json!({ "email": email }), &["TAKEN input.email"]).await;
    }
    for email in ["nope", "a@", "@b.com", "two words@example.com", "a@b@c"] {
        refused(&shop, json!({ "email": email }), &["INVALID input.email"]).await;
    }
}

async fn texts_longer_than_their_column_are_refused(shop: Shop) {
    refused(&shop, json!({ "state": "TEX" }), &["TOO_LONG input.state"]).await;
    let zip = json!({ "zipCode": "12345678901" });
    refused(&shop, zip, &["TOO_LONG input.zipCode"]).await;
    // These columns have no length of their own.
    let long = "x".repeat(5_000);
    let changes = json!({ "notes": long, "address1": long, "tickets": [{ "title": long }] });
    let answer = create(&shop, changes).await;
    assert_eq!(answer.user_errors("/createCustomer"), [""; 0]);
}

async fn a_nul_byte_is_invalid(shop: Shop) {
    let changes = json!({
        "lastName": "John\0son", "notes": "\0", "tickets": [{ "title": "a", "description": "b\0" }],
    });
    let expected = [
        "INVALID input.lastName",
        "INVALID input.notes",
        "INVALID input.tickets.0.description",
    ];
    refused(&shop, changes, &expected).await;
}

async fn a_ticket_is_created(shop: Shop) {
    for id in [json!("Customer:5"), json!("5"), json!(5)] {
        let input = json!({ "customerId": id, "title": " No picture " });
        let answer = shop.graphql(TICKET, json!({ "input": input })).await;
        assert_eq!(answer.user_errors("/createTicket"), [""; 0]);
        let ticket = answer.data("/createTicket/ticket");
        assert_eq!(ticket["title"], "No picture");
        assert_eq!(ticket["description"], Value::Null);
        assert_eq!(ticket["completed"], false);
        assert_eq!(ticket["tech"], "unassigned");
        assert_eq!(ticket["customer"]["lastName"], "Hamilton");
    }
    assert_eq!(shop.count("tickets WHERE customer_id = 5").await, 3);
}

async fn a_ticket_needs_a_title_and_a_technician(shop: Shop) {
    let input = json!({ "customerId": 5, "title": "", "tech": " ", "description": "\0" });
    let answer = shop.graphql(TICKET, json!({ "input": input })).await;
    let expected = [
        "BLANK input.tech",
        "BLANK input.title",
        "INVALID input.description",
    ];
    assert_eq!(answer.user_errors("/createTicket"), expected);
    assert_eq!(answer.data("/createTicket/ticket"), &Value::Null);
    assert_eq!(shop.count("tickets").await, 14);
}

async fn a_ticket_needs_a_customer_that_is_there(shop: Shop) {
    let input = json!({ "customerId": "Customer:999", "title": "No picture" });
    let answer = shop.graphql(TICKET, json!({ "input": input })).await;
    assert_eq!(
        answer.user_errors("/createTicket"),
        ["NOT_FOUND input.customerId"]
    );
    assert_eq!(answer.data("/createTicket/ticket"), &Value::Null);
}

async fn a_customer_id_that_is_none_is_refused(shop: Shop) {
    for id in ["Ticket:5", "abc", "0"] {
        let input = json!({ "customerId": id, "title": "No picture" });
        let code = shop.refusal(TICKET, json!({ "input": input })).await;
        assert_eq!(code, "BAD_USER_INPUT", "{id}");
    }
}
