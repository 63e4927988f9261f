//! The command line. Here: what a newcomer meets when something is not as it should be, which is one
//! line with the remedy. Below: serving, settings and seeding that go well.

mod seed;
mod serving;
mod settings;

use std::net::TcpListener;

use crate::harness::{Cluster, Kind, TestDatabase, administer, repairshop, rows};

/// `serve` ends with status 1, and its last line has each of `needles`.
fn fails(arguments: &[&str], url: &str, needles: &[&str]) {
    // Several of these run at once, and must not take each other's port.
    let environment = [("DATABASE_URL", url), ("LISTEN", "127.0.0.1:0")];
    let outcome = repairshop(arguments, &environment);
    let said = &outcome.stderr;
    assert_eq!(outcome.status, Some(1), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    let line = said.lines().last().unwrap_or_default();
    for needle in needles {
        assert!(line.contains(needle), "{needle:?} is not in: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_told_with_its_address() {
    let database = TestDatabase::empty(Kind::Sqlite).await;
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("its address").to_string();
    let arguments = ["serve", "--listen", &address];
    fails(&arguments, &database.url, &[&address, "--listen"]);
}

#[test]
fn an_unreachable_database_is_told_with_its_address() {
    // Nobody listens on port 1.
    let url = "postgres://shop:hidden@127.0.0.1:1/shop";
    fails(&["serve"], url, &["127.0.0.1:1", "DATABASE_URL"]);
    let outcome = repairshop(&["serve"], &[("DATABASE_URL", url)]);
    assert!(!outcome.stderr.contains("hidden"), "{}", outcome.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_told_and_not_printed() {
    administer("CREATE ROLE with_password LOGIN PASSWORD 'right'").await;
    let url = Cluster::get().url_as("with_password:hidden", "postgres");
    fails(&["serve"], &url, &["password", "DATABASE_URL"]);
    let outcome = repairshop(&["serve"], &[("DATABASE_URL", &url)]);
    assert!(!outcome.stderr.contains("hidden"), "{}", outcome.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unmigrated_database_is_told_with_the_command_to_run() {
    let database = TestDatabase::empty(Kind::Postgres).await;
    fails(&["serve"], &database.url, &["repairshop migrate up"]);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unmigrated_database_is_left_as_it_is() {
    let database = TestDatabase::empty(Kind::Postgres).await;
    let connection = database.connect().await;
    let relations =
        "SELECT count(*) FROM pg_class WHERE relnamespace >= 16384 OR relnamespace = 2200";
    for command in ["serve", "seed"] {
        fails(&[command], &database.url, &["repairshop migrate up"]);
        assert_eq!(rows::<i64>(&connection, relations).await, [0], "{command}");
    }
    connection.close().await.expect("the connection closes");
    database.remove().await;
}

#[test]
fn an_unwritable_path_is_told() {
    let url = "sqlite:///nowhere/at/all/shop.db";
    fails(&["serve"], url, &["/nowhere/at/all/shop.db"]);
}
