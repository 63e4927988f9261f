//! `repairshop check`, and the same look at the start: how a database differs from the entities.

use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use crate::{
    harness::{
        Cluster, Directory, Kind, Outcome, Serving, TestDatabase, administer, repairshop, rows,
    },
    migrations::shape,
};

/// A database with something changed by somebody else.
async fn changed(kind: Kind, sql: &str) -> TestDatabase {
    let database = TestDatabase::stocked(kind).await;
    let connection = database.connect().await;
    let done = connection.execute_unprepared(sql).await;
    done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    connection.close().await.expect("the connection closes");
    database
}

fn check(database: &TestDatabase) -> Outcome {
    repairshop(&["check"], &[("DATABASE_URL", &database.url)])
}

#[tokio::test(flavor = "multi_thread")]
async fn migrated_databases_have_what_is_expected() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = TestDatabase::stocked(kind).await;
        let said = check(&database).success();
        assert_eq!(said, "The database has what the server expects.\n");
        let json = repairshop(&["check", "--json"], &[("DATABASE_URL", &database.url)]);
        let said: Value = serde_json::from_str(&json.success()).expect("JSON");
        assert_eq!(said, json!({ "differences": [], "pendingMigrations": [] }));
        database.remove().await;
    }
}

/// What somebody has changed, and the line that says so.
const CHANGES: &[(&str, &str)] = &[
    (
        "ALTER TABLE customers ALTER zip_code TYPE varchar(5) USING left(zip_code, 5)",
        "customers.zip_code: varchar(10) expected, varchar(5) found",
    ),
    (
        "ALTER TABLE customers ALTER state TYPE text",
        "customers.state: varchar(2) expected, text found",
    ),
    (
        "ALTER TABLE tickets ALTER created_at TYPE timestamptz",
        "tickets.created_at: timestamp expected, timestamptz found",
    ),
    (
        "ALTER TABLE tickets ALTER title DROP NOT NULL",
        "tickets.title: not null expected, nullable found",
    ),
    (
        "UPDATE customers SET notes = ''; ALTER TABLE customers ALTER notes SET NOT NULL",
        "customers.notes: nullable expected, not null found",
    ),
    (
        "ALTER TABLE tickets ALTER tech SET DEFAULT 'nobody'",
        "tickets.tech: default 'unassigned' expected, default 'nobody' found",
    ),
    (
        "ALTER TABLE tickets ALTER created_at DROP DEFAULT",
        "tickets.created_at: default now() expected, no default found",
    ),
    (
        "ALTER TABLE customers ALTER id DROP DEFAULT",
        "customers.id: a number from a sequence expected, no default found",
    ),
    (
        "ALTER TABLE customers DROP CONSTRAINT customers_email_unique",
        "customers.email: unique expected, none found",
    ),
    (
        "ALTER TABLE customers ADD UNIQUE (last_name, phone)",
        "customers.last_name, phone: not unique expected, unique found",
    ),
    (
        "ALTER TABLE tickets DROP CONSTRAINT tickets_customer_id_customers_id_fk",
        "tickets.customer_id: a foreign key to customers.id expected, no foreign key found",
    ),
    (
        "ALTER TABLE tickets DROP CONSTRAINT tickets_customer_id_customers_id_fk,
            ADD FOREIGN KEY (customer_id) REFERENCES customers ON DELETE CASCADE",
        "tickets.customer_id: a foreign key to customers.id expected, one with ON DELETE CASCADE found",
    ),
    (
        "ALTER TABLE tickets DROP CONSTRAINT tickets_customer_id_customers_id_fk,
            ADD FOREIGN KEY (customer_id) REFERENCES customers NOT VALID",
        "tickets.customer_id: a foreign key to customers.id expected, one with NOT VALID found",
    ),
    (
        "ALTER TABLE tickets ALTER CONSTRAINT tickets_customer_id_customers_id_fk DEFERRABLE INITIALLY DEFERRED",
        "tickets.customer_id: a foreign key to customers.id expected, one with DEFERRABLE INITIALLY DEFERRED found",
    ),
    (
        "ALTER TABLE customers ADD CONSTRAINT known CHECK (state IN ('NY', 'TX', 'QC', 'MA'))",
        "customers.state: no check expected, CHECK (((state)::text = ANY ((ARRAY['NY'::character varying, \
         'TX'::character varying, 'QC'::character varying, 'MA'::character varying])::text[]))) found",
    ),
    (
        "ALTER TABLE tickets ADD CHECK (length(title) > 5 OR completed) NOT VALID",
        "tickets.title, completed: no check expected, CHECK (((length((title)::text) > 5) OR completed)) NOT VALID found",
    ),
    (
        "CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
            DROP INDEX customers_search_idx, customers_name_search_idx;
            ALTER TABLE customers ALTER last_name TYPE varchar COLLATE any_case",
        "customers.last_name: a deterministic collation expected, any_case, one that is not, found",
    ),
    (
        "ALTER TABLE customers DISABLE TRIGGER repairshop_note_update",
        "customers: the trigger repairshop_note_update expected, a disabled one found; \
         `ALTER TABLE public.customers ENABLE TRIGGER repairshop_note_update` mends it",
    ),
    (
        "DROP TRIGGER repairshop_touch_updated_at ON tickets",
        "tickets: the trigger repairshop_touch_updated_at expected, none found; \
         `repairshop migrate up` mends it",
    ),
    (
        "DROP FUNCTION repairshop.note_change CASCADE",
        "customers: the trigger repairshop_note_change expected, none found; \
         `repairshop migrate up` mends it",
    ),
    (
        "DROP INDEX tickets_tech_id_idx",
        "tickets: the index tickets_tech_id_idx expected, none found; \
         `repairshop migrate up` mends it",
    ),
    (
        "DROP INDEX customers_email_lower_unique",
        "customers.email: unique whatever its case expected, none found; \
         `repairshop migrate up` mends it",
    ),
    (
        "ALTER TABLE tickets DROP CONSTRAINT tickets_pkey",
        "tickets.id: the primary key expected, no primary key found",
    ),
    (
        "ALTER TABLE tickets ADD paid boolean NOT NULL DEFAULT false; ALTER TABLE tickets ALTER paid DROP DEFAULT",
        "tickets.paid: no column expected, boolean not null without a default found",
    ),
    (
        "ALTER TABLE tickets RENAME description TO details",
        "tickets.description: text expected, no column found",
    ),
    (
        "DROP TABLE tickets",
        "tickets: a table expected, none found",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_difference_is_a_line() {
    for (sql, line) in CHANGES {
        let database = changed(Kind::Postgres, sql).await;
        let outcome = check(&database);
        assert_eq!(outcome.status, Some(1), "{sql}: {}", outcome.stdout);
        assert_eq!(outcome.stdout.lines().next(), Some(*line), "{sql}");
        database.remove().await;
    }
    for (sql, line) in [
        (
            "ALTER TABLE customers RENAME COLUMN notes TO remarks",
            "customers.notes: text expected, no column found",
        ),
        (
            "ALTER TABLE tickets ADD COLUMN paid boolean NOT NULL DEFAULT true",
            "",
        ),
        (
            "DROP TABLE tickets",
            "tickets: a table expected, none found",
        ),
    ] {
        let database = changed(Kind::Sqlite, sql).await;
        let outcome = check(&database);
        if line.is_empty() {
            let alone = "tickets.paid: no column expected, boolean found; it is left alone";
            assert_eq!(outcome.success().lines().next(), Some(alone));
        } else {
            assert_eq!(outcome.status, Some(1), "{sql}: {}", outcome.stdout);
            assert_eq!(outcome.stdout.lines().next(), Some(line), "{sql}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_drizzles_tables_it_is_said_what_goes_without_migrations() {
    let database = TestDatabase::of_drizzle().await;
    let said = check(&database).success();
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 3, "{said}");
    assert_eq!(lines[0], "The database has what the server expects.");
    assert!(lines[1].starts_with("To be done by `repairshop migrate up`: m20261122_000001"));
    assert!(lines[2].starts_with("Until then, sorted lists"), "{said}");
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_mends_it_does_and_takes_nothing_else_away() {
    let sql =
        "DROP TRIGGER repairshop_touch_updated_at ON tickets; DROP INDEX customers_city_id_idx;
        DROP INDEX tickets_open_created_at_id_idx, customers_email_lower_unique;
        DROP FUNCTION repairshop.note_change CASCADE; ALTER TABLE customers DISABLE TRIGGER ALL";
    let database = changed(Kind::Postgres, "SELECT 1").await;
    let before = shape(&database).await;
    let connection = database.connect().await;
    let done = connection.execute_unprepared(sql).await;
    done.expect("less");
    let environment = [("DATABASE_URL", database.url.as_str())];
    assert_eq!(check(&database).status, Some(1));
    let said = repairshop(&["migrate", "up"], &environment).success();
    for line in [
        "restored     customers: the trigger repairshop_note_change\n",
        "restored     tickets: the trigger repairshop_touch_updated_at\n",
        "restored     customers: the index customers_city_id_idx\n",
        "restored     tickets: the index tickets_open_created_at_id_idx\n",
        "restored     customers: unique whatever its case\n",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let enable = "ALTER TABLE customers ENABLE TRIGGER ALL";
    let done = connection.execute_unprepared(enable).await;
    done.expect("triggers");
    connection.close().await.expect("the connection closes");
    check(&database).success();
    assert_eq!(shape(&database).await, before);
    let said = repairshop(&["migrate", "up"], &environment).success();
    assert_eq!(said, "nothing to do\n");
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_dropped_of_adopted_tables_comes_back_in_its_form() {
    let database = TestDatabase::of_drizzle().await;
    let environment = [("DATABASE_URL", database.url.as_str())];
    repairshop(&["migrate", "up"], &environment).success();
    let before = shape(&database).await;
    let connection = database.connect().await;
    let sql = "ALTER TABLE tickets DROP CONSTRAINT tickets_open_created_at_id_idx;
        ALTER TABLE tickets DROP CONSTRAINT tickets_tech_id_idx";
    let done = connection.execute_unprepared(sql).await;
    done.expect("less");
    connection.close().await.expect("the connection closes");
    assert_eq!(check(&database).status, Some(1));
    repairshop(&["migrate", "up"], &environment).success();
    assert_eq!(shape(&database).await, before);
    check(&database).success();
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_of_columns_that_nobody_here_knows_is_left_alone() {
    let sql = "ALTER TABLE customers ADD loyalty integer DEFAULT 0 CHECK (loyalty >= 0)";
    let database = changed(Kind::Postgres, sql).await;
    check(&database).success();
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_is_told_of_rows_hidden_from_it_and_of_its_own_schema_but_needs_no_identitys_sequence()
 {
    let identity = "ALTER TABLE customers ALTER id DROP DEFAULT; DROP SEQUENCE customers_id_seq;
        ALTER TABLE customers ALTER id ADD GENERATED BY DEFAULT AS IDENTITY (START 100)";
    let database = changed(Kind::Postgres, identity).await;
    let connection = database.connect().await;
    let name = rows::<String>(&connection, "SELECT current_database()::text")
        .await
        .remove(0);
    let role = format!("app_of_{name}");
    administer(&format!("CREATE ROLE {role} LOGIN")).await;
    let change = async |sql: &str| {
        let done = connection.execute_unprepared(sql).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    };
    change(&format!(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON customers, tickets TO {role};
        GRANT USAGE ON SEQUENCE tickets_id_seq TO {role}"
    ))
    .await;
    let url = Cluster::get().url_as(&role, &name);
    let environment = [("DATABASE_URL", url.as_str())];
    repairshop(&["check"], &environment).success();
    // A schema of the role's own name comes first, but for us.
    change(&format!(
        "CREATE SCHEMA AUTHORIZATION {role}; CREATE TABLE {role}.customers (id integer)"
    ))
    .await;
    repairshop(&["check"], &environment).success();
    change("ALTER TABLE tickets ENABLE ROW LEVEL SECURITY").await;
    let outcome = repairshop(&["check"], &environment);
    assert_eq!(outcome.status, Some(1));
    let line = "tickets: the right to see every row (row-level security) expected, none found";
    assert_eq!(outcome.stdout.lines().next(), Some(line));
    connection.close().await.expect("the connection closes");
    database.remove().await;
    administer(&format!("DROP ROLE {role}")).await;
}

const OTHERS: &str =
    "CREATE TABLE sessions (id integer PRIMARY KEY); ALTER TABLE customers ADD loyalty integer";

#[tokio::test(flavor = "multi_thread")]
async fn programs_read_it_as_json() {
    let sql = format!(
        "{OTHERS}; ALTER TABLE customers ALTER zip_code TYPE varchar(5) USING left(zip_code, 5)"
    );
    let database = changed(Kind::Postgres, &sql).await;
    let outcome = repairshop(&["check", "--json"], &[("DATABASE_URL", &database.url)]);
    assert_eq!(outcome.status, Some(1));
    assert_eq!(outcome.stderr, "error: 1 difference\n");
    let said: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    let expected = json!([
        {
            "table": "customers", "column": "zip_code", "expected": "varchar(10)", "found": "varchar(5)",
            "severity": "wrong", "mend": null, "message": "customers.zip_code: varchar(10) expected, varchar(5) found"
        },
        {
            "table": "customers", "column": "loyalty", "expected": "no column", "found": "integer",
            "severity": "harmless", "mend": null, "message": "customers.loyalty: no column expected, integer found"
        },
        {
            "table": "sessions", "column": null, "expected": "nothing", "found": "a table",
            "severity": "harmless", "mend": null, "message": "sessions: nothing expected, a table found"
        },
    ]);
    assert_eq!(said["differences"], expected);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_cannot_be_read_stops_the_start() {
    for sql in [
        "ALTER TABLE tickets RENAME description TO details",
        "ALTER TABLE tickets ALTER title DROP NOT NULL",
        "ALTER TABLE tickets ALTER customer_id TYPE bigint",
    ] {
        let database = changed(Kind::Postgres, sql).await;
        let line = check(&database)
            .stdout
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned();
        let environment = [("DATABASE_URL", database.url.as_str()), ("PORT", "0")];
        let outcome = Directory::new().run(&["serve"], &environment);
        assert_eq!(outcome.status, Some(1), "{sql}");
        assert!(
            outcome.stderr.starts_with(&format!("error: {line}")),
            "{line}: {}",
            outcome.stderr
        );
        database.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_does_not_know_is_left_alone_and_told_once() {
    let sql = format!(
        "{OTHERS}; ALTER TABLE customers ALTER zip_code TYPE varchar(5) USING left(zip_code, 5)"
    );
    let database = changed(Kind::Postgres, &sql).await;
    let serving = Serving::start(&[("DATABASE_URL", &database.url)]);
    let greeting = serving.greeting.join("\n");
    let told = "left alone: customers.loyalty: no column expected, integer found; sessions: nothing expected, a table found";
    assert_eq!(greeting.matches(told).count(), 1, "{greeting}");
    let warned = "customers.zip_code: varchar(10) expected, varchar(5) found";
    assert!(
        greeting.contains("WARN") && greeting.contains(warned),
        "{greeting}"
    );
    let rest = serving.stop().join("\n");
    assert!(!rest.contains("left alone"), "{rest}");
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_without_rights_is_told_which_it_lacks() {
    let database = TestDatabase::stocked(Kind::Postgres).await;
    let connection = database.connect().await;
    let name = rows::<String>(&connection, "SELECT current_database()::text")
        .await
        .remove(0);
    let role = format!("reader_of_{name}");
    administer(&format!("CREATE ROLE {role} LOGIN")).await;
    let grant = format!(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON tickets TO {role}; GRANT INSERT ON customers TO {role}"
    );
    connection
        .execute_unprepared(&grant)
        .await
        .expect("the grants");
    let url = Cluster::get().url_as(&role, &name);
    let outcome = repairshop(&["check"], &[("DATABASE_URL", &url)]);
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    let lacks = |table, right| format!("{table}: the right to {right} expected, none found");
    assert_eq!(outcome.status, Some(1));
    assert_eq!(lines[0], lacks("customers", "SELECT"));
    for (table, right) in [
        ("customers", "UPDATE"),
        ("customers", "DELETE"),
        ("tickets", "USAGE of its sequence"),
    ] {
        assert!(lines.contains(&lacks(table, right).as_str()), "{lines:#?}");
    }
    assert_eq!(lines.len(), 5, "{lines:#?}");
    connection.close().await.expect("the connection closes");
    database.remove().await;
    administer(&format!("DROP ROLE {role}")).await;
}
