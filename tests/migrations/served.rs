//! Tables that have not had our migrations, served as they are. The API's behaviours run on such
//! tables, too: where a file says `on_drizzles_tables!`.

use serde_json::{Value, json};

use super::{
    adopted::{execute, migrate},
    shape::shape,
};
use crate::harness::{
    Answer, Directory, Kind, Serving, Shop, Socket, TestDatabase, on_drizzles_tables, repairshop,
};

on_drizzles_tables!(
    subscriptions_are_refused_until_the_database_is_migrated_beside_the_server,
    an_address_in_other_letters_is_taken_and_who_has_it_may_keep_it,
    a_replica_of_such_tables_has_the_queries,
);

/// What a running server answers.
async fn ask(serving: &Serving, query: &str) -> Answer {
    let client = reqwest::Client::builder().no_proxy().build();
    let client = client.expect("an HTTP client");
    Answer::to(&client, &serving.url, &json!({ "query": query })).await
}

fn warnings(serving: &Serving) -> Vec<&String> {
    let lines = serving.greeting.iter();
    lines.filter(|line| line.contains("WARN")).collect()
}

const TICKETS: &str = "subscription { ticketChanged { kind id } }";

#[tokio::test(flavor = "multi_thread")]
async fn drizzles_tables_are_served_without_a_migration_and_nothing_is_made_there() {
    let database = TestDatabase::of_drizzle().await;
    let before = shape(&database).await;
    let serving = Serving::start(&[("DATABASE_URL", &database.url)]);
    let warned = warnings(&serving);
    assert_eq!(warned.len(), 1, "{warned:#?}");
    for said in [
        "served without 8 migrations: ",
        "search reads whole tables",
        "in other letters, is not seen to be taken",
        "subscriptions are refused",
        "`updatedAt` stays",
        "`repairshop migrate up`, or --migrate, adds what is missing",
    ] {
        assert!(warned[0].contains(said), "{said}: {warned:#?}");
    }
    let answer = ask(
        &serving,
        r#"mutation { createTicket(input: { customerId: 1, title: "Kettle" }) { ticket { number tech } }
            updateCustomer(input: { id: 1, city: "Paris" }) { customer { city } }
            taken: updateCustomer(input: { id: 1, email: "linus.hopper@example.com" }) {
                userErrors { code field message } } }"#,
    )
    .await;
    assert_eq!(answer.user_errors("/taken"), ["TAKEN input.email"]);
    assert_eq!(answer.data("/createTicket/ticket/number"), 15);
    assert_eq!(answer.data("/updateCustomer/customer/city"), "Paris");
    let answer = ask(
        &serving,
        r#"{ tickets(search: "kettle paris") { totalCount } customers(search: "paris") { totalCount } }"#,
    )
    .await;
    assert_eq!(answer.data("/tickets/totalCount"), 0);
    assert_eq!(answer.data("/customers/totalCount"), 1);
    assert_eq!(serving.terminate(), Some(0));
    assert_eq!(shape(&database).await, before);
    database.remove().await;
}

async fn subscriptions_are_refused_until_the_database_is_migrated_beside_the_server(shop: Shop) {
    let refused = shop.subscribed(TICKETS).await.ends_with().await;
    assert_eq!(refused["extensions"]["code"], "UNAVAILABLE");
    let message = refused["message"].as_str().unwrap_or_default();
    assert!(message.contains("`repairshop migrate up`"), "{message}");
    let environment = [("DATABASE_URL", shop.database_url.as_str())];
    repairshop(&["migrate", "up"], &environment).success();
    let mut events = shop.subscribe(TICKETS).await;
    shop.execute("UPDATE tickets SET tech = 'Bea' WHERE id = 3")
        .await;
    assert_eq!(events.lines(1).await, ["UPDATED Ticket:3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_is_told_that_there_are_no_live_changes_and_goes_on() {
    let database = TestDatabase::of_drizzle().await;
    let serving = Serving::start(&[("DATABASE_URL", &database.url)]);
    let mut socket = Socket::ready(&serving.url).await;
    socket.subscribe("1", TICKETS).await;
    let refused = socket.message().await;
    assert_eq!(refused["type"], "error", "{refused}");
    assert_eq!(
        refused["payload"][0]["extensions"]["code"], "UNAVAILABLE",
        "{refused}"
    );
    socket.subscribe("2", "{ ticket(id: 1) { number } }").await;
    let next = socket.message().await;
    assert_eq!(next["payload"]["data"]["ticket"]["number"], 1, "{next}");
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_later_migration_adds_is_all_that_is_missed() {
    let database = TestDatabase::of_drizzle().await;
    let environment = [("DATABASE_URL", database.url.as_str())];
    repairshop(&["migrate", "up", "-n", "3"], &environment).success();
    let serving = Serving::start(&environment);
    let warned = warnings(&serving);
    assert_eq!(warned.len(), 1, "{warned:#?}");
    let said = "without 5 migrations: search reads whole tables, and those that another program made ever after, \
        subscriptions are refused; ";
    assert!(warned[0].contains(said), "{warned:#?}");
    migrate(&database, "up");
    let serving = Serving::start(&environment);
    assert_eq!(warnings(&serving), Vec::<&String>::new());
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_migration_is_needed_for_is_told_beside_what_is_not_there() {
    let environment = |database: &TestDatabase| [("DATABASE_URL", database.url.clone())];
    let fails = |database: &TestDatabase| {
        let [(name, url)] = environment(database);
        let outcome = Directory::new().run(&["serve"], &[(name, &url), ("PORT", "0")]);
        assert_eq!(outcome.status, Some(1), "{}", outcome.stdout);
        outcome.stderr
    };
    let lacking = "run `repairshop migrate up`, or start with --migrate";
    // Of ours, one that a migration to come may add.
    let ours = TestDatabase::empty(Kind::Postgres).await;
    let url = [("DATABASE_URL", ours.url.as_str())];
    repairshop(&["migrate", "up", "-n", "7"], &url).success();
    execute(&ours, "ALTER TABLE tickets DROP COLUMN description").await;
    let said = fails(&ours);
    let line = "error: tickets.description: text expected, no column found; the database lacks 1 migration (";
    assert!(said.starts_with(line) && said.contains(lacking), "{said}");
    ours.remove().await;
    // Of another program's, none of ours would.
    let theirs = TestDatabase::of_drizzle().await;
    execute(&theirs, "ALTER TABLE tickets DROP COLUMN description").await;
    let line = "error: tickets.description: text expected, no column found\n";
    assert_eq!(fails(&theirs), line);
    theirs.remove().await;
}

async fn an_address_in_other_letters_is_taken_and_who_has_it_may_keep_it(shop: Shop) {
    shop.execute(
        "INSERT INTO customers (first_name, last_name, email, phone, address1, city, state, zip_code)
        VALUES ('L', 'H', 'LINUS.hopper@example.com', '1', '2', '3', 'NY', '4')",
    )
    .await;
    let update = async |id: i32, email: &str| {
        let query = format!(
            r#"mutation {{ updateCustomer(input: {{ id: {id}, email: "{email}" }}) {{
                customer {{ email }} userErrors {{ code message field }} }} }}"#
        );
        let answer = shop.graphql(&query, Value::Null).await;
        answer.user_errors("/updateCustomer")
    };
    let taken = ["TAKEN input.email"];
    assert_eq!(update(5, "Linus.Hopper@Example.Com").await, taken);
    assert_eq!(update(4, "linus.HOPPER@example.com").await, [""; 0]);
    assert_eq!(update(7, "linus.hopper@example.com").await, taken);
}

async fn a_replica_of_such_tables_has_the_queries(shop: Shop) {
    let serving = Serving::start(&[
        ("DATABASE_URL", &shop.database_url),
        ("DATABASE_REPLICA_URL", &shop.database_url),
    ]);
    let told = |line: &String| line.contains("the primary has its queries");
    assert!(
        !serving.greeting.iter().any(told),
        "{:#?}",
        serving.greeting
    );
}
