//! `migrate generate`: in a copy of the workspace whose entities are changed, and on databases.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use sea_orm::ConnectionTrait;

use super::shape::shape;
use crate::harness::{Directory, Kind, TestDatabase, cargo, repairshop, rows};

/// A copy of the crates that know entities and migrations, with entities of its own.
struct Copy {
    place: PathBuf,
    /// Where Cargo puts what it builds: with what the tests themselves were built with.
    target: PathBuf,
}

impl Copy {
    /// At a place that stays, so that only what differs is built again.
    fn new(name: &str) -> Self {
        let target = Path::new(env!("CARGO_BIN_EXE_repairshop"))
            .ancestors()
            .nth(2);
        let target = target.expect("the program is in target/debug").to_owned();
        let place = target.join("tmp").join(name);
        let _ = fs::remove_dir_all(&place);
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for part in [
            "entity/src",
            "migration/src",
            "migration/src/tables",
            "migration/src/generate",
        ] {
            fs::create_dir_all(place.join(part)).expect("a directory");
            for file in fs::read_dir(workspace.join(part))
                .expect("the sources")
                .flatten()
            {
                if file.path().is_file() {
                    fs::copy(file.path(), place.join(part).join(file.file_name())).expect("a copy");
                }
            }
        }
        for file in [
            "Cargo.toml",
            "Cargo.lock",
            "entity/Cargo.toml",
            "migration/Cargo.toml",
        ] {
            fs::copy(workspace.join(file), place.join(file)).expect("a copy");
        }
        let copy = Self { place, target };
        copy.edit(
            "Cargo.toml",
            &[
                (
                    r#"["api", "entity", "migration"]"#,
                    r#"["entity", "migration"]"#,
                ),
                (
                    r#"default-members = ["api"]"#,
                    r#"default-members = ["migration"]"#,
                ),
            ],
        );
        // Of other names than the real ones, which Cargo would take them for. With what the API depends
        // on, the libraries have the features that they were built with already.
        let api = fs::read_to_string(workspace.join("api/Cargo.toml")).expect("the API's manifest");
        let dependencies = api
            .split("[dependencies]\n")
            .nth(1)
            .and_then(|rest| rest.split("\n\n").next());
        let dependencies = dependencies.expect("its dependencies").lines();
        let own = fs::read_to_string(copy.place.join("migration/Cargo.toml")).expect("a manifest");
        let more: Vec<&str> = dependencies
            .take_while(|line| !line.starts_with('['))
            .filter(|line| !own.contains(line) && !line.starts_with("migration"))
            .collect();
        let more = format!("[dependencies]\n{}\n", more.join("\n"));
        let program = format!(
            "[[bin]]\nname = \"{name}\"\npath = \"src/main.rs\"\n\n[lib]\nname = \"migration\"\n"
        );
        copy.edit(
            "migration/Cargo.toml",
            &[
                ("name = \"migration\"", "name = \"changed-migration\""),
                ("[dependencies]\n", &more),
                ("[lib]\n", &program),
            ],
        );
        copy.edit(
            "entity/Cargo.toml",
            &[
                ("name = \"entity\"", "name = \"changed-entity\""),
                (
                    "[dependencies]\n",
                    "[lib]\nname = \"entity\"\n\n[dependencies]\n",
                ),
            ],
        );
        copy.edit(
            "Cargo.toml",
            &[
                (
                    "entity = { path",
                    r#"entity = { package = "changed-entity", path"#,
                ),
                (
                    "migration = { path",
                    r#"migration = { package = "changed-migration", path"#,
                ),
            ],
        );
        copy
    }

    /// Each text stands there once.
    fn edit(&self, file: &str, edits: &[(&str, &str)]) {
        let path = self.place.join(file);
        let mut text = fs::read_to_string(&path).expect("a file of the copy");
        for (from, to) in edits {
            assert_eq!(text.matches(from).count(), 1, "{from} in {file}");
            text = text.replace(from, to);
        }
        fs::write(&path, text).expect("a file of the copy");
    }

    /// Runs `cargo run -p migration -- …` there: whether it went well, and what it printed.
    fn run(&self, arguments: &[&str], url: &str) -> (bool, String) {
        let output = cargo()
            .args([
                "run",
                "--quiet",
                "--offline",
                "-p",
                "changed-migration",
                "--target-dir",
            ])
            .arg(&self.target)
            .arg("--")
            .args(arguments)
            .env("DATABASE_URL", url)
            .current_dir(&self.place)
            .stdin(Stdio::null())
            .output();
        let output = output.expect("cargo runs");
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    }

    fn goes_well(&self, arguments: &[&str], url: &str) -> String {
        let (well, said) = self.run(arguments, url);
        assert!(well, "{said}");
        said
    }
}

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
    fs::write(copy.place.join("entity/src/invoice.rs"), INVOICE).expect("one more entity");
    copy.edit("entity/src/lib.rs", &[
        ("pub mod ticket;\n", "pub mod ticket;\npub mod invoice;\n"),
        (
            "        Definition::of(ticket::Entity, backend),\n",
            "        Definition::of(ticket::Entity, backend),\n        Definition::of(invoice::Entity, backend),\n",
        ),
    ]);
}

const CHANGES: [&str; 11] = [
    "changes customers.phone: varchar, was varchar not null",
    "adds customers.points: integer not null default 3",
    "adds customers.tier: varchar not null default 'it''s new'",
    "adds customers.tax_number: varchar",
    "changes customers.zip_code: varchar(20) not null, was varchar(10) not null",
    "renames customers.notes to remarks",
    "adds customers_tax_number_unique on customers",
    "adds idx-customers-zip_code on customers",
    "removes customers.address2 WITH ALL ITS VALUES",
    "adds invoices",
    "note: if customers.address2 has another name now, say so in the entity: #[sea_orm(renamed_from = \"address2\")]",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_entity_becomes_a_migration_and_what_cannot_be_done_is_refused() {
    let copy = Copy::new("migration-of-changed-entities");
    let nowhere = "sqlite::memory:";
    change(&copy);
    let said = copy.goes_well(&["generate", "invoices"], nowhere);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[..CHANGES.len()], CHANGES);
    let written = lines.last().and_then(|line| line.strip_prefix("written: "));
    let file =
        fs::read_to_string(copy.place.join(written.expect("a file"))).expect("the migration");
    assert!(file.contains("serial_key(manager, \"id\")"), "{file}");

    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = TestDatabase::stocked(kind).await;
        let before = shape(&database).await;
        let applied = copy.goes_well(&["up"], &database.url);
        assert!(
            applied.starts_with("applied ") && applied.contains("_invoices\n"),
            "{applied}"
        );
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
    let again = copy.goes_well(&["generate", "again"], nowhere);
    assert_eq!(
        again,
        "nothing to do: the migrations lead to what the entities say\n"
    );
    let scratch = TestDatabase::empty(Kind::Postgres).await;
    let before = shape(&scratch).await;
    let again = copy.goes_well(&["generate", "again", "--scratch", &scratch.url], nowhere);
    assert!(again.starts_with("nothing to do"), "{again}");
    assert_eq!(shape(&scratch).await, before);
    scratch.remove().await;

    // What would need somebody to decide.
    copy.edit(
        "entity/src/customer.rs",
        &[
            (
                "    pub city: String,\n",
                "    pub city: i32,\n    pub region: String,\n",
            ),
            ("\"String(StringLen::N(2))\"", "\"String(StringLen::N(1))\""),
            (
                "    pub remarks: Option<String>,",
                "    pub remarks: String,",
            ),
            ("Text\", nullable, renamed_from", "Text\", renamed_from"),
            ("    #[sea_orm(unique)]\n    pub email: String,\n", ""),
        ],
    );
    let files = || {
        fs::read_dir(copy.place.join("migration/src"))
            .expect("the directory")
            .count()
    };
    let count = files();
    let (well, said) = copy.run(&["generate", "too_much"], nowhere);
    assert!(!well);
    for reason in [
        "customers.city: values of varchar may not fit into integer",
        "customers.region: rows that are there would have no value",
        "customers.state: values of varchar(2) may not fit into varchar(1)",
        "customers.remarks: rows may be null there",
        "customers.email: SQLite removes no column with a unique constraint",
        "customers.email: customers_email_lower_unique needs it",
    ] {
        assert!(said.contains(reason), "{reason}: {said}");
    }
    assert_eq!(files(), count, "nothing is written");
}

/// Lines of catalogs without the places of columns, and SQLite's table as the set of its parts: what
/// comes back comes back at the end.
fn without_order(shape: Vec<String>) -> Vec<Vec<String>> {
    let mut lines: Vec<Vec<String>> = (shape.into_iter())
        .map(|line| {
            let line = line.replace(" WITH ALL", "");
            let mut parts: Vec<String> = line
                .split([',', ' ', '(', ')'])
                .filter(|part| !part.is_empty() && part.parse::<u32>().is_err())
                .map(str::to_owned)
                .collect();
            parts.sort();
            parts
        })
        .collect();
    lines.sort();
    lines
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
