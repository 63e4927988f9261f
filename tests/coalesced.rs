//! Rows that several requests want at the same moment: one statement reads them for all, and nobody
//! has to do with what becomes of the others. On SQLite each request reads by itself.

use async_graphql::futures_util::future::join_all;
use serde_json::json;
use tokio::{spawn, task::JoinHandle};

use crate::harness::{Answer, Shop, on_postgres, until};

on_postgres!(
    many_are_answered_by_two_statements,
    who_goes_away_takes_nobody_along,
    a_connection_that_is_lost_is_lost_for_nobody,
);

/// The server's statements that wait for another program.
const WAITING: &str = "pg_stat_activity WHERE datname = current_database() \
    AND wait_event_type = 'Lock' AND query LIKE 'SELECT%'";

/// Ten requests, each for a ticket of its own, while another program has locked the tickets; the first of
/// them has a statement.
async fn ten(shop: &Shop) -> Vec<JoinHandle<Answer>> {
    shop.execute("BEGIN; LOCK TABLE tickets").await;
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

/// Lets the server read the tickets again.
async fn unlock(shop: &Shop) {
    shop.execute("COMMIT").await;
}

/// Each has the ticket that it has asked for.
async fn answered(requests: Vec<JoinHandle<Answer>>, from: i64) {
    for (number, answer) in (from..).zip(join_all(requests).await) {
        let answer = answer.expect("no panic");
        assert_eq!(*answer.data("/ticket/number"), number);
    }
}

async fn many_are_answered_by_two_statements(shop: Shop) {
    // Nobody sees which requests are there already: not all may be at the first attempt.
    until(async || {
        let requests = ten(&shop).await;
        shop.sql();
        unlock(&shop).await;
        answered(requests, 1).await;
        shop.sql().len() == 2
    })
    .await;
}

async fn who_goes_away_takes_nobody_along(shop: Shop) {
    let mut requests = ten(&shop).await;
    // Who has the statement that the others wait for, and one of those.
    requests.remove(0).abort();
    requests.pop().expect("there are nine").abort();
    unlock(&shop).await;
    answered(requests, 2).await;
}

async fn a_connection_that_is_lost_is_lost_for_nobody(shop: Shop) {
    let requests = ten(&shop).await;
    let cut = format!("SELECT pg_terminate_backend(pid, 10000) FROM {WAITING}");
    shop.execute(&cut).await;
    unlock(&shop).await;
    answered(requests, 1).await;
}
