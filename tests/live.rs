//! Live changes: who hears of what, in which order, and what it costs. Below: PostgreSQL, where
//! other programs are heard too.

mod elsewhere;
mod refused;

use serde_json::{Value, json};

use crate::harness::{Kind, Shop, on_both, until};

on_both!(
    a_mutation_is_told_with_the_record_as_it_stands,
    a_customer_and_its_first_tickets_are_told_in_their_order,
    the_arguments_narrow_down,
    a_ticket_that_leaves_a_list_is_told_to_who_shows_the_list,
    what_a_mutation_did_not_do_is_not_told,
    the_rows_are_read_once_for_all_subscribers,
    nothing_is_read_for_who_asks_for_no_row,
);

const TICKETS: &str = "subscription { ticketChanged { kind id } }";
const CUSTOMERS: &str = "subscription { customerChanged { kind id } }";

async fn a_mutation_is_told_with_the_record_as_it_stands(shop: Shop) {
    let mut events = shop
        .subscribe(
            "subscription { ticketChanged { kind id ticket {
                number title tech customer { id lastName tickets(first: 1) { totalCount } } } } }",
        )
        .await;
    let created = shop
        .ask(r#"mutation { createTicket(input: {customerId: 5, title: "Hum"}) { ticket { id } } }"#)
        .await;
    assert_eq!(created["createTicket"]["ticket"]["id"], "Ticket:15");
    let ticket = |title: &str| {
        json!({ "number": 15, "title": title, "tech": "unassigned", "customer": {
            "id": "Customer:5", "lastName": "Hamilton", "tickets": { "totalCount": 1 } } })
    };
    assert_eq!(
        events.next().await,
        json!({ "kind": "CREATED", "id": "Ticket:15", "ticket": ticket("Hum") })
    );
    shop.ask(r#"mutation { updateTicket(input: {id: 15, title: "Hiss"}) { ticket { id } } }"#)
        .await;
    assert_eq!(
        events.next().await,
        json!({ "kind": "UPDATED", "id": "Ticket:15", "ticket": ticket("Hiss") })
    );
    shop.ask("mutation { deleteTicket(input: {id: 15}) { deletedTicketId } }")
        .await;
    assert_eq!(
        events.next().await,
        json!({ "kind": "DELETED", "id": "Ticket:15", "ticket": null })
    );
}

async fn a_customer_and_its_first_tickets_are_told_in_their_order(shop: Shop) {
    let mut customers = shop
        .subscribe("subscription { customerChanged { kind id customer { lastName notes } } }")
        .await;
    let mut tickets = shop.subscribe(TICKETS).await;
    shop.ask(
        r#"mutation { createCustomer(input: {
            firstName: "Alan", lastName: "Turing", email: "alan@example.com", phone: "1",
            address1: "1", city: "Manchester", state: "NH", zipCode: "03101",
            tickets: [{title: "a"}, {title: "b"}, {title: "c"}] }) { customer { id } } }"#,
    )
    .await;
    assert_eq!(
        customers.next().await,
        json!({ "kind": "CREATED", "id": "Customer:7",
            "customer": { "lastName": "Turing", "notes": null } })
    );
    let expected = [
        "CREATED Ticket:15",
        "CREATED Ticket:16",
        "CREATED Ticket:17",
    ];
    assert_eq!(tickets.lines(3).await, expected);
    shop.ask(r#"mutation { updateCustomer(input: {id: 7, notes: "!"}) { customer { id } } }"#)
        .await;
    assert_eq!(customers.next().await["customer"]["notes"], "!");
}

async fn the_arguments_narrow_down(shop: Shop) {
    let mut one = shop
        .subscribe(r#"subscription { ticketChanged(id: "Ticket:3") { kind id } }"#)
        .await;
    let mut graces = shop
        .subscribe("subscription { ticketChanged(customerId: 2) { kind id } }")
        .await;
    let mut beas = shop
        .subscribe(r#"subscription { ticketChanged(tech: "Bea") { kind id } }"#)
        .await;
    let mut both = shop
        .subscribe(
            r#"subscription { ticketChanged(customerId: "Customer:2", tech: "Bea") { kind id } }"#,
        )
        .await;
    let mut customer = shop
        .subscribe("subscription { customerChanged(id: 2) { kind id } }")
        .await;
    for id in [1, 3, 4, 13] {
        shop.ask(&format!("mutation {{ updateTicket(input: {{id: {id}, completed: true}}) {{ ticket {{ id }} }} }}")).await;
    }
    for id in [1, 2] {
        shop.ask(&format!("mutation {{ updateCustomer(input: {{id: {id}, active: false}}) {{ customer {{ id }} }} }}")).await;
    }
    for id in [1, 3, 4] {
        shop.ask(&format!(
            "mutation {{ deleteTicket(input: {{id: {id}}}) {{ deletedTicketId }} }}"
        ))
        .await;
    }
    assert_eq!(one.lines(2).await, ["UPDATED Ticket:3", "DELETED Ticket:3"]);
    assert_eq!(
        graces.lines(4).await,
        [
            "UPDATED Ticket:3",
            "UPDATED Ticket:4",
            "DELETED Ticket:3",
            "DELETED Ticket:4"
        ]
    );
    assert_eq!(
        beas.lines(4).await,
        [
            "UPDATED Ticket:1",
            "UPDATED Ticket:4",
            "DELETED Ticket:1",
            "DELETED Ticket:4"
        ]
    );
    assert_eq!(
        both.lines(2).await,
        ["UPDATED Ticket:4", "DELETED Ticket:4"]
    );
    assert_eq!(customer.lines(1).await, ["UPDATED Customer:2"]);
}

async fn a_ticket_that_leaves_a_list_is_told_to_who_shows_the_list(shop: Shop) {
    let mut chucks = shop
        .subscribe(
            r#"subscription { ticketChanged(tech: "Chuck") { kind ticket { number tech } } }"#,
        )
        .await;
    // From Bea to Chuck, to Bea, and what Bea does then.
    for (tech, completed) in [("Chuck", false), ("Bea", false), ("Bea", true)] {
        let change = format!(
            r#"mutation {{ updateTicket(input: {{id: 1, tech: "{tech}", completed: {completed}}}) {{ ticket {{ id }} }} }}"#
        );
        shop.ask(&change).await;
    }
    shop.ask("mutation { deleteTicket(input: {id: 2}) { deletedTicketId } }")
        .await;
    for _ in ["it came", "it left"] {
        assert_eq!(chucks.next().await["kind"], "UPDATED");
    }
    assert_eq!(
        chucks.next().await,
        json!({ "kind": "DELETED", "ticket": null })
    );
}

async fn what_a_mutation_did_not_do_is_not_told(shop: Shop) {
    let mut customers = shop.subscribe(CUSTOMERS).await;
    let mut tickets = shop.subscribe(TICKETS).await;
    let refused = [
        r#"mutation { updateCustomer(input: {id: 1, email: "grace@example.com"}) { userErrors { code } } }"#,
        "mutation { deleteCustomer(input: {id: 1}) { userErrors { code } } }",
        r#"mutation { createCustomer(input: {
            firstName: "Ada", lastName: "Again", email: "ada@example.com", phone: "1", address1: "1",
            city: "Town", state: "NY", zipCode: "10001", tickets: [{title: "never"}] }) { userErrors { code } } }"#,
        "mutation { deleteTicket(input: {id: 99}) { userErrors { code } } }",
    ];
    for mutation in refused {
        let data = shop.ask(mutation).await;
        let payload = data.as_object().and_then(|data| data.values().next());
        let errors = payload.and_then(|payload| payload["userErrors"].as_array());
        assert_eq!(errors.map(Vec::len), Some(1), "{mutation}");
    }
    shop.ask("mutation { updateTicket(input: {id: 8, completed: false}) { ticket { id } } }")
        .await;
    shop.ask("mutation { updateCustomer(input: {id: 6, active: true}) { customer { id } } }")
        .await;
    assert_eq!(tickets.lines(1).await, ["UPDATED Ticket:8"]);
    assert_eq!(customers.lines(1).await, ["UPDATED Customer:6"]);
}

async fn the_rows_are_read_once_for_all_subscribers(shop: Shop) {
    let query = "subscription { ticketChanged { ticket { title customer { email } } } }";
    let mut subscribers = Vec::new();
    for _ in 0..25 {
        subscribers.push(shop.subscribe(query).await);
    }
    shop.sql();
    shop.ask(r#"mutation { updateTicket(input: {id: 1, title: "Whole again"}) { userErrors { code } } }"#)
        .await;
    let expected = json!({ "ticket": {
        "title": "Whole again", "customer": { "email": "ada@example.com" } } });
    for events in &mut subscribers {
        assert_eq!(events.next().await, expected);
    }
    let sql = shop.sql();
    assert_eq!(reading(&sql, "tickets").len(), 1, "{sql:#?}");
    assert_eq!(reading(&sql, "customers").len(), 1, "{sql:#?}");
}

async fn nothing_is_read_for_who_asks_for_no_row(shop: Shop) {
    let mut events = shop
        .subscribe(r#"subscription { ticketChanged(customerId: 1, tech: "Bea") { kind id } }"#)
        .await;
    shop.sql();
    shop.ask("mutation { updateTicket(input: {id: 1, completed: true}) { userErrors { code } } }")
        .await;
    assert_eq!(events.lines(1).await, ["UPDATED Ticket:1"]);
    let sql = shop.sql();
    assert!(reading(&sql, "tickets").is_empty(), "{sql:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_notes_nothing_without_subscribers() {
    Shop::run(Kind::Sqlite, nothing_is_noted_without_subscribers).await;
}

async fn nothing_is_noted_without_subscribers(shop: Shop) {
    let change =
        "mutation { updateTicket(input: {id: 1, completed: true}) { userErrors { code } } }";
    let before = shop.sql_of(change).await;
    for _ in ["once", "and again"] {
        let mut events = shop.subscribe(TICKETS).await;
        shop.ask(change).await;
        assert_eq!(events.lines(1).await, ["UPDATED Ticket:1"]);
        drop(events);
        let tidy = "DROP TABLE IF EXISTS temp.";
        until(async || shop.sql().iter().any(|sql| sql.starts_with(tidy))).await;
        assert_eq!(shop.sql_of(change).await, before);
    }
}

fn reading<'a>(sql: &'a [String], table: &str) -> Vec<&'a String> {
    let from = format!("FROM \"{table}\"");
    (sql.iter())
        .filter(|sql| sql.starts_with("SELECT") && sql.contains(&from))
        .collect()
}

/// The code of a response's one error, which must have no path.
fn refusal(error: &Value) -> &str {
    assert_eq!(error.get("path"), None, "{error:#}");
    error["extensions"]["code"].as_str().unwrap_or_default()
}
