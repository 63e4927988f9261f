//! A replica: who is answered by it, and what happens without.

use super::{ask, do_sql, load::Load};
use crate::harness::{Cluster, Serving, TestDatabase, connect, free_port, repairshop, rows, until};

/// A PostgreSQL with the shop's rows, and a standby that streams from it.
async fn replicated() -> (Cluster, TestDatabase, String) {
    let cluster = Cluster::own();
    let database = TestDatabase::stocked_in(&cluster).await;
    let port = free_port();
    for command in [
        "pg_basebackup -h 127.0.0.1 -p $port -U postgres -D replica -R -c fast",
        &format!("echo port = {port} >>replica/postgresql.conf"),
        "echo max_standby_streaming_delay = 0 >>replica/postgresql.conf",
        "pg_ctl start -s -w -D replica -l replica.log",
    ] {
        cluster.run(command);
    }
    let url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
    (cluster, database, url)
}

async fn title(serving: &Serving) -> String {
    let answer = ask(serving, "{ ticket(id: 1) { title } }").await;
    answer
        .data("/ticket/title")
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

async fn retitle(serving: &Serving, title: &str) {
    let mutation = format!(
        r#"mutation {{ updateTicket(input: {{id: 1, title: "{title}"}}) {{
            ticket {{ title customer {{ tickets {{ nodes {{ title }} }} }} }} userErrors {{ code }} }} }}"#
    );
    let answer = ask(serving, &mutation).await;
    assert_eq!(answer.data("/updateTicket/ticket/title"), title);
    let nodes = answer.data("/updateTicket/ticket/customer/tickets/nodes");
    assert_eq!(nodes[0]["title"], title);
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_go_to_the_replica_and_what_mutations_return_comes_from_the_primary() {
    let (_cluster, database, url) = replicated().await;
    let serving = Serving::start(&[
        ("DATABASE_URL", database.url.as_str()),
        ("DATABASE_REPLICA_URL", &url),
    ]);
    let standby = connect(&url).await;
    do_sql(&standby, "SELECT pg_wal_replay_pause()").await;
    let paused = "SELECT pg_get_wal_replay_pause_state()";
    until(async || rows::<String>(&standby, paused).await == ["paused"]).await;
    let before = title(&serving).await;
    retitle(&serving, "new").await;
    assert_eq!(title(&serving).await, before);
    do_sql(&standby, "SELECT pg_wal_replay_resume()").await;
    until(async || title(&serving).await == "new").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_primary_has_the_queries_while_the_replica_is_away() {
    let (cluster, database, url) = replicated().await;
    cluster.run("pg_ctl stop -s -m fast -D replica");
    let environment = [
        ("DATABASE_URL", database.url.as_str()),
        ("DATABASE_REPLICA_URL", &url),
    ];
    let serving = Serving::start(&environment);
    assert!(
        serving
            .greeting
            .iter()
            .any(|line| line.contains("the primary has its queries"))
    );
    retitle(&serving, "one").await;
    assert_eq!(title(&serving).await, "one");
    cluster.run("pg_ctl start -s -w -D replica -l replica.log");
    serving.line_with("the replica answers");

    let load = Load::on(&serving, 4, 1);
    load.answers(50).await;
    cluster.run("pg_ctl stop -s -m fast -D replica");
    load.answers(50).await;
    retitle(&serving, "two").await;
    assert_eq!(title(&serving).await, "two");
    cluster.run("pg_ctl start -s -w -D replica -l replica.log");
    let lines = serving.lines_until("the replica answers");
    let told = lines
        .iter()
        .filter(|line| line.contains("the primary has its queries"));
    assert_eq!(told.count(), 1, "{lines:#?}");
    load.answers(50).await;
    load.account(&connect(&database.url).await).await;

    let nowhere = url
        .replace("/postgres", "/nowhere")
        .replace("//nowhere", "//postgres");
    let environment = [
        ("DATABASE_URL", database.url.as_str()),
        ("DATABASE_REPLICA_URL", &nowhere),
        ("PORT", "0"),
    ];
    let outcome = repairshop(&["serve"], &environment);
    assert_eq!(outcome.status, Some(1), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("no database nowhere"),
        "{}",
        outcome.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_the_replica_stops_is_answered_by_the_primary() {
    let (_cluster, database, url) = replicated().await;
    let serving = Serving::start(&[
        ("DATABASE_URL", database.url.as_str()),
        ("DATABASE_REPLICA_URL", &url),
    ]);
    let primary = database.connect().await;
    let standby = connect(&url).await;
    let conflicts = "SELECT confl_lock FROM pg_stat_database_conflicts WHERE datname = 'postgres'";
    let load = Load::on(&serving, 8, 0);
    // Who replays such a lock stops the queries that are in its way.
    until(async || {
        let lock = "BEGIN; LOCK TABLE customers, tickets IN ACCESS EXCLUSIVE MODE; COMMIT";
        do_sql(&primary, lock).await;
        rows::<i64>(&standby, conflicts).await[0] > 3
    })
    .await;
    load.account(&primary).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_primary_has_the_queries_of_connections_to_the_replica_that_fall_silent() {
    let (cluster, database, url) = replicated().await;
    let serving = Serving::start(&[
        ("DATABASE_URL", database.url.as_str()),
        ("DATABASE_REPLICA_URL", &url),
        ("MAX_CONNECTIONS", "2"),
    ]);
    let standby = connect(&url).await;
    // Asks until the replica has two connections beside these, and returns them.
    let two_beside = async |silent: &str| {
        let processes = format!(
            "SELECT pid::text FROM pg_stat_activity WHERE application_name LIKE 'repairshop%' \
             AND NOT pid::text = ANY(string_to_array('{silent}', ' '))"
        );
        until(async || {
            let one = ask(&serving, "{ technicians { name } }");
            let other = ask(&serving, "{ tickets { totalCount } }");
            let (one, other) = tokio::join!(one, other);
            assert!(one.errors().is_empty() && other.errors().is_empty());
            rows::<String>(&standby, &processes).await.len() == 2
        })
        .await;
        rows::<String>(&standby, &processes).await.join(" ")
    };
    let silent = two_beside("").await;
    cluster.run(&format!("kill -STOP {silent}"));
    assert!(title(&serving).await.contains("screen"));
    two_beside(&silent).await;
    assert_eq!(serving.terminate(), Some(0));
    cluster.run(&format!("kill -CONT {silent}"));
}
