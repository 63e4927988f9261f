//! Made-up rows: as many as asked for, the same ones each time.

use sea_orm::prelude::DateTime;

use crate::harness::{Directory, Kind, TestDatabase, rows};

type Customer = (
    i32,
    String,
    String,
    String,
    Option<String>,
    bool,
    DateTime,
    DateTime,
);
type Ticket = (
    i32,
    i32,
    String,
    Option<String>,
    String,
    bool,
    DateTime,
    DateTime,
);

/// Seeds a new database twice, and returns its rows.
async fn seeded(kind: Kind) -> (Vec<Customer>, Vec<Ticket>) {
    let database = TestDatabase::empty(kind).await;
    let environment = [("DATABASE_URL", database.url.as_str())];
    let here = Directory::new();
    here.run(&["migrate", "up"], &environment).success();
    let seed = |arguments: &[&str]| here.run(arguments, &environment).success();
    let said = seed(&["seed", "--customers", "200", "--tickets", "500"]);
    assert_eq!(said, "There are 200 customers and 500 tickets now.\n");
    let said = seed(&["seed", "--customers", "1"]);
    assert_eq!(said, "There are 201 customers and 500 tickets now.\n");
    let said = seed(&["seed", "--tickets", "7"]);
    assert_eq!(said, "There are 201 customers and 507 tickets now.\n");

    let connection = database.connect().await;
    let customers = rows(
        &connection,
        "SELECT id, first_name || last_name || phone, email, city || state || zip_code, \
         address2 || notes, active, created_at, updated_at FROM customers ORDER BY id",
    );
    let customers = customers.await;
    let tickets = rows(
        &connection,
        "SELECT id, customer_id, title, description, tech, completed, created_at, updated_at \
         FROM tickets ORDER BY id",
    );
    let tickets = tickets.await;
    connection.close().await.expect("the connection closes");
    database.remove().await;
    (customers, tickets)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_rows_are_made_in_each_database() {
    let (customers, tickets) = seeded(Kind::Sqlite).await;
    assert_eq!((customers.len(), tickets.len()), (201, 507));
    let distinct = |of: fn(&Customer) -> &String| {
        let mut values: Vec<_> = customers.iter().map(of).collect();
        values.sort();
        values.dedup();
        values.len()
    };
    assert_eq!(distinct(|customer| &customer.2), 201, "an address each");
    assert!(distinct(|customer| &customer.1) > 190, "not all the same");
    let again = seeded(Kind::Sqlite).await;
    assert!(
        again == (customers.clone(), tickets.clone()),
        "another SQLite"
    );
    let again = seeded(Kind::Postgres).await;
    assert!(again == (customers, tickets), "PostgreSQL");
}

#[test]
fn tickets_need_somebody_whose_they_are() {
    let outcome = Directory::new().run(&["seed", "--tickets", "5"], &[]);
    assert_eq!(outcome.status, Some(1));
    assert!(outcome.stderr.contains("--customers"), "{}", outcome.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_programs_tables_get_no_made_up_rows() {
    let database = TestDatabase::of_drizzle().await;
    let connection = database.connect().await;
    let count = "SELECT count(*) FROM customers";
    let before = rows::<i64>(&connection, count).await;
    let environment = [("DATABASE_URL", database.url.as_str())];
    let outcome = Directory::new().run(&["seed", "--customers", "5"], &environment);
    assert_eq!(outcome.status, Some(1));
    assert!(
        outcome.stderr.contains("made-up rows are not for them"),
        "{}",
        outcome.stderr
    );
    assert_eq!(rows::<i64>(&connection, count).await, before);
    connection.close().await.expect("the connection closes");
    database.remove().await;
}
