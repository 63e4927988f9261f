//! `updateCustomer` and `updateTicket`: absent stays, null clears, and `updatedAt` always moves.

use serde_json::{Value, json};

use crate::harness::{Answer, Kind, Shop, on_all, on_both};

on_both!(another_programs_update_moves_updated_at_too,);

on_all!(
    only_the_given_fields_change,
    null_clears_a_column_that_may_be_null,
    null_is_refused_for_a_column_that_may_not,
    a_variable_that_was_not_sent_is_absent,
    what_is_wrong_is_said_at_once_and_nothing_changes,
    an_email_address_of_another_customer_is_taken,
    a_record_that_is_not_there_is_not_found,
    a_ticket_is_changed,
    a_ticket_moves_to_another_customer,
    updated_at_always_moves,
    an_id_of_the_other_type_is_refused,
);

const CUSTOMER: &str = "mutation($input: UpdateCustomerInput!) { updateCustomer(input: $input) {
    customer { number firstName lastName email phone address1 address2 city state zipCode notes
               active createdAt updatedAt }
    userErrors { code message field }
} }";

const TICKET: &str = "mutation($input: UpdateTicketInput!) { updateTicket(input: $input) {
    ticket { number title description completed tech createdAt updatedAt customer { number } }
    userErrors { code message field }
} }";

async fn update_customer(shop: &Shop, input: Value) -> Answer {
    shop.graphql(CUSTOMER, json!({ "input": input })).await
}

async fn update_ticket(shop: &Shop, input: Value) -> Answer {
    shop.graphql(TICKET, json!({ "input": input })).await
}

async fn only_the_given_fields_change(shop: Shop) {
    let query = "{ customer(id: 1) { number firstName lastName email phone address1 address2 city
        state zipCode notes active createdAt } }";
    let mut expected = shop.ask(query).await["customer"].clone();
    let input = json!({ "id": "Customer:1", "lastName": " King ", "state": "ct", "active": false });
    let answer = update_customer(&shop, input).await;
    assert_eq!(answer.user_errors("/updateCustomer"), [""; 0]);
    expected["lastName"] = json!("King");
    expected["state"] = json!("CT");
    expected["active"] = json!(false);
    assert_eq!(shop.ask(query).await["customer"], expected);
    assert_eq!(answer.data("/updateCustomer/customer/lastName"), "King");
    assert_eq!(shop.count("customers WHERE last_name = 'King'").await, 1);
}

async fn null_clears_a_column_that_may_be_null(shop: Shop) {
    let input = json!({ "id": 1, "notes": null, "address2": null });
    let answer = update_customer(&shop, input).await;
    assert_eq!(answer.user_errors("/updateCustomer"), [""; 0]);
    assert_eq!(answer.data("/updateCustomer/customer/notes"), &Value::Null);
    let cleared = "customers WHERE id = 1 AND notes IS NULL AND address2 IS NULL";
    assert_eq!(shop.count(cleared).await, 1);
    let answer = update_ticket(&shop, json!({ "id": 1, "description": null })).await;
    assert_eq!(
        answer.data("/updateTicket/ticket/description"),
        &Value::Null
    );
}

async fn null_is_refused_for_a_column_that_may_not(shop: Shop) {
    for field in [
        "firstName",
        "lastName",
        "email",
        "phone",
        "address1",
        "city",
        "state",
        "zipCode",
        "active",
    ] {
        let input = json!({ "id": 1, (field): null, "notes": "changed" });
        let answer = update_customer(&shop, input).await;
        let expected = format!("BLANK input.{field}");
        assert_eq!(answer.user_errors("/updateCustomer"), [expected]);
    }
    for field in ["customerId", "title", "completed", "tech"] {
        let input = json!({ "id": 1, (field): null, "description": "changed" });
        let answer = update_ticket(&shop, input).await;
        let expected = format!("BLANK input.{field}");
        assert_eq!(answer.user_errors("/updateTicket"), [expected]);
    }
    assert_eq!(shop.count("customers WHERE notes = 'changed'").await, 0);
    assert_eq!(shop.count("tickets WHERE description = 'changed'").await, 0);
}

async fn a_variable_that_was_not_sent_is_absent(shop: Shop) {
    let query = "mutation($first: String, $notes: String, $address2: String, $active: Boolean) {
        updateCustomer(input: {id: 1, firstName: $first, notes: $notes, address2: $address2,
                               active: $active, city: \"Paris\"}) {
            customer { firstName notes address2 active city } userErrors { code message field }
        } }";
    let answer = shop.graphql(query, json!({ "address2": null })).await;
    assert_eq!(answer.user_errors("/updateCustomer"), [""; 0]);
    let expected = json!({
        "firstName": "Ada", "notes": "Prefers calls before 9", "address2": null, "active": true,
        "city": "Paris",
    });
    assert_eq!(answer.data("/updateCustomer/customer"), &expected);
}

async fn what_is_wrong_is_said_at_once_and_nothing_changes(shop: Shop) {
    let input = json!({
        "id": 1, "firstName": " ", "email": "nope", "state": "TEX", "zipCode": "12345678901",
        "notes": "\0", "city": "Paris",
    });
    let answer = update_customer(&shop, input).await;
    let expected = [
        "BLANK input.firstName",
        "INVALID input.email",
        "INVALID input.notes",
        "TOO_LONG input.state",
        "TOO_LONG input.zipCode",
    ];
    assert_eq!(answer.user_errors("/updateCustomer"), expected);
    // As it stands.
    assert_eq!(answer.data("/updateCustomer/customer/city"), "New York");
    let answer = update_ticket(&shop, json!({ "id": 1, "title": "", "tech": "\0" })).await;
    let expected = ["BLANK input.title", "INVALID input.tech"];
    assert_eq!(answer.user_errors("/updateTicket"), expected);
    assert_eq!(answer.data("/updateTicket/ticket/tech"), "Bea");
    assert_eq!(shop.count("customers WHERE city = 'Paris'").await, 0);
}

async fn an_email_address_of_another_customer_is_taken(shop: Shop) {
    let input = json!({ "id": 1, "email": "GRACE@example.com", "city": "Paris" });
    let answer = update_customer(&shop, input).await;
    assert_eq!(answer.user_errors("/updateCustomer"), ["TAKEN input.email"]);
    assert_eq!(answer.data("/updateCustomer/customer/city"), "New York");
    let input = json!({ "id": 1, "email": "linus.hopper@example.com" });
    let answer = update_customer(&shop, input).await;
    assert_eq!(answer.user_errors("/updateCustomer"), ["TAKEN input.email"]);
    // One's own is not.
    let answer = update_customer(&shop, json!({ "id": 1, "email": "ADA@example.com" })).await;
    assert_eq!(answer.user_errors("/updateCustomer"), [""; 0]);
}

async fn a_record_that_is_not_there_is_not_found(shop: Shop) {
    let answer = update_customer(&shop, json!({ "id": 999, "city": "Paris" })).await;
    assert_eq!(
        answer.user_errors("/updateCustomer"),
        ["NOT_FOUND input.id"]
    );
    assert_eq!(answer.data("/updateCustomer/customer"), &Value::Null);
    let answer = update_ticket(&shop, json!({ "id": "Ticket:999", "title": "x" })).await;
    assert_eq!(answer.user_errors("/updateTicket"), ["NOT_FOUND input.id"]);
    assert_eq!(answer.data("/updateTicket/ticket"), &Value::Null);
}

async fn a_ticket_is_changed(shop: Shop) {
    let input = json!({ "id": "Ticket:1", "completed": true, "tech": " Zoë " });
    let answer = update_ticket(&shop, input).await;
    assert_eq!(answer.user_errors("/updateTicket"), [""; 0]);
    let ticket = answer.data("/updateTicket/ticket");
    assert_eq!(ticket["completed"], true);
    assert_eq!(ticket["tech"], "Zoë");
    assert_eq!(ticket["title"], "Cracked screen");
    assert_eq!(ticket["description"], "Glass is broken");
}

async fn a_ticket_moves_to_another_customer(shop: Shop) {
    let answer = update_ticket(&shop, json!({ "id": 1, "customerId": "Customer:5" })).await;
    assert_eq!(answer.user_errors("/updateTicket"), [""; 0]);
    assert_eq!(answer.data("/updateTicket/ticket/customer/number"), 5);
    let answer = update_ticket(&shop, json!({ "id": 1, "customerId": 999 })).await;
    assert_eq!(
        answer.user_errors("/updateTicket"),
        ["NOT_FOUND input.customerId"]
    );
    assert_eq!(answer.data("/updateTicket/ticket/customer/number"), 5);
}

async fn updated_at_always_moves(shop: Shop) {
    let instant = |answer: &Answer, pointer: &str| {
        let text = answer.data(pointer).as_str().expect("an instant");
        chrono::DateTime::parse_from_rfc3339(text).expect("RFC 3339")
    };
    // Also where the value is what it was.
    let answer = update_ticket(&shop, json!({ "id": 1, "tech": "Bea" })).await;
    let moved = instant(&answer, "/updateTicket/ticket/updatedAt");
    let age = chrono::Utc::now() - moved.to_utc();
    assert!(age.abs() < chrono::Duration::minutes(5), "just now: {age}");
    let created = instant(&answer, "/updateTicket/ticket/createdAt");
    assert_eq!(created.timestamp(), 1_706_778_000, "stays");
    let answer = update_customer(&shop, json!({ "id": 1, "lastName": "Lovelace" })).await;
    let moved = instant(&answer, "/updateCustomer/customer/updatedAt");
    let age = chrono::Utc::now() - moved.to_utc();
    assert!(age.abs() < chrono::Duration::minutes(5), "just now: {age}");
    // A refused change does not move it.
    let answer = update_ticket(&shop, json!({ "id": 2, "title": "" })).await;
    let stood = instant(&answer, "/updateTicket/ticket/updatedAt");
    assert_eq!(stood.timestamp(), 1_710_752_400);
}

/// On PostgreSQL, by a trigger.
async fn another_programs_update_moves_updated_at_too(shop: Shop) {
    if shop.kind() == Kind::Postgres {
        for (table, column) in [("customers", "notes"), ("tickets", "description")] {
            let change = format!("UPDATE {table} SET {column} = 'changed' WHERE id = 1");
            shop.execute(&change).await;
            let moved = format!("{table} WHERE id = 1 AND updated_at > '2024-12-31'");
            assert_eq!(shop.count(&moved).await, 1);
            // An update that sets it itself is let be.
            shop.execute(&format!(
                "UPDATE {table} SET {column} = 'again', updated_at = '2024-06-01 09:00:00' WHERE id = 1"
            ))
            .await;
            assert_eq!(shop.count(&moved).await, 0);
        }
    }
    // What another program wrote is read at once, on both.
    shop.execute(
        "UPDATE customers SET city = 'Paris', updated_at = '2024-06-01 09:00:00.500' WHERE id = 1",
    )
    .await;
    let data = shop.ask("{ customer(id: 1) { city updatedAt } }").await;
    assert_eq!(data["customer"]["city"], "Paris");
    let text = data["customer"]["updatedAt"].as_str().expect("an instant");
    let instant = chrono::DateTime::parse_from_rfc3339(text).expect("RFC 3339");
    assert_eq!(instant.timestamp_millis(), 1_717_232_400_500);
}

async fn an_id_of_the_other_type_is_refused(shop: Shop) {
    let code = shop.refusal(CUSTOMER, json!({ "input": { "id": "Ticket:1" } }));
    assert_eq!(code.await, "BAD_USER_INPUT");
    let code = shop.refusal(TICKET, json!({ "input": { "id": "Customer:1" } }));
    assert_eq!(code.await, "BAD_USER_INPUT");
    let input = json!({ "id": 1, "customerId": "Ticket:1" });
    let code = shop.refusal(TICKET, json!({ "input": input })).await;
    assert_eq!(code, "BAD_USER_INPUT");
}
