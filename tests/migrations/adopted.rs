//! Tables that Drizzle made: what ours have to equal, and what the migrations make of them.

use sea_orm::ConnectionTrait;
use serde_json::json;

use super::shape::{COLUMNS, CONSTRAINTS, shape};
use crate::harness::{
    Answer, Cluster, DRIZZLE, Kind, Serving, TestDatabase, administer, repairshop, rows,
};

const INDEXES: &str = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'";

pub(super) async fn by_drizzle() -> TestDatabase {
    let database = TestDatabase::empty(Kind::Postgres).await;
    execute(&database, DRIZZLE).await;
    database
}

pub(super) async fn execute(database: &TestDatabase, sql: &str) {
    let connection = database.connect().await;
    let done = connection.execute_unprepared(sql).await;
    done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    connection.close().await.expect("the connection closes");
}

pub(super) fn migrate(database: &TestDatabase, command: &str) {
    repairshop(&["migrate", command], &[("DATABASE_URL", &database.url)]).success();
}

/// What a query says of a database, sorted; the bookkeeping aside.
pub(super) async fn facts(database: &TestDatabase, sql: &str) -> Vec<String> {
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

pub(super) const SOME_ROWS: &str = "INSERT INTO customers
    (first_name, last_name, email, phone, address1, city, state, zip_code) VALUES
    ('Ada', 'Lovelace', 'ada@example.com', '555-1234', '12 Engine Street', 'New York', 'NY', '10001'),
    ('Grace', 'Hopper', 'Grace@Example.com', '555-0100', '1 Compiler Court', 'Austin', 'TX', '78701');
    INSERT INTO tickets (customer_id, title) VALUES (1, 'Cracked screen'), (2, 'Wi-Fi drops');";

pub(super) const ROWS: &str =
    "SELECT customers::text FROM customers UNION ALL SELECT tickets::text FROM tickets";

#[tokio::test(flavor = "multi_thread")]
async fn drizzles_tables_are_adopted_with_their_rows() {
    let drizzle = by_drizzle().await;
    execute(&drizzle, SOME_ROWS).await;
    let before = facts(&drizzle, ROWS).await;
    assert_eq!(before.len(), 4);
    migrate(&drizzle, "up");
    assert_eq!(facts(&drizzle, ROWS).await, before);
    // Nothing is missing, and nothing is there twice: but for the form of the indexes, and those for
    // search, it is as if we had made them.
    let ours = TestDatabase::empty(Kind::Postgres).await;
    migrate(&ours, "up");
    let but_for_indexes = async |database| {
        let mut facts = shape(database).await;
        facts.retain(|fact| !fact.contains(" INDEX ") && !fact.contains(" EXCLUDE "));
        facts
    };
    assert_eq!(
        but_for_indexes(&drizzle).await,
        but_for_indexes(&ours).await
    );
    drizzle.remove().await;
    ours.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_differ_by_case_alone_are_adopted_too() {
    let drizzle = by_drizzle().await;
    execute(&drizzle, SOME_ROWS).await;
    let again = "INSERT INTO customers
        (first_name, last_name, email, phone, address1, city, state, zip_code) VALUES
        ('Ada', 'Byron', 'ADA@example.com', '555-1234', '12 Engine Street', 'New York', 'NY', '10001')";
    execute(&drizzle, again).await;
    migrate(&drizzle, "up");
    let indexes = facts(&drizzle, INDEXES).await;
    let lower: Vec<_> = indexes.iter().filter(|it| it.contains("lower(")).collect();
    assert_eq!(lower.len(), 1, "{indexes:#?}");
    assert!(lower[0].starts_with("CREATE INDEX customers_email_lower_idx "));
    one_more_of_either_is_taken(&drizzle).await;
    who_is_there_is_written_again(&drizzle).await;
    // A look-up by address still has its index, and the step back finds whichever it was.
    let environment = [("DATABASE_URL", drizzle.url.as_str())];
    repairshop(&["migrate", "down", "-n", "7"], &environment).success();
    let indexes = facts(&drizzle, INDEXES).await;
    assert_eq!(indexes.len(), 3, "two keys and an address: {indexes:#?}");
    drizzle.remove().await;
}

/// Drizzle's `onConflictDoNothing` and `onConflictDoUpdate`, by either of two addresses.
async fn who_is_there_is_written_again(database: &TestDatabase) {
    for (email, then) in [
        ("Ada@example.com", "DO NOTHING"),
        ("ADA@example.com", "DO UPDATE SET city = 'Paris'"),
    ] {
        let sql = format!(
            "INSERT INTO customers (first_name, last_name, email, phone, address1, city, state, zip_code)
            VALUES ('A', 'B', '{email}', '1', '2', '3', 'NY', '4') ON CONFLICT (email) {then}"
        );
        execute(database, &sql).await;
    }
    let moved = "SELECT last_name FROM customers WHERE city = 'Paris'";
    assert_eq!(facts(database, moved).await, ["Byron"]);
}

/// Whoever writes it, and also where the address is only changed to it.
async fn one_more_of_either_is_taken(database: &TestDatabase) {
    let connection = database.connect().await;
    for sql in [
        "INSERT INTO customers (first_name, last_name, email, phone, address1, city, state, zip_code)
            VALUES ('A', 'B', 'aDa@example.com', '1', '2', '3', 'NY', '4')",
        "UPDATE customers SET email = 'adA@example.com' WHERE id = 2",
    ] {
        let refused = connection.execute_unprepared(sql).await;
        let refused = refused.expect_err("another customer has it").to_string();
        assert!(refused.contains("customers_email_lower_unique") || refused.contains("another customer"), "{refused}");
    }
    // Who has it keeps it.
    let same = "UPDATE customers SET email = 'Ada@example.com' WHERE id = 1";
    connection
        .execute_unprepared(same)
        .await
        .expect("it is theirs");
    connection.close().await.expect("the connection closes");

    let someone = "firstName: \"A\", lastName: \"B\", phone: \"1\", address1: \"2\", city: \"3\", \
        state: \"NY\", zipCode: \"4\", email: \"ada@Example.com\"";
    let query = format!(
        "mutation {{ createCustomer(input: {{ {someone} }}) {{ userErrors {{ code field message }} }} \
         updateCustomer(input: {{ id: 2, email: \"ADA@EXAMPLE.COM\" }}) {{ userErrors {{ code field message }} }} }}"
    );
    let answer = ask(database, &query).await;
    assert_eq!(answer.user_errors("/createCustomer"), ["TAKEN input.email"]);
    assert_eq!(answer.user_errors("/updateCustomer"), ["TAKEN input.email"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_differ_by_case_alone_are_adopted_on_sqlite_too() {
    let database = sqlite_by_another_program().await;
    let again = "INSERT INTO customers
        (first_name, last_name, email, phone, address1, city, state, zip_code) VALUES
        ('Ada', 'Byron', 'ADA@example.com', '555-1234', '12 Engine Street', 'New York', 'NY', '10001')";
    execute(&database, again).await;
    migrate(&database, "up");
    one_more_of_either_is_taken(&database).await;
    who_is_there_is_written_again(&database).await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_were_adopted_stay_with_their_rows_whatever_is_undone() {
    let database = by_drizzle().await;
    execute(&database, SOME_ROWS).await;
    let (before, rows) = (shape(&database).await, facts(&database, ROWS).await);
    migrate(&database, "up");
    let environment = [("DATABASE_URL", database.url.as_str())];
    let fresh = repairshop(&["migrate", "fresh"], &environment);
    assert_eq!(fresh.status, Some(1));
    assert!(
        fresh.stderr.contains("their rows are not ours to delete"),
        "{}",
        fresh.stderr
    );
    repairshop(&["migrate", "down", "-n", "100"], &environment).success();
    assert_eq!(shape(&database).await, before);
    assert_eq!(facts(&database, ROWS).await, rows);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_adopted_tables_an_address_in_other_letters_is_taken() {
    let database = by_drizzle().await;
    execute(&database, SOME_ROWS).await;
    migrate(&database, "up");
    one_more_of_either_is_taken(&database).await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_no_index_takes_is_told_and_nothing_is_changed() {
    let database = by_drizzle().await;
    execute(&database, SOME_ROWS).await;
    let long = "UPDATE tickets SET tech = (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 100) n)
        WHERE id = 2";
    execute(&database, long).await;
    let (before, rows) = (shape(&database).await, facts(&database, ROWS).await);
    let environment = [("DATABASE_URL", database.url.as_str())];
    let outcome = repairshop(&["migrate", "up"], &environment);
    assert_eq!(outcome.status, Some(1));
    let (_, error) = outcome
        .stderr
        .split_once('\n')
        .expect("what it is about to do");
    assert_eq!(
        error,
        "error: nothing was changed: tickets.tech has a text that is too long for an index: shorten it \
         to 600 characters; SELECT id, length(tech) FROM tickets ORDER BY 2 DESC LIMIT 10 finds it\n"
    );
    assert_eq!(shape(&database).await, before);
    assert_eq!(facts(&database, ROWS).await, rows);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_cannot_be_read_are_not_touched() {
    let database = by_drizzle().await;
    execute(
        &database,
        "ALTER TABLE tickets DROP COLUMN tech, ALTER COLUMN completed DROP DEFAULT,
        ALTER COLUMN completed TYPE text",
    )
    .await;
    let before = shape(&database).await;
    let environment = [("DATABASE_URL", database.url.as_str())];
    let outcome = repairshop(&["migrate", "up"], &environment);
    assert_eq!(outcome.status, Some(1));
    assert_eq!(
        outcome.stderr,
        "error: nothing was changed: tickets.completed: boolean expected, text found; \
         tickets.tech: varchar expected, no column found\n"
    );
    assert_eq!(shape(&database).await, before);
    database.remove().await;
}

async fn sqlite_by_another_program() -> TestDatabase {
    sqlite_with_a_key("").await
}

/// SQLite's tables, with what comes behind `REFERENCES customers`, if anything does.
pub(super) async fn sqlite_with_a_key(reference: &str) -> TestDatabase {
    let database = TestDatabase::empty(Kind::Sqlite).await;
    let sqlite = DRIZZLE
        .replace(
            "serial PRIMARY KEY NOT NULL",
            "integer PRIMARY KEY AUTOINCREMENT NOT NULL",
        )
        .replace("now()", "CURRENT_TIMESTAMP")
        .replace(
            "\"customer_id\" integer NOT NULL",
            &format!("\"customer_id\" integer NOT NULL{reference}"),
        );
    let (tables, _) = sqlite.split_once("ALTER TABLE").expect("two tables");
    execute(&database, &tables.replace("-->", "--")).await;
    execute(&database, SOME_ROWS).await;
    database
}

/// What a server on the database answers.
pub(super) async fn ask(database: &TestDatabase, query: &str) -> Answer {
    let serving = Serving::start(&[("DATABASE_URL", &database.url)]);
    let client = reqwest::Client::builder().no_proxy().build();
    let client = client.expect("an HTTP client");
    Answer::to(&client, &serving.url, &json!({ "query": query })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_sqlite_file_with_the_tables_is_adopted() {
    let database = sqlite_by_another_program().await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_owns_the_tables_alone_migrates_in_the_schema_that_it_was_given() {
    let database = by_drizzle().await;
    let name = facts(&database, "SELECT current_database()::text")
        .await
        .remove(0);
    let role = format!("keeper_of_{name}");
    administer(&format!("CREATE ROLE {role} LOGIN")).await;
    let given = format!(
        "CREATE SCHEMA drizzle; CREATE TABLE drizzle.__drizzle_migrations (id integer);
        CREATE SCHEMA repairshop AUTHORIZATION {role}; GRANT CREATE ON SCHEMA public TO {role};
        ALTER TABLE customers OWNER TO {role}; ALTER TABLE tickets OWNER TO {role}"
    );
    execute(&database, &given).await;
    let url = Cluster::get().url_as(&role, &name);
    let environment = [("DATABASE_URL", url.as_str())];
    repairshop(&["migrate", "up"], &environment).success();
    repairshop(&["check"], &environment).success();
    // Adopted they are: the indexes are in the form that drizzle-kit leaves alone.
    let hidden = "SELECT conname::text FROM pg_constraint WHERE contype = 'x' AND conname = 'tickets_tech_id_idx'";
    assert_eq!(facts(&database, hidden).await, ["tickets_tech_id_idx"]);
    repairshop(&["migrate", "down", "-n", "100"], &environment).success();
    database.remove().await;
    administer(&format!("DROP ROLE {role}")).await;
}
