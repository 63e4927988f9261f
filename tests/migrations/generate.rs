//! `migrate generate`: in a copy of the workspace whose entities are changed, and on databases.

use std::fs;

use sea_orm::ConnectionTrait;

use super::{
    copy::{Copy, without_order},
    shape::shape,
};
use crate::harness::{Directory, Kind, TestDatabase, repairshop, rows};

const INVOICE: &str = r#"//! `invoices`.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "invoices")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i32,
    #[sea_orm(unique)]
    pub number: String,
    pub ticket_id: i32,
    #[sea_orm(default_expr = "Expr::current_timestamp()", indexed)]
    pub sent_at: DateTime,
    #[sea_orm(belongs_to, from = "ticket_id", to = "id")]
    pub ticket: BelongsTo<super::ticket::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
"#;

/// What one does to entities: columns and a table added, changed, renamed and removed.
fn change(copy: &Copy) {
    copy.edit("entity/src/customer.rs", &[
        (
            "    #[sea_orm(column_type = \"String(StringLen::N(10))\")]\n",
            "    #[sea_orm(column_type = \"String(StringLen::N(20))\", indexed)]\n",
        ),
        ("    pub address2: Option<String>,\n", ""),
        ("    #[sea_orm(default_value = true)]\n    pub active: bool,\n", ""),
        (
            "    pub phone: String,\n",
            "    pub phone: Option<String>,\n    #[sea_orm(default_value = 3)]\n    pub points: i32,\n    \
             #[sea_orm(default_value = \"it's new\")]\n    pub tier: String,\n    \
             #[sea_orm(unique)]\n    pub tax_number: Option<String>,\n",
        ),
        (
            "nullable)]\n    pub notes: Option<String>,",
            "nullable, renamed_from = \"notes\")]\n    pub remarks: Option<String>,",
        ),
    ]);
    copy.write("entity/src/invoice.rs", INVOICE);
    copy.edit("entity/src/lib.rs", &[
        ("pub mod ticket;\n", "pub mod ticket;\npub mod invoice;\n"),
        (
            "        Definition::of(ticket::Entity, backend),\n",
            "        Definition::of(ticket::Entity, backend),\n        Definition::of(invoice::Entity, backend),\n",
        ),
    ]);
}

const CHANGES: &str = "\
removes customers_active_id_idx on customers
renames customers.notes to remarks
adds invoices
adds customers.points: integer not null default 3
adds customers.tier: varchar not null default 'it''s new'
adds customers.tax_number: varchar
changes customers.phone: varchar, was varchar not null
changes customers.zip_code: varchar(20) not null, was varchar(10) not null
removes customers.address2 WITH ALL ITS VALUES
removes customers.active WITH ALL ITS VALUES
adds customers_tax_number_unique on customers
adds customers_zip_code_index on customers
note: if customers.address2 has another name now, say so in the entity: #[sea_orm(renamed_from = \"address2\")]
note: if customers.active has another name now, say so in the entity: #[sea_orm(renamed_from = \"active\")]
";

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_entity_becomes_a_migration_and_what_cannot_be_done_is_refused() {
    let copy = Copy::new("migration-of-changed-entities");
    change(&copy);
    let (said, file) = copy.generates("invoices");
    assert_eq!(said, CHANGES);
    assert!(file.contains("serial_key(manager, \"id\")"), "{file}");

    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = TestDatabase::stocked(kind).await;
        let before = shape(&database).await;
        if database.kind == Kind::Postgres {
            // A part of it, another program has done already.
            let connection = database.connect().await;
            let sql = "ALTER TABLE customers ADD points integer NOT NULL DEFAULT 3,
                ADD tax_number varchar CONSTRAINT customers_tax_number_unique UNIQUE;
                ALTER TABLE customers RENAME notes TO remarks;
                CREATE INDEX customers_zip_code_index ON customers (zip_code)";
            let done = connection.execute_unprepared(sql).await;
            done.expect("a column");
            connection.close().await.expect("the connection closes");
        }
        let applied = copy.goes_well(&["up"], &database.url);
        assert!(
            applied.starts_with("applied ") && applied.contains("_invoices\n"),
            "{applied}"
        );
        // The index over a column that is gone is not missed.
        assert_eq!(copy.goes_well(&["up"], &database.url), "nothing to do\n");
        let connection = database.connect().await;
        let values = "SELECT first_name || ' ' || points || ' ' || tier || ' ' || remarks FROM customers WHERE id = 1";
        let expected = "Ada 3 it's new Prefers calls before 9";
        assert_eq!(rows::<String>(&connection, values).await, [expected]);
        for sql in [
            "UPDATE customers SET phone = NULL, zip_code = '12345678901234567890' WHERE id = 2",
            "INSERT INTO invoices (number, ticket_id) VALUES ('1', 1)",
        ] {
            let done = connection.execute_unprepared(sql).await;
            done.unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
        for sql in [
            "INSERT INTO invoices (number, ticket_id) VALUES ('1', 1)",
            "INSERT INTO invoices (number, ticket_id) VALUES ('2', 1000)",
            "UPDATE customers SET tax_number = '7'",
            "UPDATE customers SET first_name = NULL",
        ] {
            connection
                .execute_unprepared(sql)
                .await
                .expect_err("a constraint");
        }
        // Back again: what no longer fits is refused first.
        let (well, _) = copy.run(&["down"], &database.url);
        assert!(!well, "a phone number is null now");
        let fits = "UPDATE customers SET phone = '1', zip_code = '1' WHERE id = 2";
        connection
            .execute_unprepared(fits)
            .await
            .expect("an update");
        copy.goes_well(&["down"], &database.url);
        connection.close().await.expect("the connection closes");
        assert_eq!(without_order(shape(&database).await), without_order(before));
        let check = repairshop(&["check"], &[("DATABASE_URL", &database.url)]);
        assert!(check.success().starts_with("The database has"));
        database.remove().await;
    }
    copy.has_nothing_to_do().await;
    drizzles_tables_are_adopted_unless_something_is_missing_even_then(&copy).await;

    // What would need somebody to decide.
    copy.edit(
        "entity/src/customer.rs",
        &[
            (
                "    pub city: String,\n",
                "    pub city: i32,\n    pub region: String,\n",
            ),
            ("\"String(StringLen::N(2))\"", "\"String(StringLen::N(1))\""),
            ("    #[sea_orm(unique)]\n    pub email: String,\n", ""),
            ("    pub phone: Option<String>,\n", ""),
        ],
    );
    copy.edit(
        "entity/src/ticket.rs",
        &[(
            "    pub tech: String,\n",
            "    #[sea_orm(renamed_from = \"tech\")]\n    pub technician: String,\n",
        )],
    );
    let said = copy.refuses("too_much");
    for reason in [
        "customers.city: values of varchar may not fit into integer",
        "customers.region: rows that are there would have no value",
        "customers.state: values of varchar(2) may not fit into varchar(1)",
        "customers.email: SQLite removes no column with a unique constraint that was made with its table",
        "customers.email: customers_email_lower_unique needs it",
        "customers.email: m20261122_000007_beside_drizzle has SQL that needs it",
        "customers.phone: m20261122_000004_search_index has SQL that needs it",
        "tickets.tech: a function or a trigger of m20261122_000005_changes names it",
    ] {
        assert!(said.contains(reason), "{reason}: {said}");
    }
}

/// They lack columns that the entities have and that a pending migration adds.
async fn drizzles_tables_are_adopted_unless_something_is_missing_even_then(copy: &Copy) {
    let database = TestDatabase::of_drizzle().await;
    let connection = database.connect().await;
    let less = "ALTER TABLE tickets DROP COLUMN description";
    let done = connection.execute_unprepared(less).await;
    done.expect("a column less");
    let before = shape(&database).await;
    let (well, said) = copy.run(&["up"], &database.url);
    assert!(!well, "{said}");
    assert!(
        said.contains("error: tickets.description: text expected, no column found\n"),
        "{said}"
    );
    assert_eq!(shape(&database).await, before);
    let again = "ALTER TABLE tickets ADD description text";
    connection
        .execute_unprepared(again)
        .await
        .expect("it is back");
    let said = copy.goes_well(&["up"], &database.url);
    assert!(
        said.contains("triggers of 8 migrations; ") && said.contains("; 1 migration more may"),
        "{said}"
    );
    let points = "SELECT DISTINCT points FROM customers";
    assert_eq!(rows::<i32>(&connection, points).await, [3]);
    connection.close().await.expect("the connection closes");
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_refused_where_there_is_no_source_or_no_empty_database() {
    let here = Directory::new();
    let outcome = here.run(&["migrate", "generate", "more"], &[]);
    assert_eq!(outcome.status, Some(1));
    assert!(
        outcome.stderr.contains("there is no migration/src/lib.rs"),
        "{}",
        outcome.stderr
    );
    let outcome = here.run(&["migrate", "generate", "More!"], &[]);
    assert_eq!(outcome.status, Some(2));
    assert!(
        outcome.stderr.contains("expected small letters"),
        "{}",
        outcome.stderr
    );
    for name in ["", "../more", "more/../../more", "größer", "a b"] {
        let outcome = here.run(&["migrate", "generate", name], &[]);
        assert_eq!(outcome.status, Some(2), "{name}: {}", outcome.stderr);
    }
    // As where one has generated, and starts the program of before once more.
    let list = "            Box::new(m20991231_000001_more::Migration),\n";
    fs::write(here.file("lib.rs"), list).expect("a list of migrations");
    let outcome = here.run(&["migrate", "generate", "more", "--to", "."], &[]);
    assert_eq!(
        (outcome.status, outcome.stderr.as_str()),
        (
            Some(1),
            "error: this program was built before m20991231_000001_more was written: \
             build it anew, as cargo run does\n"
        )
    );
    // SQL that it would not see.
    fs::write(here.file("lib.rs"), "").expect("no list");
    let more = "const UP: &str = include_str!(\"up.sql\");";
    fs::write(here.file("m20260101_000001_more.rs"), more).expect("a migration");
    let outcome = here.run(&["migrate", "generate", "more", "--to", "."], &[]);
    assert_eq!(
        (outcome.status, outcome.stderr.as_str()),
        (
            Some(1),
            "error: ./m20260101_000001_more.rs cannot be read: it includes another file; \
             write that file's SQL into it\n"
        )
    );
    let stocked = TestDatabase::stocked(Kind::Postgres).await;
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../migration/src");
    let arguments = [
        "migrate",
        "generate",
        "more",
        "--to",
        source,
        "--scratch",
        &stocked.url,
    ];
    let outcome = here.run(&arguments, &[]);
    assert_eq!(outcome.status, Some(1));
    assert_eq!(
        outcome.stderr,
        "error: the scratch database has tables: it has to be empty\n"
    );
    let outcome = here.run(&arguments[..5], &[]);
    assert_eq!(
        outcome.success(),
        "nothing to do: the migrations lead to what the entities say\n"
    );
    stocked.remove().await;
}
