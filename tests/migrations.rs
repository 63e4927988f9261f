//! The four commands of `repairshop migrate`, which are those of the migrations' own program, on both
//! databases. Below: the tables that they make or adopt, and what PostgreSQL gets beside them.

mod adopted;
mod copy;
mod drizzle_kit;
mod generate;
mod generated;
mod keys;
mod locks;
mod plans;
mod served;
mod shape;
mod trigger;

use std::thread;

use crate::harness::{Directory, Kind, TestDatabase, repairshop, rows};
pub(crate) use shape::shape;

const ALL: [&str; 8] = [
    "m20261122_000001_customers_and_tickets",
    "m20261122_000002_indexes",
    "m20261122_000003_updated_at_trigger",
    "m20261122_000004_search_index",
    "m20261122_000005_changes",
    "m20261122_000006_growth",
    "m20261122_000007_beside_drizzle",
    "m20261123_000008_search_figures",
];

/// What the command prints for these migrations.
fn lines(word: &str, names: &[&str]) -> String {
    let line = |name: &&str| format!("{word:<11}  {name}\n");
    names.iter().map(line).collect()
}

/// Makes a test of each database of these behaviours.
macro_rules! on_each {
    ($($behaviour:ident),+ $(,)?) => {$(
        mod $behaviour {
            #[tokio::test(flavor = "multi_thread")]
            async fn sqlite() {
                super::$behaviour($crate::harness::Kind::Sqlite).await;
            }
            #[tokio::test(flavor = "multi_thread")]
            async fn postgres() {
                super::$behaviour($crate::harness::Kind::Postgres).await;
            }
        }
    )+};
}

on_each!(
    up_and_down_and_up_again,
    both_programs_do_the_same,
    the_status_changes_nothing,
    fresh_starts_over,
    four_at_once_end_with_one_applied_set,
    a_newer_databases_migrations_are_left_alone,
);

async fn up_and_down_and_up_again(kind: Kind) {
    let database = TestDatabase::empty(kind).await;
    let migrate = |arguments: &[&str]| {
        let arguments = [&["migrate"], arguments].concat();
        repairshop(&arguments, &[("DATABASE_URL", &database.url)]).success()
    };
    let empty = shape(&database).await;
    let mut after = Vec::new();
    for name in ALL {
        assert_eq!(migrate(&["up", "-n", "1"]), lines("applied", &[name]));
        after.push(shape(&database).await);
    }
    assert_eq!(migrate(&["up"]), "nothing to do\n");
    assert_eq!(shape(&database).await, after[ALL.len() - 1]);

    // Each step back is where the step there began.
    for step in (2..ALL.len()).rev() {
        assert_eq!(migrate(&["down"]), lines("rolled back", &ALL[step..=step]));
        assert_eq!(shape(&database).await, after[step - 1]);
    }
    let both = lines("rolled back", &[ALL[1], ALL[0]]);
    assert_eq!(migrate(&["down", "-n", "2"]), both);
    assert_eq!(shape(&database).await, empty);
    assert_eq!(migrate(&["down"]), "nothing to do\n");

    assert_eq!(migrate(&["up"]), lines("applied", &ALL));
    assert_eq!(shape(&database).await, after[ALL.len() - 1]);
    database.remove().await;
}

async fn both_programs_do_the_same(kind: Kind) {
    let database = TestDatabase::empty(kind).await;
    let environment = [("DATABASE_URL", database.url.as_str())];
    let migration = |arguments: &[&str]| {
        Directory::new()
            .migration(arguments, &environment)
            .success()
    };
    let server = |command| repairshop(&["migrate", command], &environment).success();
    assert_eq!(migration(&["up"]), lines("applied", &ALL));
    assert_eq!(server("up"), "nothing to do\n");
    assert_eq!(migration(&["status"]), server("status"));
    let made = shape(&database).await;
    assert_eq!(server("down"), lines("rolled back", &ALL[ALL.len() - 1..]));
    assert_eq!(migration(&["up"]), lines("applied", &ALL[ALL.len() - 1..]));
    assert_eq!(shape(&database).await, made);
    database.remove().await;
}

async fn the_status_changes_nothing(kind: Kind) {
    let database = TestDatabase::empty(kind).await;
    let environment = [("DATABASE_URL", database.url.as_str())];
    let here = Directory::new();
    let status = || here.run(&["migrate", "status"], &environment).success();
    let empty = shape(&database).await;
    assert_eq!(status(), lines("pending", &ALL));
    assert_eq!(shape(&database).await, empty);
    let up = here.run(&["migrate", "up", "-n", "1"], &environment);
    up.success();
    let made = shape(&database).await;
    let expected = lines("applied", &ALL[..1]) + &lines("pending", &ALL[1..]);
    assert_eq!(status(), expected);
    assert_eq!(shape(&database).await, made);
    database.remove().await;
}

#[test]
fn the_status_of_a_file_that_is_not_there_makes_none() {
    let here = Directory::new();
    let outcome = here.run(&["migrate", "status"], &[]);
    assert_eq!(outcome.success(), lines("pending", &ALL));
    let outcome = here.migration(&["status"], &[]);
    assert_eq!(outcome.success(), lines("pending", &ALL));
    assert!(!here.file("repairshop.db").exists());
}

async fn fresh_starts_over(kind: Kind) {
    let database = TestDatabase::stocked(kind).await;
    let connection = database.connect().await;
    let execute = |sql| sea_orm::ConnectionTrait::execute_unprepared(&connection, sql);
    let other = execute("CREATE TABLE invoices (id integer PRIMARY KEY)").await;
    other.expect("another program's table");
    let before = shape(&database).await;
    let outcome = repairshop(&["migrate", "fresh"], &[("DATABASE_URL", &database.url)]);
    let backwards: Vec<_> = ALL.into_iter().rev().collect();
    let expected = lines("rolled back", &backwards) + &lines("applied", &ALL);
    assert_eq!(outcome.success(), expected);
    assert_eq!(shape(&database).await, before);
    let left = "SELECT (SELECT count(*) FROM customers) + (SELECT count(*) FROM tickets)";
    assert_eq!(rows::<i64>(&connection, left).await, [0]);
    connection.close().await.expect("the connection closes");
    database.remove().await;
}

async fn four_at_once_end_with_one_applied_set(kind: Kind) {
    let alone = TestDatabase::empty(kind).await;
    repairshop(&["migrate", "up"], &[("DATABASE_URL", &alone.url)]).success();
    let database = TestDatabase::empty(kind).await;
    let printed: Vec<String> = thread::scope(|scope| {
        let up = || repairshop(&["migrate", "up"], &[("DATABASE_URL", &database.url)]).success();
        let four = [(); 4].map(|()| scope.spawn(up));
        four.into_iter()
            .map(|one| one.join().expect("it went well"))
            .collect()
    });
    let mut printed: Vec<&str> = printed.iter().map(String::as_str).collect();
    printed.sort_unstable();
    let applied = lines("applied", &ALL);
    let nothing = "nothing to do\n";
    assert_eq!(printed, [&applied, nothing, nothing, nothing]);
    assert_eq!(shape(&database).await, shape(&alone).await);
    alone.remove().await;
    database.remove().await;
}

async fn a_newer_databases_migrations_are_left_alone(kind: Kind) {
    let database = TestDatabase::stocked(kind).await;
    let connection = database.connect().await;
    let schema = if kind == Kind::Postgres {
        "repairshop."
    } else {
        ""
    };
    let newer = format!("INSERT INTO {schema}seaql_migrations VALUES ('m20991231_000001_new', 0)");
    let newer = sea_orm::ConnectionTrait::execute_unprepared(&connection, &newer).await;
    newer.expect("a migration of the future");
    let environment = [("DATABASE_URL", database.url.as_str()), ("PORT", "0")];
    let here = Directory::new();
    let migrate = |command| here.run(&["migrate", command], &environment);
    let before = shape(&database).await;
    assert_eq!(migrate("up").success(), "nothing to do\n");
    for command in ["down", "fresh"] {
        let outcome = migrate(command);
        assert_eq!(outcome.status, Some(1), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("nothing was changed"));
        assert!(outcome.stderr.contains("m20991231_000001_new"));
    }
    let expected = lines("applied", &ALL) + &lines("unknown", &["m20991231_000001_new"]);
    assert_eq!(migrate("status").success(), expected);
    assert_eq!(shape(&database).await, before);
    // Which is what a deployment looks like while the old version still runs.
    here.serve(&[], &environment);
    connection.close().await.expect("the connection closes");
    database.remove().await;
}
