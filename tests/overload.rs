//! More than the server can do: statements that take long, callers that do not wait for them, and
//! more requests than there are connections. Each ends soon, in an answer or a refusal.

use std::{num::NonZeroU32, time::Duration};

use api::{RateLimit, Settings};
use reqwest::{RequestBuilder, Response, header::RETRY_AFTER};
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::timeout};

use crate::harness::{Kind, Shop, on_both, on_postgres, until, within};

on_both!(
    a_query_that_takes_too_long_is_given_up,
    a_change_that_waits_for_too_long_is_finished,
    a_caller_that_goes_away_frees_its_connection,
    a_connection_is_not_waited_for_forever,
    who_would_wait_for_long_is_refused_at_once,
    nobody_takes_all_turns,
    nobody_takes_all_connections_with_one_request,
);

on_postgres!(
    queries_leave_connections_for_changes,
    changes_leave_a_connection_for_queries,
);

const SLOW: &str = "{ tickets { nodes { title } } }";
const FAST: &str = "{ customer(id: 1) { lastName } }";

/// Makes reading tickets take longer than any test does.
async fn slow_down(shop: &Shop) {
    let sql = match shop.kind() {
        Kind::Postgres => {
            "ALTER TABLE tickets RENAME TO slow;
             CREATE VIEW tickets AS SELECT slow.* FROM pg_sleep(29), slow"
        }
        Kind::Sqlite => {
            "ALTER TABLE tickets RENAME TO slow;
             CREATE VIEW tickets AS SELECT slow.* FROM slow WHERE 0 < (
               WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000000)
               SELECT count(*) FROM n)"
        }
    };
    shop.execute(sql).await;
}

fn ask(url: &str, query: &str) -> RequestBuilder {
    let client = reqwest::Client::builder().no_proxy().build();
    let request = client.expect("a client").post(url);
    request.json(&json!({ "query": query }))
}

async fn answer(request: RequestBuilder) -> Response {
    within("an answer", request.send())
        .await
        .expect("an answer")
}

/// A refusal, as it should be; returns the error.
async fn unavailable(response: Response, again: bool) -> Value {
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers().contains_key(RETRY_AFTER), again);
    let body: Value = response.json().await.expect("JSON");
    assert!(body.get("data").is_none(), "{body:#}");
    let error = body["errors"][0].clone();
    assert_eq!(error["extensions"]["code"], "UNAVAILABLE", "{body:#}");
    error
}

fn settings(request_timeout: Duration) -> Settings {
    Settings {
        request_timeout,
        ..Settings::default()
    }
}

const SOON: Duration = Duration::from_millis(300);
const LATER: Duration = Duration::from_secs(20);

async fn a_query_that_takes_too_long_is_given_up(shop: Shop) {
    slow_down(&shop).await;
    let url = shop.program_with(settings(SOON), 1).await;
    let error = unavailable(answer(ask(&url, SLOW)).await, false).await;
    let message = error["message"].as_str();
    assert!(
        message.is_some_and(|it| it.contains("within 0.3 s")),
        "{error:#}"
    );
    // And its connection is free, of which there is one.
    until(async || answer(ask(&url, FAST)).await.status() == 200).await;
}

async fn a_change_that_waits_for_too_long_is_finished(shop: Shop) {
    let url = shop.program_with(settings(SOON), 2).await;
    // Its connection is open.
    assert_eq!(answer(ask(&url, FAST)).await.status(), 200);
    // The other waits before its last statement on PostgreSQL, and before its first on SQLite.
    let one = "mutation { updateTicket(input: {id: 1, title: \"late\"}) { ticket { id } } }";
    let several = "mutation { createCustomer(input: {firstName: \"a\", lastName: \"b\", email: \"late@example.com\", \
        phone: \"1\", address1: \"c\", city: \"d\", state: \"TX\", zipCode: \"1\", tickets: [{title: \"late\"}]}) { \
        customer { id } } }";
    for (query, lock, done) in [
        (
            one,
            "UPDATE tickets SET tech = 'x' WHERE id = 1",
            "tickets WHERE title = 'late'",
        ),
        (
            several,
            "LOCK TABLE tickets IN EXCLUSIVE MODE",
            "customers WHERE email = 'late@example.com'",
        ),
    ] {
        shop.execute(&match shop.kind() {
            Kind::Postgres => format!("BEGIN; {lock}"),
            Kind::Sqlite => "BEGIN IMMEDIATE".to_owned(),
        })
        .await;
        let error = unavailable(answer(ask(&url, query)).await, false).await;
        let message = error["message"].as_str();
        assert!(
            message.is_some_and(|it| it.contains("under way")),
            "{error:#}"
        );
        shop.execute("ROLLBACK").await;
        until(async || shop.count(done).await == 1).await;
    }
}

/// On PostgreSQL its own `statement_timeout` does it, of half a minute.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_takes_too_long_is_ended_on_sqlite() {
    Shop::run(Kind::Sqlite, long_changes).await;
}

async fn long_changes(shop: Shop) {
    shop.execute(
        "CREATE TRIGGER slow AFTER INSERT ON tickets WHEN NEW.title = 'slow' BEGIN
           UPDATE tickets SET tech = (
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000000)
             SELECT count(*) FROM n);
         END",
    )
    .await;
    let url = shop.program_with(settings(SOON), 1).await;
    let one = |title| {
        format!(
            "mutation {{ createTicket(input: {{customerId: 1, title: \"{title}\"}}) {{ ticket {{ id }} }} }}"
        )
    };
    // With its ticket, in a transaction.
    let two = |title, email| {
        format!(
            "mutation {{ createCustomer(input: {{firstName: \"a\", lastName: \"b\", email: \"{email}@example.com\", \
               phone: \"1\", address1: \"c\", city: \"d\", state: \"TX\", zipCode: \"1\", \
               tickets: [{{title: \"{title}\"}}]}}) {{ customer {{ id }} }} }}"
        )
    };
    for (slow, fast) in [
        (one("slow"), one("fast")),
        (two("slow", "slow"), two("fast", "fast")),
    ] {
        // By the request's deadline or, at the same moment, by that of the statement.
        assert_eq!(answer(ask(&url, &slow)).await.status(), 503);
        // And who writes next gets its turn.
        until(async || {
            let body: Value = answer(ask(&url, &fast)).await.json().await.expect("JSON");
            body.get("errors").is_none()
        })
        .await;
    }
    assert_eq!(shop.count("tickets WHERE title = 'slow'").await, 0);
    assert_eq!(shop.count("customers WHERE email LIKE 'slow%'").await, 0);
    assert!(shop.count("tickets WHERE title = 'fast'").await >= 2);
    assert_eq!(shop.count("customers WHERE email LIKE 'fast%'").await, 1);
}

/// Several requests that take long, under way.
async fn slow_requests(shop: &Shop, url: &str, number: usize) -> JoinSet<Response> {
    let mut requests = JoinSet::new();
    for _ in 0..number {
        requests.spawn(answer(ask(url, SLOW)));
    }
    let under_way = async || match shop.kind() {
        Kind::Postgres => shop.count(WORKING).await > 0,
        // The only one to have a turn on its connection.
        Kind::Sqlite => timeout(SOON, ask(url, FAST).send()).await.is_err(),
    };
    until(under_way).await;
    requests
}

/// The server's statements that take long.
const WORKING: &str = "pg_stat_activity WHERE datname = current_database() \
    AND pid <> pg_backend_pid() AND state = 'active' AND query LIKE '%tickets%'";

async fn a_caller_that_goes_away_frees_its_connection(shop: Shop) {
    slow_down(&shop).await;
    let url = shop.program_with(settings(LATER), 1).await;
    let mut requests = slow_requests(&shop, &url, 1).await;
    requests.abort_all();
    while requests.join_next().await.is_some() {}
    // The one connection.
    assert_eq!(answer(ask(&url, FAST)).await.status(), 200);
    if shop.kind() == Kind::Postgres {
        // And PostgreSQL does not go on for nobody, which it would for half a minute.
        let ended = until(async || shop.count(WORKING).await == 0);
        timeout(LATER, ended).await.expect("the statement is ended");
    }
}

async fn a_connection_is_not_waited_for_forever(shop: Shop) {
    slow_down(&shop).await;
    let url = shop.program_with(settings(LATER), 1).await;
    let requests = slow_requests(&shop, &url, 1).await;
    let error = unavailable(answer(ask(&url, FAST)).await, true).await;
    assert_eq!(error["extensions"]["retryAfter"], 1);
    drop(requests);
}

async fn who_would_wait_for_long_is_refused_at_once(shop: Shop) {
    slow_down(&shop).await;
    let settings = Settings {
        max_waiting: 3,
        ..settings(LATER)
    };
    let url = shop.program_with(settings, 1).await;
    // Eight run, or one on SQLite; three wait.
    let running = match shop.kind() {
        Kind::Postgres => 8,
        Kind::Sqlite => 1,
    };
    let mut requests = JoinSet::new();
    for _ in 0..16 {
        requests.spawn(answer(ask(&url, SLOW)));
    }
    for _ in 0..16 - 3 - running {
        let next = within("a refusal", requests.join_next()).await;
        unavailable(next.expect("there are some").expect("no panic"), true).await;
    }
    // Those who were let in still wait.
    assert!(
        requests.try_join_next().is_none(),
        "they have not waited yet"
    );
}

/// Where callers are told apart, by what a proxy says.
fn callers_apart() -> Settings {
    Settings {
        rate_limit: RateLimit::Everybody(NonZeroU32::MAX),
        trusted_proxies: vec!["127.0.0.1".parse().expect("a proxy")],
        ..settings(LATER)
    }
}

async fn nobody_takes_all_turns(shop: Shop) {
    slow_down(&shop).await;
    let url = shop.program_with(callers_apart(), 4).await;
    let from = |address, query| ask(&url, query).header("x-forwarded-for", address);
    let mut requests = JoinSet::new();
    for _ in 0..100 {
        requests.spawn(answer(from("192.0.2.1", SLOW)));
    }
    // Some wait for their own turn; more of one caller may not.
    let refused = within("a refusal", requests.join_next()).await;
    let refused = refused.expect("there are some").expect("no panic");
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key(RETRY_AFTER));
    assert_eq!(answer(from("192.0.2.2", FAST)).await.status(), 200);
}

async fn nobody_takes_all_connections_with_one_request(shop: Shop) {
    slow_down(&shop).await;
    let url = shop.program_with(callers_apart(), 4).await;
    let from = |address, query: &str| ask(&url, query).header("x-forwarded-for", address);
    let aliases = (0..20).map(|n| format!("a{n}: tickets(first: 1) {{ nodes {{ title }} }}"));
    // What others ask for, too, is the last of its statements.
    let greedy = format!(
        "{{ {} customer(id: 1) {{ lastName }} }}",
        aliases.collect::<String>()
    );
    let mut requests = JoinSet::new();
    requests.spawn(answer(from("192.0.2.1", &greedy)));
    if shop.kind() == Kind::Postgres {
        until(async || shop.count(WORKING).await >= 3).await;
    }
    assert_eq!(answer(from("192.0.2.2", FAST)).await.status(), 200);
    assert!(requests.try_join_next().is_none(), "it is still under way");
}

async fn queries_leave_connections_for_changes(shop: Shop) {
    slow_down(&shop).await;
    let url = shop.program_with(settings(LATER), 40).await;
    let mut requests = JoinSet::new();
    for n in 1..=50 {
        let slow = format!("{{ tickets(first: {n}) {{ nodes {{ title }} }} }}");
        requests.spawn(answer(ask(&url, &slow)));
    }
    until(async || shop.count(WORKING).await >= 20).await;
    let change = "mutation { updateCustomer(input: {id: 1, lastName: \"Meanwhile\"}) { customer { lastName } } }";
    assert_eq!(answer(ask(&url, change)).await.status(), 200);
    assert_eq!(shop.count(WORKING).await, 20);
}

async fn changes_leave_a_connection_for_queries(shop: Shop) {
    let url = shop.program_with(settings(LATER), 8).await;
    let other = shop.another_program().await;
    other
        .execute("BEGIN; UPDATE tickets SET tech = 'x' WHERE id = 1")
        .await;
    let mut requests = JoinSet::new();
    for _ in 0..40 {
        let change = "mutation { updateTicket(input: {id: 1, title: \"x\"}) { ticket { id } } }";
        requests.spawn(answer(ask(&url, change)));
    }
    let waiting =
        "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    until(async || shop.count(waiting).await >= 7).await;
    assert_eq!(answer(ask(&url, FAST)).await.status(), 200);
    assert_eq!(shop.count(waiting).await, 7);
    other.execute("ROLLBACK").await;
}
