//! From start to end: what a server makes of its database, prints, logs, and says at the end.

use serde_json::json;

use crate::harness::{Answer, Directory, Kind, Serving, TestDatabase, curl, rows, words};

/// The JSON of a request to a running server.
async fn ask(serving: &Serving, query: &str) -> serde_json::Value {
    let client = reqwest::Client::builder().no_proxy().build();
    let client = client.expect("an HTTP client");
    let answer = Answer::to(&client, &serving.url, &json!({ "query": query })).await;
    answer.data("").clone()
}

const TOTALS: &str = "{ customers { totalCount } tickets { totalCount } }";

#[tokio::test(flavor = "multi_thread")]
async fn a_first_run_has_something_to_show_and_says_how() {
    let here = Directory::new();
    let first = here.serve(&[], &[("PORT", "0")]);
    let told = |serving: &Serving| serving.greeting.iter().any(|line| line.contains("sample"));
    assert!(told(&first), "{:#?}", first.greeting);
    let printed = first.lines_until("-d '");
    let command = printed.iter().skip_while(|line| !line.contains("curl "));
    let command: Vec<_> = command.map(String::as_str).collect();
    let answer = curl(&words(&command.join("\n"))).await;
    let customer = &answer["data"]["customer"];
    assert!(customer["firstName"].is_string(), "{answer:#}");
    let tickets = customer["tickets"]["nodes"].as_array();
    assert!(tickets.is_some_and(|it| !it.is_empty()), "{answer:#}");
    let totals = ask(&first, TOTALS).await;
    assert_eq!(first.terminate(), Some(0));

    let second = here.serve(&[], &[("PORT", "0")]);
    assert!(!told(&second), "{:#?}", second.greeting);
    assert_eq!(ask(&second, TOTALS).await, totals);
}

#[tokio::test(flavor = "multi_thread")]
async fn sample_rows_are_for_new_sqlite_files_alone() {
    let nobody = json!({ "customers": { "totalCount": 0 }, "tickets": { "totalCount": 0 } });
    // Somebody has made these tables, and wants them empty.
    let here = Directory::new();
    here.run(&["migrate", "up"], &[]).success();
    let serving = here.serve(&[], &[("PORT", "0")]);
    assert_eq!(ask(&serving, TOTALS).await, nobody);

    let database = TestDatabase::empty(Kind::Postgres).await;
    let environment = [("DATABASE_URL", database.url.as_str()), ("PORT", "0")];
    let serving = Directory::new().serve(&["--migrate"], &environment);
    assert_eq!(ask(&serving, TOTALS).await, nobody);
    assert_eq!(serving.terminate(), Some(0));
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_migrations_are_applied_needs_no_word() {
    let database = TestDatabase::empty(Kind::Postgres).await;
    let environment = [("DATABASE_URL", database.url.as_str()), ("PORT", "0")];
    let here = Directory::new();
    here.run(&["migrate", "up"], &environment).success();
    let serving = here.serve(&[], &environment);
    ask(&serving, TOTALS).await;
    drop(serving);
    database.remove().await;
}

/// As the tables' owner would: it may read and write them, and no more.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_needs_no_more_than_the_two_tables() {
    let database = TestDatabase::stocked(Kind::Postgres).await;
    let owner = database.connect().await;
    let name = rows::<String>(&owner, "SELECT current_database()::text").await;
    let role = format!("clerk_of_{}", name[0]);
    for sql in [
        format!("CREATE ROLE {role} LOGIN"),
        format!("GRANT SELECT, INSERT, UPDATE, DELETE ON customers, tickets TO {role}"),
        format!("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}"),
    ] {
        let granted = sea_orm::ConnectionTrait::execute_unprepared(&owner, &sql).await;
        granted.expect("the grant");
    }
    let url = database.url.replacen("postgres@", &format!("{role}@"), 1);
    let serving = Serving::start(&[("DATABASE_URL", &url), ("MIGRATE", "true")]);
    let query = r#"mutation { updateTicket(input: {id: 1, title: "Cracked twice"}) {
        ticket { title customer { lastName } } userErrors { code } } }"#;
    let data = ask(&serving, query).await;
    assert_eq!(data["updateTicket"]["ticket"]["title"], "Cracked twice");
    drop(serving);
    owner.close().await.expect("the connection closes");
    database.remove().await;
}

async fn statements_are_logged_without_values(kind: Kind) {
    let database = TestDatabase::stocked(kind).await;
    let query = r#"{ customerByEmail(email: "emile@example.com") { lastName } }"#;
    for (name, value) in [("LOG_SQL", "1"), ("RUST_LOG", "repairshop::sql=debug")] {
        let serving = Serving::start(&[("DATABASE_URL", &database.url), (name, value)]);
        let data = ask(&serving, query).await;
        assert_eq!(data["customerByEmail"]["lastName"], "Zola");
        let line = serving.line_with("\"customers\".\"last_name\"");
        let (before, _) = line.split_once(" ms: SELECT").expect("a time, a statement");
        let (_, time) = before.rsplit_once(' ').expect("a time");
        assert!(time.parse::<f64>().is_ok_and(|ms| ms > 0.0), "{line}");
        let mut log = serving.stop();
        log.push(line);
        let value = log.iter().find(|line| line.contains("example.com"));
        assert_eq!(value, None);
    }
    let serving = Serving::start(&[("DATABASE_URL", &database.url)]);
    ask(&serving, query).await;
    let log = serving.stop().join("\n");
    assert!(!log.contains("SELECT"), "only when asked to: {log}");
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_are_logged_without_values_sqlite() {
    statements_are_logged_without_values(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_are_logged_without_values_postgres() {
    statements_are_logged_without_values(Kind::Postgres).await;
}
