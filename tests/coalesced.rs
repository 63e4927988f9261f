//! Rows that several requests want at the same moment: one statement reads them for all, and nobody
//! has to do with what becomes of the others. On SQLite each request reads by itself.

use async_graphql::futures_util::future::{join, join_all};
use serde_json::json;
use tokio::{spawn, task::JoinHandle};

use crate::harness::{Answer, OtherProgram, Shop, numbers, on_postgres, until};

on_postgres!(
    many_are_answered_by_two_statements,
    what_many_want_alike_is_read_once_for_several,
    who_goes_away_takes_nobody_along,
    a_statement_that_hangs_is_not_waited_for_long,
    connections_that_are_lost_are_lost_for_nobody,
);

/// The server's statements that wait for another program.
const WAITING: &str = "pg_stat_activity WHERE datname = current_database() \
    AND wait_event_type = 'Lock' AND query LIKE 'SELECT%'";

/// Of those, what several wait for.
const TOGETHER: &str = "pg_stat_activity WHERE datname = current_database() \
    AND wait_event_type = 'Lock' AND query LIKE 'SELECT%ANY%'";

/// Ten requests, each for a ticket of its own, while another program has locked the tickets; the first of
/// them has a statement.
async fn ten(shop: &Shop, other: &OtherProgram) -> Vec<JoinHandle<Answer>> {
    other.execute("BEGIN; LOCK TABLE tickets").await;
    let client = reqwest::Client::builder().no_proxy().build();
    let client = client.expect("a client");
    let ask = |id: usize| {
        let (client, url) = (client.clone(), shop.url.clone());
        let query = "query ($id: ID!) { ticket(id: $id) { number customer { lastName } } }";
        let request = json!({ "query": query, "variables": { "id": id } });
        spawn(async move { Answer::to(&client, &url, &request).await })
    };
    let first = ask(1);
    until(async || shop.count(WAITING).await == 1).await;
    let others = (2..=10).map(ask);
    [first].into_iter().chain(others).collect()
}

/// The same, once some of the others have a statement together.
async fn ten_together(shop: &Shop, other: &OtherProgram) -> Vec<JoinHandle<Answer>> {
    let requests = ten(shop, other).await;
    until(async || shop.count(TOGETHER).await > 0).await;
    requests
}

/// Each has the ticket that it has asked for.
async fn answered(requests: Vec<JoinHandle<Answer>>, from: i64) {
    for (number, answer) in (from..).zip(join_all(requests).await) {
        let answer = answer.expect("no panic");
        assert_eq!(*answer.data("/ticket/number"), number);
    }
}

async fn many_are_answered_by_two_statements(shop: Shop) {
    let other = shop.another_program().await;
    // Nobody sees which requests are there already: not all may be at the first attempt.
    until(async || {
        shop.sql();
        let requests = ten(&shop, &other).await;
        other.execute("COMMIT").await;
        answered(requests, 1).await;
        shop.sql().len() == 2
    })
    .await;
}

async fn what_many_want_alike_is_read_once_for_several(shop: Shop) {
    let other = shop.another_program().await;
    let query = "{ tickets(first: 2) { nodes { number } } }";
    until(async || {
        shop.sql();
        other.execute("BEGIN; LOCK TABLE tickets").await;
        let requests = join_all((0..20).map(|_| shop.graphql(query, json!({}))));
        let unlock = async {
            until(async || shop.count(WAITING).await > 0).await;
            other.execute("COMMIT").await;
        };
        let (answers, ()) = join(requests, unlock).await;
        for answer in answers {
            assert_eq!(numbers(answer.data("/tickets")), [1, 2]);
        }
        shop.sql().len() < 20
    })
    .await;
}

async fn who_goes_away_takes_nobody_along(shop: Shop) {
    let other = shop.another_program().await;
    let mut requests = ten_together(&shop, &other).await;
    // Who has a statement of their own, and one of those who have one together.
    requests.remove(0).abort();
    requests.pop().expect("there are nine").abort();
    other.execute("COMMIT").await;
    answered(requests, 2).await;
}

async fn a_statement_that_hangs_is_not_waited_for_long(shop: Shop) {
    let other = shop.another_program().await;
    let requests = ten_together(&shop, &other).await;
    // The first still waits for the lock.
    assert!(shop.count(WAITING).await > 1);
    other.execute("COMMIT").await;
    answered(requests, 1).await;
}

async fn connections_that_are_lost_are_lost_for_nobody(shop: Shop) {
    let other = shop.another_program().await;
    let requests = ten_together(&shop, &other).await;
    let cut = format!("SELECT pg_terminate_backend(pid, 10000) FROM {WAITING}");
    shop.execute(&cut).await;
    other.execute("COMMIT").await;
    answered(requests, 1).await;
}
