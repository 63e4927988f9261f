//! PostgreSQL: what other programs commit, and a connection that comes and goes.

use api::{App, database::Database};
use serde_json::json;

use super::{CUSTOMERS, TICKETS};
use crate::harness::{Answer, Events, Kind, Serving, Shop, on_postgres, until};

on_postgres!(
    another_program_is_heard_one_transaction_in_its_order,
    another_server_is_heard,
    what_was_rolled_back_or_changed_nothing_is_not_told,
    a_record_with_a_new_key_is_gone_and_there,
    transactions_that_end_in_another_order_are_all_told,
    without_subscribers_there_is_no_connection_and_nothing_is_noted,
    what_changes_while_the_connection_is_lost_is_told_afterwards,
    who_may_have_missed_something_is_told_so,
    a_program_without_a_right_on_our_schema_writes_as_before,
    a_role_that_reads_the_two_tables_may_listen_and_no_other,
    a_subscriber_that_does_not_read_is_cut_off_and_holds_up_nobody,
);

const LISTENERS: &str =
    "pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'";

async fn another_program_is_heard_one_transaction_in_its_order(shop: Shop) {
    let mut tickets = shop
        .subscribe("subscription { ticketChanged { kind id ticket { title } } }")
        .await;
    let mut customers = shop.subscribe(CUSTOMERS).await;
    shop.execute(
        "BEGIN;
         UPDATE tickets SET title = title || '!' WHERE id = 9;
         INSERT INTO tickets (customer_id, title, tech) VALUES (5, 'By hand', 'Bea');
         UPDATE customers SET city = 'Elsewhere' WHERE id = 4;
         UPDATE tickets SET title = title || '!' WHERE id = 2;
         DELETE FROM tickets WHERE id IN (13);
         DELETE FROM customers WHERE id = 6;
         COMMIT",
    )
    .await;
    let event = |kind: &str, id: &str, ticket| json!({ "kind": kind, "id": id, "ticket": ticket });
    for expected in [
        event(
            "UPDATED",
            "Ticket:9",
            json!({ "title": "Keyboard unresponsive!" }),
        ),
        event("CREATED", "Ticket:15", json!({ "title": "By hand" })),
        event("UPDATED", "Ticket:2", json!({ "title": "Battery swells!" })),
        event("DELETED", "Ticket:13", json!(null)),
    ] {
        assert_eq!(tickets.next().await, expected);
    }
    let expected = ["UPDATED Customer:4", "DELETED Customer:6"];
    assert_eq!(customers.lines(2).await, expected);
}

async fn another_server_is_heard(shop: Shop) {
    let mut tickets = shop.subscribe(TICKETS).await;
    let other = Serving::start(&[("DATABASE_URL", &shop.database_url)]);
    let client = reqwest::Client::builder().no_proxy().build();
    let request =
        json!({ "query": "mutation { deleteTicket(input: {id: 1}) { deletedTicketId } }" });
    let answer = Answer::to(&client.expect("a client"), &other.url, &request).await;
    assert_eq!(answer.data("/deleteTicket/deletedTicketId"), "Ticket:1");
    assert_eq!(tickets.lines(1).await, ["DELETED Ticket:1"]);
}

async fn what_was_rolled_back_or_changed_nothing_is_not_told(shop: Shop) {
    let mut tickets = shop.subscribe(TICKETS).await;
    shop.execute(
        "BEGIN; UPDATE tickets SET title = 'never' WHERE id = 1; DELETE FROM tickets WHERE id = 2; ROLLBACK;
         BEGIN; SAVEPOINT here; DELETE FROM tickets WHERE id = 3; ROLLBACK TO here;
         UPDATE tickets SET tech = tech; UPDATE tickets SET tech = 'Bea' WHERE id = 4; COMMIT;
         UPDATE tickets SET tech = 'Bea' WHERE id = 5",
    )
    .await;
    // The fourth was Bea's already.
    assert_eq!(tickets.lines(1).await, ["UPDATED Ticket:5"]);
}

async fn a_record_with_a_new_key_is_gone_and_there(shop: Shop) {
    let mut beas = shop
        .subscribe(r#"subscription { ticketChanged(tech: "Bea") { kind id } }"#)
        .await;
    shop.execute("UPDATE tickets SET id = 99 WHERE id = 1")
        .await;
    assert_eq!(
        beas.lines(2).await,
        ["DELETED Ticket:1", "CREATED Ticket:99"]
    );
}

async fn transactions_that_end_in_another_order_are_all_told(shop: Shop) {
    let mut tickets = shop.subscribe(TICKETS).await;
    let slow = shop.another_program().await;
    slow.execute("BEGIN; UPDATE tickets SET title = 'first' WHERE id = 1")
        .await;
    shop.execute("UPDATE tickets SET title = 'second' WHERE id = 2")
        .await;
    assert_eq!(tickets.lines(1).await, ["UPDATED Ticket:2"]);
    slow.execute("UPDATE tickets SET title = 'third' WHERE id = 3")
        .await;
    shop.execute("UPDATE tickets SET title = 'fourth' WHERE id = 4")
        .await;
    assert_eq!(tickets.lines(1).await, ["UPDATED Ticket:4"]);
    slow.execute("COMMIT").await;
    assert_eq!(
        tickets.lines(2).await,
        ["UPDATED Ticket:1", "UPDATED Ticket:3"]
    );
}

async fn without_subscribers_there_is_no_connection_and_nothing_is_noted(shop: Shop) {
    let touch = "UPDATE tickets SET title = title || '!'";
    shop.execute(touch).await;
    assert_eq!(shop.count(LISTENERS).await, 0);
    assert_eq!(shop.count("repairshop.changes").await, 0);
    let mut first = shop.subscribe(TICKETS).await;
    let mut second = shop.subscribe(CUSTOMERS).await;
    shop.execute(touch).await;
    first.lines(14).await;
    assert_eq!(shop.count(LISTENERS).await, 1);
    assert_eq!(shop.count("repairshop.changes").await, 14);
    drop(first);
    shop.execute("UPDATE customers SET city = 'Elsewhere' WHERE id = 1")
        .await;
    assert_eq!(second.lines(1).await, ["UPDATED Customer:1"]);
    drop(second);
    shop.until_none(LISTENERS).await;
    shop.until_none("repairshop.listeners").await;
    shop.until_none("repairshop.changes").await;
    shop.execute(touch).await;
    assert_eq!(shop.count("repairshop.changes").await, 0);
    // And again.
    let mut third = shop.subscribe(TICKETS).await;
    shop.execute("DELETE FROM tickets WHERE id = 1").await;
    assert_eq!(third.lines(1).await, ["DELETED Ticket:1"]);
}

async fn what_changes_while_the_connection_is_lost_is_told_afterwards(shop: Shop) {
    let mut tickets = shop.subscribe(TICKETS).await;
    let mut customers = shop.subscribe(CUSTOMERS).await;
    shop.execute("UPDATE tickets SET title = 'before' WHERE id = 1")
        .await;
    assert_eq!(tickets.lines(1).await, ["UPDATED Ticket:1"]);
    // Nobody gets in while this is so.
    shop.lock_out(true).await;
    shop.until_none(LISTENERS).await;
    shop.execute(
        "INSERT INTO tickets (customer_id, title) VALUES (5, 'Meanwhile');
         UPDATE customers SET city = 'Elsewhere' WHERE id = 4",
    )
    .await;
    shop.execute("DELETE FROM tickets WHERE id = 13").await;
    shop.execute("DELETE FROM customers WHERE id = 6").await;
    shop.execute("UPDATE tickets SET title = 'meanwhile' WHERE id = 2")
        .await;
    shop.lock_out(false).await;
    let expected = ["CREATED Ticket:15", "DELETED Ticket:13", "UPDATED Ticket:2"];
    assert_eq!(tickets.lines(3).await, expected);
    let expected = ["UPDATED Customer:4", "DELETED Customer:6"];
    assert_eq!(customers.lines(2).await, expected);
    shop.execute("UPDATE tickets SET title = 'after' WHERE id = 3")
        .await;
    assert_eq!(tickets.lines(1).await, ["UPDATED Ticket:3"]);
}

async fn who_may_have_missed_something_is_told_so(shop: Shop) {
    let mut tickets = shop.subscribe(TICKETS).await;
    shop.lock_out(true).await;
    shop.until_none(LISTENERS).await;
    // As if it had been away for longer than changes are kept.
    shop.execute("UPDATE repairshop.listeners SET until = clock_timestamp()")
        .await;
    shop.execute("DELETE FROM tickets WHERE id = 1").await;
    shop.lock_out(false).await;
    let error = tickets.ends_with().await;
    assert_eq!(error["extensions"]["code"], "UNAVAILABLE");
    assert_eq!(error["path"], json!(["ticketChanged"]));
    let mut tickets = shop.subscribe(TICKETS).await;
    shop.execute("DELETE FROM tickets WHERE id = 2").await;
    assert_eq!(tickets.lines(1).await, ["DELETED Ticket:2"]);
}

async fn a_program_without_a_right_on_our_schema_writes_as_before(shop: Shop) {
    let role = shop.role("drizzle").await;
    shop.execute(&format!(
        "REVOKE ALL ON SCHEMA repairshop FROM PUBLIC;
         GRANT SELECT, INSERT, UPDATE, DELETE ON customers, tickets TO {role};
         GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}"
    ))
    .await;
    let write = format!(
        "SET ROLE {role};
         UPDATE tickets SET title = 'by them' WHERE id = 1;
         INSERT INTO tickets (customer_id, title) VALUES (1, 'theirs');
         DELETE FROM tickets WHERE id = 2;
         RESET ROLE"
    );
    shop.execute(&write.replace("id = 2", "id = 3")).await;
    let mut tickets = shop.subscribe(TICKETS).await;
    shop.execute(&write.replace("by them", "again")).await;
    let expected = ["UPDATED Ticket:1", "CREATED Ticket:16", "DELETED Ticket:2"];
    assert_eq!(tickets.lines(3).await, expected);
}

async fn a_role_that_reads_the_two_tables_may_listen_and_no_other(shop: Shop) {
    let (reader, other) = (shop.role("reader").await, shop.role("other").await);
    shop.execute(&format!("GRANT SELECT ON customers, tickets TO {reader}"))
        .await;
    let url = shop
        .database_url
        .replacen("postgres@", &format!("{reader}@"), 1);
    let database = Database::connect(&url, None, None).await;
    let app = App::new(database.expect("a connection"));
    let mut tickets = Events::of(&app, TICKETS).await;
    until(async || shop.count("repairshop.listeners").await > 0).await;
    shop.execute("DELETE FROM tickets WHERE id = 1").await;
    assert_eq!(tickets.lines(1).await, ["DELETED Ticket:1"]);
    shop.execute(&format!("SET ROLE {other}")).await;
    assert_eq!(shop.count("repairshop.changes").await, 0);
    assert_eq!(shop.count("repairshop.listeners").await, 0);
    shop.execute("RESET ROLE").await;
    assert_eq!(shop.count("repairshop.changes").await, 1);
}

async fn a_subscriber_that_does_not_read_is_cut_off_and_holds_up_nobody(shop: Shop) {
    assert_eq!(shop.kind(), Kind::Postgres);
    let mut stuck = shop.subscribe(TICKETS).await;
    let mut reading = shop
        .subscribe("subscription { ticketChanged { id ticket { title } } }")
        .await;
    // Far more than the queue takes, in one transaction.
    shop.execute("INSERT INTO tickets (customer_id, title) SELECT 1, 'no. ' || n FROM generate_series(15, 40000) n").await;
    for number in 15..=40_000 {
        let expected = json!({ "id": format!("Ticket:{number}"), "ticket": { "title": format!("no. {number}") } });
        assert_eq!(reading.next().await, expected);
    }
    let error = stuck.ends_with().await;
    assert_eq!(error["extensions"]["code"], "UNAVAILABLE");
}
