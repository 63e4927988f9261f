//! Connections that die: while nobody uses them, in the middle of requests, and with the whole
//! PostgreSQL.

use super::{ask, do_sql, load::Load};
use crate::harness::{Cluster, Kind, Serving, TestDatabase, connect, rows, until};

/// The server's own connections.
const OURS: &str = "pg_stat_activity WHERE datname = current_database() \
    AND application_name LIKE 'repairshop%'";

/// A PostgreSQL that has after a crash what it has said it committed.
fn durable() -> Cluster {
    let cluster = Cluster::own();
    cluster.run("echo 'synchronous_commit = on' >>data/postgresql.conf");
    cluster.run("pg_ctl restart -s -w -D data -l log");
    cluster
}

async fn cut_all(database: &sea_orm::DatabaseConnection) {
    let cut = format!("SELECT pg_terminate_backend(pid) FROM {OURS}");
    rows::<bool>(database, &cut).await;
}

async fn connections(database: &sea_orm::DatabaseConnection) -> i64 {
    rows::<i64>(database, &format!("SELECT count(*) FROM {OURS}")).await[0]
}

const CREATE: &str = r#"mutation { createTicket(input: {customerId: 5, title: "x"}) {
    ticket { id } userErrors { code } } }"#;
const UPDATE: &str = r#"mutation { updateTicket(input: {id: 1, title: "y"}) {
    ticket { title } userErrors { code } } }"#;
const DELETE: &str = "mutation { deleteTicket(input: {id: 2}) { deletedTicketId } }";

#[tokio::test(flavor = "multi_thread")]
async fn requests_after_a_cut_find_nothing_amiss() {
    let database = TestDatabase::stocked(Kind::Postgres).await;
    let serving = Serving::start(&[("DATABASE_URL", &database.url)]);
    let other = database.connect().await;
    let read = "{ customers { nodes { lastName } totalCount } technicians { name } }";
    for request in [read, CREATE, read, UPDATE, DELETE] {
        // Several connections are idle, all of which die.
        tokio::join!(
            ask(&serving, read),
            ask(&serving, read),
            ask(&serving, read)
        );
        cut_all(&other).await;
        until(async || connections(&other).await == 0).await;
        let answer = ask(&serving, request).await;
        assert!(answer.errors().is_empty(), "{request}: {:#}", answer.body);
    }
    let count = "SELECT count(*) FROM tickets WHERE title = 'x'";
    assert_eq!(rows::<i64>(&other, count).await, [1]);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_read_fails_and_no_write_is_lost_or_doubled_where_connections_are_cut() {
    let database = TestDatabase::stocked(Kind::Postgres).await;
    let serving = Serving::start(&[("DATABASE_URL", &database.url)]);
    let other = database.connect().await;
    let load = Load::on(&serving, 6, 4);
    for _ in 0..40 {
        load.answers(15).await;
        cut_all(&other).await;
    }
    let account = load.account(&other).await;
    assert!(account.acknowledged > 100, "{account:?}");
    let lines = serving.stop();
    let told = lines
        .iter()
        .filter(|line| line.contains("WARN") || line.contains("ERROR"));
    assert!(told.count() < 10, "{lines:#?}");
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_read_fails_and_no_write_is_lost_or_doubled_where_postgresql_stops_and_starts() {
    let cluster = durable();
    let database = TestDatabase::stocked_in(&cluster).await;
    let serving = Serving::start(&[("DATABASE_URL", &database.url)]);
    let load = Load::on(&serving, 6, 4);
    for mode in ["fast", "immediate", "fast"] {
        load.answers(200).await;
        cluster.run(&format!("pg_ctl stop -s -m {mode} -D data"));
        cluster.run("pg_ctl start -s -w -D data -l log");
    }
    load.answers(200).await;
    let account = load.account(&connect(&database.url).await).await;
    assert!(account.acknowledged > 50, "{account:?}");
    let lines = serving.stop();
    let lost = lines.iter().filter(|line| line.contains("were lost"));
    assert!((1..=3).contains(&lost.count()), "{lines:#?}");
    assert!(
        lines.iter().any(|line| line.contains("answers again")),
        "{lines:#?}"
    );
    assert!(
        !lines.iter().any(|line| line.contains("a request failed")),
        "{lines:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_write_that_was_cut_is_told_to_look() {
    let cluster = durable();
    let database = TestDatabase::stocked_in(&cluster).await;
    let serving = Serving::start(&[("DATABASE_URL", &database.url)]);
    let in_its_way = database.connect().await;
    let lock = "BEGIN; UPDATE tickets SET title = 'z' WHERE id = 1";
    do_sql(&in_its_way, lock).await;
    let other = database.connect().await;
    let waiting = format!("SELECT pid FROM {OURS} AND wait_event_type = 'Lock'");
    let cut = async {
        until(async || !rows::<i32>(&other, &waiting).await.is_empty()).await;
        // A crash, which ends all connections without a word.
        cluster.run(&format!(
            "kill -9 {}",
            rows::<i32>(&other, &waiting).await[0]
        ));
    };
    let (answer, ()) = tokio::join!(ask(&serving, UPDATE), cut);
    assert_eq!(answer.code(), "UNAVAILABLE");
    let message = answer.errors()[0]["message"].as_str();
    assert!(message.is_some_and(|it| it.contains("look")), "{message:?}");
    let answer = ask(&serving, "{ ticket(id: 1) { title } }").await;
    assert_eq!(answer.data("/ticket/title"), "Cracked screen");
}

/// Has the one connection for writing fall silent while it writes.
async fn silent_while_it_writes(mutation: &str) {
    let cluster = Cluster::own();
    let database = TestDatabase::stocked_in(&cluster).await;
    let serving = Serving::start(&[
        ("DATABASE_URL", database.url.as_str()),
        ("MAX_CONNECTIONS", "2"),
        ("REQUEST_TIMEOUT", "1"),
    ]);
    let in_its_way = database.connect().await;
    let lock = "BEGIN; UPDATE tickets SET title = 'z' WHERE id = 1;
        UPDATE customers SET email = 'new@example.com' WHERE id = 1";
    do_sql(&in_its_way, lock).await;
    let other = database.connect().await;
    let waiting = format!("SELECT pid FROM {OURS} AND wait_event_type = 'Lock'");
    let silence = until(async || {
        let waits = rows::<i32>(&other, &waiting).await;
        if let [process] = *waits {
            cluster.run(&format!("kill -STOP {process}"));
        }
        waits.len() == 1
    });
    let (answer, ()) = tokio::join!(ask(&serving, mutation), silence);
    assert_eq!(answer.code(), "UNAVAILABLE");
    until(async || ask(&serving, CREATE).await.errors().is_empty()).await;
    let process = rows::<i32>(&other, &waiting).await[0];
    cluster.run(&format!("kill -CONT {process}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_statement_is_not_waited_for_without_an_end() {
    silent_while_it_writes(UPDATE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_transaction_is_not_waited_for_without_an_end() {
    let create = r#"mutation { createCustomer(input: {firstName: "N", lastName: "N", phone: "1",
        email: "new@example.com", address1: "1", city: "X", state: "TX", zipCode: "1",
        tickets: [{title: "n"}]}) { userErrors { code } } }"#;
    silent_while_it_writes(create).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_nobody_uses_are_closed_and_a_sleeping_database_is_not_woken() {
    let database = TestDatabase::stocked(Kind::Postgres).await;
    let environment = [
        ("DATABASE_URL", database.url.as_str()),
        ("CLOSE_UNUSED", "1"),
    ];
    let serving = Serving::start(&environment);
    let other = database.connect().await;
    let read = "{ customers { nodes { lastName } totalCount } technicians { name } }";
    tokio::join!(
        ask(&serving, read),
        ask(&serving, read),
        ask(&serving, read)
    );
    assert!(connections(&other).await > 0);
    until(async || connections(&other).await == 0).await;
    let health = serving.url.replace("/graphql", "/health/ready");
    let client = reqwest::Client::builder().no_proxy().build();
    let ready = client.expect("a client").get(health).send().await;
    assert!(ready.expect("an answer").status().is_success());
    assert_eq!(connections(&other).await, 0);
    let answer = ask(&serving, CREATE).await;
    assert!(answer.errors().is_empty(), "{:#}", answer.body);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_is_altered_by_another_program_is_read_on() {
    let database = TestDatabase::stocked(Kind::Postgres).await;
    let serving = Serving::start(&[("DATABASE_URL", &database.url)]);
    let other = database.connect().await;
    let read = "{ customer(id: 1) { zipCode } }";
    for length in [20, 30] {
        let before = ask(&serving, read).await;
        let sql = format!("ALTER TABLE customers ALTER zip_code TYPE varchar({length})");
        do_sql(&other, &sql).await;
        let after = ask(&serving, read).await;
        assert_eq!(after.data(""), before.data(""));
        let update = r#"mutation { updateCustomer(input: {id: 1, firstName: "Z"}) {
            customer { zipCode } userErrors { code } } }"#;
        let answer = ask(&serving, update).await;
        assert!(answer.errors().is_empty(), "{:#}", answer.body);
    }
    database.remove().await;
}
