//! Keys and constraints as other programs make them, and what mutations make of what they refuse.

use super::adopted::{SOME_ROWS, ask, by_drizzle, execute, facts, migrate, sqlite_with_a_key};
use crate::harness::TestDatabase;

#[tokio::test(flavor = "multi_thread")]
async fn constraints_of_other_names_mean_the_same() {
    let database = by_drizzle().await;
    execute(&database, SOME_ROWS).await;
    let renamed =
        "ALTER TABLE tickets RENAME CONSTRAINT tickets_customer_id_customers_id_fk TO its_owner;
        ALTER TABLE customers RENAME CONSTRAINT customers_email_unique TO one_each";
    execute(&database, renamed).await;
    migrate(&database, "up");
    let query = "mutation {
        createTicket(input: { customerId: 999, title: \"A\" }) { userErrors { code field message } }
        deleteCustomer(input: { id: 1 }) { userErrors { code field message } }
        updateCustomer(input: { id: 2, email: \"ada@example.com\" }) { userErrors { code field message } } }";
    let answer = ask(&database, query).await;
    let expected = ["NOT_FOUND input.customerId"];
    assert_eq!(answer.user_errors("/createTicket"), expected);
    let expected = ["HAS_TICKETS input.id"];
    assert_eq!(answer.user_errors("/deleteCustomer"), expected);
    assert_eq!(answer.user_errors("/updateCustomer"), ["TAKEN input.email"]);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_with_tickets_is_kept_also_where_the_key_cascades() {
    let database = by_drizzle().await;
    execute(&database, SOME_ROWS).await;
    let cascading = "ALTER TABLE tickets DROP CONSTRAINT tickets_customer_id_customers_id_fk,
        ADD FOREIGN KEY (customer_id) REFERENCES customers ON DELETE CASCADE";
    execute(&database, cascading).await;
    migrate(&database, "up");
    keeps_the_customer(&database).await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_with_tickets_is_kept_where_sqlites_key_cascades() {
    let database = sqlite_with_a_key(" REFERENCES customers (id) ON DELETE CASCADE").await;
    keeps_the_customer(&database).await;
    database.remove().await;
}

async fn keeps_the_customer(database: &TestDatabase) {
    let query =
        "mutation { deleteCustomer(input: { id: 1 }) { userErrors { code field message } } }";
    let answer = ask(database, query).await;
    let expected = ["HAS_TICKETS input.id"];
    assert_eq!(answer.user_errors("/deleteCustomer"), expected);
    let left = "SELECT title FROM tickets";
    assert_eq!(
        facts(database, left).await,
        ["Cracked screen", "Wi-Fi drops"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_at_the_commit_is_not_acknowledged() {
    let deferred = "ALTER TABLE tickets ALTER CONSTRAINT tickets_customer_id_customers_id_fk
        DEFERRABLE INITIALLY DEFERRED";
    let postgres = by_drizzle().await;
    execute(&postgres, SOME_ROWS).await;
    execute(&postgres, deferred).await;
    let reference = " REFERENCES customers (id) DEFERRABLE INITIALLY DEFERRED";
    for database in [postgres, sqlite_with_a_key(reference).await] {
        let query = "mutation {
            createTicket(input: { customerId: 999, title: \"A\" }) { ticket { id } userErrors { code field message } }
            updateTicket(input: { id: 1, customerId: 999 }) { userErrors { code field message } } }";
        let answer = ask(&database, query).await;
        let expected = ["NOT_FOUND input.customerId"];
        assert_eq!(answer.user_errors("/createTicket"), expected);
        assert_eq!(answer.user_errors("/updateTicket"), expected);
        let left = "SELECT customer_id || ' ' || title FROM tickets";
        assert_eq!(
            facts(&database, left).await,
            ["1 Cracked screen", "2 Wi-Fi drops"]
        );
        database.remove().await;
    }
}
