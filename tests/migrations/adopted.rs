//! Tables that Drizzle made: what ours have to equal, and what the migrations make of them.

use sea_orm::ConnectionTrait;

use super::shape::{COLUMNS, CONSTRAINTS, shape};
use crate::harness::{Kind, TestDatabase, repairshop, rows};

const DRIZZLE: &str = include_str!("drizzle.sql");

const INDEXES: &str = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'";

async fn by_drizzle() -> TestDatabase {
    let database = TestDatabase::empty(Kind::Postgres).await;
    execute(&database, DRIZZLE).await;
    database
}

async fn execute(database: &TestDatabase, sql: &str) {
    let connection = database.connect().await;
    let done = connection.execute_unprepared(sql).await;
    done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    connection.close().await.expect("the connection closes");
}

fn migrate(database: &TestDatabase, command: &str) {
    repairshop(&["migrate", command], &[("DATABASE_URL", &database.url)]).success();
}

/// What a query says of a database, sorted; the bookkeeping aside.
async fn facts(database: &TestDatabase, sql: &str) -> Vec<String> {
    let connection = database.connect().await;
    let mut facts = rows::<String>(&connection, sql).await;
    connection.close().await.expect("the connection closes");
    facts.retain(|fact| !fact.starts_with("repairshop."));
    facts.sort();
    facts
}

#[tokio::test(flavor = "multi_thread")]
async fn new_tables_are_those_of_drizzle() {
    let drizzle = by_drizzle().await;
    let ours = TestDatabase::empty(Kind::Postgres).await;
    migrate(&ours, "up");
    let columns = facts(&ours, COLUMNS).await;
    assert_eq!(columns, facts(&drizzle, COLUMNS).await);
    assert_eq!(columns.len(), 14 + 8 + 2 * 3, "two sequences too");
    let constraints = facts(&ours, CONSTRAINTS).await;
    assert_eq!(constraints, facts(&drizzle, CONSTRAINTS).await);
    let named = |name: &str| constraints.iter().any(|it| it.contains(name));
    assert!(named("customers_email_unique"), "{constraints:#?}");
    assert!(named("tickets_customer_id_customers_id_fk"));
    drizzle.remove().await;
    ours.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_the_two_tables_is_in_public() {
    let database = TestDatabase::stocked(Kind::Postgres).await;
    let tables = "SELECT relnamespace::regnamespace || '.' || relname FROM pg_class \
        WHERE relkind IN ('r', 'p', 'v', 'm', 'f') \
        AND relnamespace::regnamespace::text !~ '^(pg_|information_schema)'";
    let connection = database.connect().await;
    let mut found = rows::<String>(&connection, tables).await;
    found.sort();
    let expected = [
        "public.customers",
        "public.tickets",
        "repairshop.changes",
        "repairshop.listeners",
        "repairshop.seaql_migrations",
    ];
    assert_eq!(found, expected);
    connection.close().await.expect("the connection closes");
    database.remove().await;
}

const CUSTOMERS: &str = "INSERT INTO customers
    (first_name, last_name, email, phone, address1, city, state, zip_code) VALUES
    ('Ada', 'Lovelace', 'ada@example.com', '555-1234', '12 Engine Street', 'New York', 'NY', '10001'),
    ('Grace', 'Hopper', 'Grace@Example.com', '555-0100', '1 Compiler Court', 'Austin', 'TX', '78701');
    INSERT INTO tickets (customer_id, title) VALUES (1, 'Cracked screen'), (2, 'Wi-Fi drops');";

const ROWS: &str =
    "SELECT customers::text FROM customers UNION ALL SELECT tickets::text FROM tickets";

#[tokio::test(flavor = "multi_thread")]
async fn drizzles_tables_are_adopted_with_their_rows() {
    let drizzle = by_drizzle().await;
    execute(&drizzle, CUSTOMERS).await;
    let before = facts(&drizzle, ROWS).await;
    assert_eq!(before.len(), 4);
    migrate(&drizzle, "up");
    assert_eq!(facts(&drizzle, ROWS).await, before);
    // The same as if we had made them: nothing is missing, and nothing is there twice.
    let ours = TestDatabase::empty(Kind::Postgres).await;
    migrate(&ours, "up");
    assert_eq!(shape(&drizzle).await, shape(&ours).await);
    drizzle.remove().await;
    ours.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_differ_by_case_alone_are_adopted_too() {
    let drizzle = by_drizzle().await;
    execute(&drizzle, CUSTOMERS).await;
    let again = "INSERT INTO customers
        (first_name, last_name, email, phone, address1, city, state, zip_code) VALUES
        ('Ada', 'Byron', 'ADA@example.com', '555-1234', '12 Engine Street', 'New York', 'NY', '10001')";
    execute(&drizzle, again).await;
    migrate(&drizzle, "up");
    let indexes = facts(&drizzle, INDEXES).await;
    let lower: Vec<_> = indexes.iter().filter(|it| it.contains("lower(")).collect();
    assert_eq!(lower.len(), 1, "{indexes:#?}");
    assert!(lower[0].starts_with("CREATE INDEX customers_email_lower_idx "));
    // A look-up by address still has its index, and the step back finds whichever it was.
    let environment = [("DATABASE_URL", drizzle.url.as_str())];
    repairshop(&["migrate", "down", "-n", "5"], &environment).success();
    let indexes = facts(&drizzle, INDEXES).await;
    assert_eq!(indexes.len(), 3, "two keys and an address: {indexes:#?}");
    drizzle.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_sqlite_file_with_the_tables_is_adopted() {
    let database = TestDatabase::empty(Kind::Sqlite).await;
    let sqlite = DRIZZLE
        .replace(
            "serial PRIMARY KEY NOT NULL",
            "integer PRIMARY KEY AUTOINCREMENT NOT NULL",
        )
        .replace("now()", "CURRENT_TIMESTAMP");
    let (tables, _) = sqlite.split_once("ALTER TABLE").expect("two tables");
    execute(&database, &tables.replace("-->", "--")).await;
    execute(&database, CUSTOMERS).await;
    migrate(&database, "up");
    let names = "SELECT first_name FROM customers UNION ALL SELECT title FROM tickets";
    let expected = ["Ada", "Cracked screen", "Grace", "Wi-Fi drops"];
    assert_eq!(facts(&database, names).await, expected);
    let unique = "SELECT name FROM sqlite_master WHERE name LIKE 'customers_email_lower%'";
    assert_eq!(
        facts(&database, unique).await,
        ["customers_email_lower_unique"]
    );
    database.remove().await;
}
