//! Migrating beside an app that uses the tables.

use std::thread;

use sea_orm::ConnectionTrait;

use super::{
    adopted::{execute, facts},
    shape::shape,
};
use crate::harness::{TestDatabase, repairshop, rows, until};

/// Whether a migration waits for a table.
const WAITING: &str = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation IN \
    ('public.customers'::regclass, 'public.tickets'::regclass)";

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_gives_way_to_who_holds_a_table_for_long_and_says_who_that_is() {
    let database = TestDatabase::of_drizzle().await;
    let before = shape(&database).await;
    // In a database that was copied, tables have the same numbers: this one is nobody's business.
    let (elsewhere, app) = (TestDatabase::of_drizzle().await, database.connect().await);
    let other = elsewhere.connect().await;
    let began =
        "SET application_name = 'elsewhere'; BEGIN; UPDATE tickets SET tech = 'Bea' WHERE id = 1";
    let began = other.execute_unprepared(began).await;
    began.expect("a transaction");
    let began = "SET application_name = 'nightly report'; BEGIN; UPDATE tickets SET tech = 'Bea' WHERE id = 1";
    app.execute_unprepared(began).await.expect("a transaction");
    let outcome = thread::scope(|scope| {
        let up = || repairshop(&["migrate", "up"], &[("DATABASE_URL", &database.url)]);
        let up = scope.spawn(up);
        // Others go on writing meanwhile: none of them waits for as long as the lock is held.
        while !up.is_finished() {
            let write = execute(&database, "UPDATE tickets SET tech = 'Chuck' WHERE id = 2");
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(write));
        }
        up.join().expect("it ended")
    });
    assert_eq!(outcome.status, Some(1), "{}", outcome.stdout);
    let said = "nothing was changed: customers or tickets are in use in a transaction of nightly report (process ";
    assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("pg_terminate_backend("));
    assert_eq!(shape(&database).await, before);
    app.close().await.expect("the connection closes");
    other.close().await.expect("the connection closes");
    elsewhere.remove().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_does_nothing_in_vain_while_somebody_reads_for_long() {
    let database = TestDatabase::of_drizzle().await;
    let (app, other) = (database.connect().await, database.connect().await);
    let began = "BEGIN; SELECT count(*) FROM tickets";
    app.execute_unprepared(began).await.expect("a transaction");
    let url = database.url.clone();
    let up = thread::spawn(move || repairshop(&["migrate", "up"], &[("DATABASE_URL", &url)]));
    until(async || rows::<i64>(&other, WAITING).await[0] > 0).await;
    // It has locked the one table that it could have, and made no index there yet.
    let made = "SELECT count(*) FROM pg_locks WHERE mode = 'ShareLock' AND granted AND relation IN \
        ('public.customers'::regclass, 'public.tickets'::regclass)";
    assert_eq!(rows::<i64>(&other, made).await, [0]);
    app.execute_unprepared("COMMIT").await.expect("a commit");
    let outcome = tokio::task::block_in_place(|| up.join().expect("it ended"));
    assert_eq!(outcome.success().lines().count(), 8);
    app.close().await.expect("the connection closes");
    other.close().await.expect("the connection closes");
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_waits_for_a_transaction_that_ends() {
    let database = TestDatabase::of_drizzle().await;
    let (app, other) = (database.connect().await, database.connect().await);
    let began = "BEGIN; UPDATE tickets SET tech = 'Dora' WHERE id = 1";
    app.execute_unprepared(began).await.expect("a transaction");
    let url = database.url.clone();
    let up = thread::spawn(move || repairshop(&["migrate", "up"], &[("DATABASE_URL", &url)]));
    // The first attempt gives way, for others to go on, and a later one finds the table free.
    until(async || rows::<i64>(&other, WAITING).await[0] > 0).await;
    until(async || rows::<i64>(&other, WAITING).await[0] == 0).await;
    app.execute_unprepared("COMMIT").await.expect("a commit");
    let outcome = tokio::task::block_in_place(|| up.join().expect("it ended"));
    // What it is about to do is said first.
    let said = "customers and tickets (1 MB) get the indexes and triggers of 8 migrations; that takes about 1 s, \
        in which writes to them wait";
    assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
    assert_eq!(outcome.success().lines().count(), 8);
    let kept = "SELECT id::text FROM tickets WHERE tech = 'Dora'";
    assert_eq!(facts(&database, kept).await, ["1"]);
    app.close().await.expect("the connection closes");
    other.close().await.expect("the connection closes");
    database.remove().await;
}
