//! A `PgBouncer` in between, in transaction mode as Neon's: a connection of its is anybody's after each
//! transaction.

use std::{env, fs, os::unix::fs::PermissionsExt, path::PathBuf};

use async_graphql::futures_util::future::join_all;
use tempfile::TempDir;

use super::{ask, do_sql, load::Load};
use crate::harness::{
    Answer, Cluster, Directory, Kind, Serving, Socket, TestDatabase, connect, free_port,
    repairshop, rows, until,
};
use serde_json::json;

/// A `PgBouncer` of two connections before the tests' cluster; gone with it.
struct Pooler {
    port: u16,
    /// PostgreSQL's own port.
    before: u16,
    /// Where its owner may run it.
    _program: TempDir,
}

impl Pooler {
    async fn start(prepared: u32) -> Self {
        Self::before(Cluster::get(), prepared).await
    }

    async fn before(cluster: &Cluster, prepared: u32) -> Self {
        let program = tempfile::tempdir().expect("a temporary directory");
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(program.path(), open).expect("it is opened");
        fs::copy(built(), program.path().join("pgbouncer")).expect("a copy of PgBouncer");
        let port = free_port();
        let settings = [
            "[databases]".to_owned(),
            format!("* = host=127.0.0.1 port={}", cluster.port),
            "[pgbouncer]".to_owned(),
            "listen_addr = 127.0.0.1".to_owned(),
            format!("listen_port = {port}"),
            "unix_socket_dir =".to_owned(),
            "auth_type = trust".to_owned(),
            format!("auth_file = users-{port}"),
            "pool_mode = transaction".to_owned(),
            format!("max_prepared_statements = {prepared}"),
            "default_pool_size = 2".to_owned(),
            "server_login_retry = 1".to_owned(),
            format!("pidfile = pgbouncer-{port}.pid"),
            format!("logfile = pgbouncer-{port}.log"),
        ];
        let settings = settings.map(|line| format!("'{line}'")).join(" ");
        cluster.run(&format!("echo '\"postgres\" \"\"' >users-{port}"));
        cluster.run(&format!("printf '%s\\n' {settings} >pgbouncer-{port}.ini"));
        let program_path = program.path().display();
        cluster.run(&format!(
            "{program_path}/pgbouncer -q -d pgbouncer-{port}.ini"
        ));
        until(async || {
            tokio::net::TcpStream::connect(("127.0.0.1", port))
                .await
                .is_ok()
        })
        .await;
        Self {
            port,
            before: cluster.port,
            _program: program,
        }
    }

    /// The database, through the pooler.
    fn url(&self, database: &TestDatabase) -> String {
        let direct = format!(":{}/", self.before);
        database.url.replace(&direct, &format!(":{}/", self.port))
    }
}

/// What `tests/run` has built, for Debian's is too old; or a newer system's.
fn built() -> PathBuf {
    let ours = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/pgbouncer/pgbouncer");
    let path = env::var_os("PATH").unwrap_or_default();
    let elsewhere = env::split_paths(&path).map(|directory| directory.join("pgbouncer"));
    std::iter::once(PathBuf::from(ours))
        .chain(elsewhere)
        .chain([PathBuf::from("/usr/sbin/pgbouncer")])
        .find(|program| program.exists())
        .expect("these tests need a PgBouncer: run tests/run once")
}

const READ: &str =
    "{ customers { totalCount nodes { lastName tickets(first: 2) { nodes { title } } } } }";

#[tokio::test(flavor = "multi_thread")]
async fn migrations_reads_and_writes_go_through_a_pooler() {
    let pooler = Pooler::start(200).await;
    let database = TestDatabase::empty(Kind::Postgres).await;
    let url = pooler.url(&database);
    let environment = [("DATABASE_URL", url.as_str())];
    let here = Directory::new();
    here.run(&["migrate", "up"], &environment).success();
    let listed = here.run(&["migrate", "status"], &environment).success();
    assert!(!listed.contains("pending"), "{listed}");
    here.run(
        &["seed", "--customers", "20", "--tickets", "50"],
        &environment,
    )
    .success();
    let serving = Serving::start(&environment);
    let warned = "DATABASE_DIRECT_URL";
    let warnings = serving.greeting.iter().filter(|line| line.contains(warned));
    assert_eq!(warnings.count(), 1, "{:#?}", serving.greeting);
    // Many more at once than the pooler has connections, with more statements than one.
    let requests = (0..64).map(|i| {
        let serving = &serving;
        async move {
            let title = format!("pooled-{i}");
            let create = format!(
                r#"mutation {{ createTicket(input: {{customerId: {}, title: "{title}"}}) {{
                    ticket {{ title customer {{ lastName }} }} userErrors {{ code }} }} }}"#,
                i % 20 + 1
            );
            let customer = format!(
                r#"mutation {{ createCustomer(input: {{
                    firstName: "P", lastName: "Q", email: "{title}@example.com", phone: "1",
                    address1: "1", city: "X", state: "TX", zipCode: "1", tickets: [{{title: "{title}"}}]
                }}) {{ customer {{ lastName }} userErrors {{ code }} }} }}"#
            );
            let update = format!(
                "mutation {{ updateTicket(input: {{id: {}, completed: true}}) {{ ticket {{ completed }} }} }}",
                i % 50 + 1
            );
            for request in [READ, &create, READ, &customer, &update, READ] {
                let answer = ask(serving, request).await;
                assert!(answer.errors().is_empty(), "{request}: {:#}", answer.body);
            }
        }
    });
    join_all(requests).await;
    let other = database.connect().await;
    let count = "SELECT count(*) FROM tickets WHERE title LIKE 'pooled-%'";
    assert_eq!(rows::<i64>(&other, count).await, [128]);
    // The connections are others', too: nothing of ours may stay on them.
    let neighbour = connect(&url).await;
    for setting in [
        "statement_timeout",
        "lock_timeout",
        "idle_in_transaction_session_timeout",
    ] {
        let shown = rows::<String>(&neighbour, &format!("SHOW {setting}")).await;
        assert_eq!(shown, ["0"], "{setting}");
    }
    let lines = serving.stop();
    assert!(
        !lines
            .iter()
            .any(|line| line.contains("WARN") || line.contains("ERROR")),
        "{lines:#?}"
    );
    database.remove().await;
}

/// The kinds and ids that a subscriber is told, as many as are expected.
async fn told(socket: &mut Socket, count: usize) -> Vec<String> {
    let mut told = Vec::new();
    while told.len() < count {
        let message = socket.message().await;
        if message["type"] == "next" {
            let event = &message["payload"]["data"]["ticketChanged"];
            told.push(format!("{} {}", event["kind"], event["id"]).replace('"', ""));
        }
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn live_changes_go_past_the_pooler_where_there_is_a_way() {
    let pooler = Pooler::start(200).await;
    let database = TestDatabase::stocked(Kind::Postgres).await;
    let other = database.connect().await;
    let url = pooler.url(&database);
    let listeners = "SELECT count(*) FROM repairshop.listeners";
    let subscription = "subscription { ticketChanged { kind id } }";
    let delete =
        |id: u32| format!("mutation {{ deleteTicket(input: {{id: {id}}}) {{ deletedTicketId }} }}");

    let directly = Serving::start(&[
        ("DATABASE_URL", url.as_str()),
        ("DATABASE_DIRECT_URL", &database.url),
    ]);
    let blindly = Serving::start(&[("DATABASE_URL", &url)]);
    let mut first = Socket::ready(&directly.url).await;
    first.subscribe("1", subscription).await;
    let mut second = Socket::ready(&blindly.url).await;
    second.subscribe("1", subscription).await;
    until(async || rows::<i64>(&other, listeners).await == [2]).await;
    // Another program: told at once to who listens, and with our own change to who cannot.
    do_sql(&other, "DELETE FROM tickets WHERE id = 1").await;
    assert_eq!(told(&mut first, 1).await, ["DELETED Ticket:1"]);
    let deleted = ask(&blindly, &delete(2)).await;
    assert!(deleted.errors().is_empty(), "{:#}", deleted.body);
    let expected = ["DELETED Ticket:1", "DELETED Ticket:2"];
    assert_eq!(told(&mut second, 2).await, expected);
    assert_eq!(told(&mut first, 1).await, [expected[1]]);
    // But of what the role has to set itself.
    let warnings = directly.greeting.iter();
    let warnings: Vec<_> = warnings.filter(|line| line.contains("WARN")).collect();
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    assert!(warnings[0].contains("SET lock_timeout = '2s'"));
    drop((directly, blindly));
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_the_sessions_search_path_hides_stop_the_start() {
    let pooler = Pooler::start(200).await;
    let database = TestDatabase::stocked(Kind::Postgres).await;
    let connection = database.connect().await;
    let name = rows::<String>(&connection, "SELECT current_database()::text").await;
    let hidden = format!("ALTER DATABASE {} SET search_path = repairshop", name[0]);
    do_sql(&connection, &hidden).await;
    // Our own sessions have theirs.
    Serving::start(&[("DATABASE_URL", &database.url)]);
    let url = pooler.url(&database);
    let outcome = repairshop(&["serve"], &[("DATABASE_URL", &url), ("PORT", "0")]);
    assert_eq!(outcome.status, Some(1));
    let said = "error: customers: the right to SELECT without its schema (search_path) expected, none found";
    assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
    connection.close().await.expect("the connection closes");
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_that_forgets_prepared_statements_is_told_at_the_start() {
    let pooler = Pooler::start(0).await;
    let database = TestDatabase::stocked(Kind::Postgres).await;
    let url = pooler.url(&database);
    let outcome = repairshop(&["serve"], &[("DATABASE_URL", &url), ("PORT", "0")]);
    assert_eq!(outcome.status, Some(1));
    let said = outcome.stderr;
    assert!(
        said.contains("max_prepared_statements") && said.lines().count() == 1,
        "{said}"
    );
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    // Through its address alone: the statements go past it.
    let serving = Serving::start(&[("DATABASE_URL", &database.url)]);
    let answer = Answer::to(&client, &serving.url, &json!({ "query": READ })).await;
    assert!(answer.errors().is_empty());
    drop(serving);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_read_fails_where_postgresql_starts_anew_behind_a_pooler() {
    let cluster = Cluster::own();
    let pooler = Pooler::before(&cluster, 200).await;
    let database = TestDatabase::stocked_in(&cluster).await;
    let serving = Serving::start(&[("DATABASE_URL", &pooler.url(&database))]);
    let load = Load::on(&serving, 4, 2);
    load.answers(50).await;
    cluster.run("pg_ctl stop -s -m fast -D data");
    cluster.run("pg_ctl start -s -w -D data -l log");
    load.answers(50).await;
    load.account(&connect(&database.url).await).await;
}
