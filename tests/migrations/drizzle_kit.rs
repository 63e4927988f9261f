//! The real drizzle-kit, before and after our migrations.

use std::{fs, path::Path};

use super::{
    adopted::{ROWS, SOME_ROWS, by_drizzle, execute, facts, migrate},
    shape::{COLUMNS, CONSTRAINTS},
};
use crate::harness::{DRIZZLE, Kind, TestDatabase, node_with, repairshop};

/// The app's repository: what drizzle-kit has written there.
struct App {
    migrations: tempfile::TempDir,
}

impl App {
    fn new() -> Self {
        let migrations = tempfile::tempdir().expect("a temporary directory");
        Self { migrations }
    }

    /// Runs drizzle-kit, which has to end well, and returns what it printed.
    async fn kit(&self, database: &TestDatabase, arguments: &[&str]) -> String {
        // It takes a relative path alone.
        let out = self.migrations.path().join("drizzle");
        let out = format!("{}{}", "../".repeat(20), out.display());
        let config = ["--config", "drizzle/drizzle.config.js"];
        let environment = [("DATABASE_URL", database.url.as_str()), ("OUT", &out)];
        let arguments = [&arguments[..1], &config, &arguments[1..]].concat();
        node_with("node_modules/drizzle-kit/bin.cjs", &arguments, &environment).await
    }

    /// The SQL that `generate` has written.
    fn sql(&self) -> String {
        let files = fs::read_dir(self.migrations.path().join("drizzle"));
        let files = files.expect("drizzle-kit's directory").flatten();
        let sql: Vec<_> = (files.map(|file| file.path()))
            .filter(|path| path.extension().is_some_and(|it| it == "sql"))
            .collect();
        let [file] = sql.as_slice() else {
            panic!("one migration: {sql:?}");
        };
        fs::read_to_string(Path::new(file)).expect("its text")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn drizzle_kit_makes_the_tables_that_we_make() {
    let (app, drizzle) = (App::new(), TestDatabase::empty(Kind::Postgres).await);
    app.kit(&drizzle, &["generate"]).await;
    let (_, sql) = DRIZZLE.split_once('\n').expect("a comment");
    assert_eq!(app.sql().trim(), sql.trim());
    app.kit(&drizzle, &["migrate"]).await;
    let ours = TestDatabase::empty(Kind::Postgres).await;
    migrate(&ours, "up");
    // Those of the indexes that ours have beside them are no constraints there.
    for facts_of in [COLUMNS, CONSTRAINTS] {
        let mut theirs = facts(&drizzle, facts_of).await;
        theirs.retain(|fact| !fact.starts_with("drizzle."));
        assert_eq!(facts(&ours, facts_of).await, theirs);
    }
    ours.remove().await;
    drizzle.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drizzle_kit_sees_no_change_in_what_it_migrated_itself() {
    let (app, database) = (App::new(), TestDatabase::empty(Kind::Postgres).await);
    app.kit(&database, &["generate"]).await;
    app.kit(&database, &["migrate"]).await;
    execute(&database, SOME_ROWS).await;
    let done = "SELECT hash FROM drizzle.__drizzle_migrations";
    let (rows, journal) = (facts(&database, ROWS).await, facts(&database, done).await);
    assert_eq!(journal.len(), 1);

    migrate(&database, "up");
    sees_no_change(&app, &database).await;
    app.kit(&database, &["migrate"]).await;
    assert_eq!(facts(&database, ROWS).await, rows);
    assert_eq!(facts(&database, done).await, journal);
    let check = repairshop(&["check"], &[("DATABASE_URL", &database.url)]).success();
    assert!(check.contains("has what the server expects"), "{check}");
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drizzle_kit_sees_no_change_in_what_it_pushed() {
    let (app, database) = (App::new(), TestDatabase::empty(Kind::Postgres).await);
    app.kit(&database, &["push", "--force"]).await;
    execute(&database, SOME_ROWS).await;
    let rows = facts(&database, ROWS).await;
    migrate(&database, "up");
    app.kit(&database, &["generate"]).await;
    sees_no_change(&app, &database).await;
    // Nor once they are made anew.
    migrate(&database, "down");
    migrate(&database, "up");
    sees_no_change(&app, &database).await;
    assert_eq!(facts(&database, ROWS).await, rows);
    database.remove().await;
}

async fn sees_no_change(app: &App, database: &TestDatabase) {
    let push = app.kit(database, &["push", "--strict", "--verbose"]).await;
    assert!(push.contains("No changes detected"), "{push}");
    let generate = app.kit(database, &["generate"]).await;
    assert!(generate.contains("No schema changes"), "{generate}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_indexes_that_it_does_not_see_are_there() {
    let database = by_drizzle().await;
    migrate(&database, "up");
    let ours = TestDatabase::empty(Kind::Postgres).await;
    migrate(&ours, "up");
    // Not those for search, which no constraint can have.
    let names =
        "SELECT indexname::text FROM pg_indexes WHERE schemaname = 'public' AND indexdef !~ 'gin'";
    assert_eq!(facts(&database, names).await, facts(&ours, names).await);
    database.remove().await;
    ours.remove().await;
}
