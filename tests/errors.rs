//! What goes wrong is told by code; what the database says stays in the log.

use serde_json::json;

use crate::harness::{Answer, Kind, Serving, Shop, TestDatabase, on_both, on_postgres};

on_both!(
    what_the_database_says_is_masked,
    what_the_database_says_to_a_mutation_is_masked,
    who_cannot_see_what_a_mutation_did_is_told_to_look,
    a_field_that_failed_does_not_take_the_others_with_it,
    a_document_that_is_none_is_not_parsed,
    a_request_outside_of_the_schema_is_not_valid,
    request_errors_have_no_data,
    a_panic_is_an_error_of_its_own_request,
);

on_postgres!(a_change_before_one_that_cannot_be_done_is_not_made_again);

/// One masked error with an id, and nothing of SQL in the whole answer. Returns the id.
fn masked(answer: &Answer) -> String {
    assert_eq!(answer.code(), "INTERNAL_SERVER_ERROR");
    // Where in the document a field stands is said in lines and columns.
    let text = answer.body.to_string().to_lowercase();
    let text = text.replace(r#"{"column":"#, "");
    let leaks = [
        "select", "insert", "update ", "column", "relation", "table", "sql", "remarks", "attic",
        "sea_", "panic",
    ];
    for leak in leaks {
        assert!(!text.contains(leak), "{leak:?} in {:#}", answer.body);
    }
    let id = answer.errors()[0]["extensions"]["id"].as_str();
    let id = id.unwrap_or_else(|| panic!("no id: {:#}", answer.body));
    assert!(id.len() >= 8, "an id to look up: {id:?}");
    id.to_owned()
}

async fn what_the_database_says_is_masked(shop: Shop) {
    shop.execute("ALTER TABLE customers RENAME COLUMN notes TO remarks")
        .await;
    let query = "{ customers { nodes { lastName notes } } }";
    let one = masked(&shop.graphql(query, json!({})).await);
    let two = masked(&shop.graphql(query, json!({})).await);
    assert_ne!(one, two, "each has its own id");
    masked(
        &shop
            .graphql("{ ticket(id: 1) { customer { notes } } }", json!({}))
            .await,
    );
    shop.execute("ALTER TABLE tickets RENAME TO attic").await;
    masked(&shop.graphql("{ tickets { totalCount } }", json!({})).await);
    masked(&shop.graphql("{ technicians { name } }", json!({})).await);
}

async fn what_the_database_says_to_a_mutation_is_masked(shop: Shop) {
    shop.execute("ALTER TABLE tickets RENAME COLUMN tech TO remarks")
        .await;
    let query = r#"mutation { createTicket(input: {customerId: 1, title: "x"}) {
        ticket { id } userErrors { code } } }"#;
    masked(&shop.graphql(query, json!({})).await);
}

async fn who_cannot_see_what_a_mutation_did_is_told_to_look(shop: Shop) {
    shop.execute("ALTER TABLE customers RENAME COLUMN notes TO remarks")
        .await;
    let query = r#"mutation { createTicket(input: {customerId: 1, title: "done"}) {
        ticket { id customer { notes } } userErrors { code } } }"#;
    let answer = shop.graphql(query, json!({})).await;
    masked(&answer);
    let message = answer.errors()[0]["message"].as_str();
    assert!(message.is_some_and(|it| it.contains("look")), "{message:?}");
    assert_eq!(shop.count("tickets WHERE title = 'done'").await, 1);
}

async fn a_change_before_one_that_cannot_be_done_is_not_made_again(shop: Shop) {
    let other = shop.another_program().await;
    other
        .execute("BEGIN; UPDATE tickets SET title = 'locked' WHERE id = 2")
        .await;
    let query = r#"mutation {
        first: updateTicket(input: {id: 1, title: "done"}) { ticket { id } }
        second: updateTicket(input: {id: 2, title: "too late"}) { ticket { id } } }"#;
    let answer = shop.graphql(query, json!({})).await;
    // Who is told when to try again does it.
    assert_eq!(answer.status, 200, "{:#}", answer.body);
    assert!(!answer.headers.contains_key("retry-after"));
    assert_eq!(answer.code(), "UNAVAILABLE");
    let error = &answer.errors()[0];
    assert_eq!(error["path"], json!(["second"]));
    assert!(error["extensions"].get("retryAfter").is_none(), "{error:#}");
    let message = error["message"].as_str();
    assert!(message.is_some_and(|it| it.contains("look")), "{message:?}");
    assert_eq!(shop.count("tickets WHERE title = 'done'").await, 1);
}

async fn a_panic_is_an_error_of_its_own_request(shop: Shop) {
    let url = shop.panicking_at("tickets").await;
    let client = reqwest::Client::builder().no_proxy().build();
    let client = client.expect("an HTTP client");
    let ask = async |query: &str| Answer::to(&client, &url, &json!({ "query": query })).await;
    for query in [
        "{ tickets { nodes { id } } }",
        "{ customers { nodes { tickets { totalCount } } } }",
        r#"mutation { updateTicket(input: {id: 1, title: "x"}) { ticket { id } } }"#,
    ] {
        masked(&ask(query).await);
        ask("{ customer(id: 1) { number } }")
            .await
            .data("/customer/number");
    }
    let manifest = include_str!("../Cargo.toml");
    assert!(!manifest.contains("panic ="), "it unwinds in each build");
}

async fn a_field_that_failed_does_not_take_the_others_with_it(shop: Shop) {
    shop.execute("ALTER TABLE customers RENAME COLUMN notes TO remarks")
        .await;
    let query = "{ customer(id: 1) { notes } ticket(id: 1) { title } }";
    let answer = shop.graphql(query, json!({})).await;
    masked(&answer);
    assert_eq!(answer.errors()[0]["path"][0], "customer");
    let expected = json!({ "customer": null, "ticket": { "title": "Cracked screen" } });
    assert_eq!(answer.body["data"], expected);
}

async fn a_document_that_is_none_is_not_parsed(shop: Shop) {
    for query in ["{ tickets {", "", "nonsense", "{ ticket(id: \"5) }"] {
        let code = shop.refusal(query, json!({})).await;
        assert_eq!(code, "GRAPHQL_PARSE_FAILED", "{query:?}");
    }
}

async fn a_request_outside_of_the_schema_is_not_valid(shop: Shop) {
    for query in [
        "{ nope }",
        "{ ticket { title } }",
        "{ ticket(id: 5) }",
        "{ ticket(id: 5, nope: 1) { title } }",
        "{ tickets(first: \"x\") { totalCount } }",
        "{ tickets(orderBy: [{field: NOPE}]) { totalCount } }",
        "query($id: Int!) { tickets(after: $id) { totalCount } }",
    ] {
        let answer = shop.graphql(query, json!({ "id": 5 })).await;
        let code = &answer.errors()[0]["extensions"]["code"];
        assert_eq!(code, "GRAPHQL_VALIDATION_FAILED", "{query:?}");
    }
}

async fn request_errors_have_no_data(shop: Shop) {
    for query in ["{ tickets {", "{ nope }"] {
        let answer = shop.graphql(query, json!({})).await;
        assert!(answer.body.get("data").is_none(), "{:#}", answer.body);
        assert!((200..500).contains(&answer.status), "{}", answer.status);
        let message = &answer.errors()[0]["message"];
        assert!(message.is_string(), "{:#}", answer.body);
        let json = answer.headers["content-type"].to_str().expect("ASCII");
        assert!(json.contains("json"), "{json}");
    }
    // A field that failed is another thing: there, data is null in its place.
    let query = "{ ticket(id: \"abc\") { title } }";
    let answer = shop.graphql(query, json!({})).await;
    assert_eq!(answer.body["data"], json!({ "ticket": null }));
    assert_eq!(answer.errors()[0]["path"], json!(["ticket"]));
}

async fn a_masked_error_is_in_the_log(kind: Kind) {
    let database = TestDatabase::stocked(kind).await;
    let serving = Serving::start(&[("DATABASE_URL", database.url.as_str())]);
    let other_program = database.connect().await;
    sea_orm::ConnectionTrait::execute_unprepared(
        &other_program,
        "ALTER TABLE customers RENAME COLUMN notes TO remarks",
    )
    .await
    .expect("the column is renamed");
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("an HTTP client");
    let request = json!({ "query": "{ customers { nodes { notes } } }" });
    let id = masked(&Answer::to(&client, &serving.url, &request).await);
    let line = serving.line_with(&id);
    assert!(line.contains("notes"), "its cause: {line}");
    assert!(line.contains("ERROR"), "{line}");
    let rest = serving.stop();
    assert!(
        !rest.iter().any(|line| line.contains(&id)),
        "logged once: {rest:#?}"
    );
    other_program.close().await.expect("the connection closes");
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_masked_error_is_in_the_log_once_sqlite() {
    a_masked_error_is_in_the_log(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_masked_error_is_in_the_log_once_postgres() {
    a_masked_error_is_in_the_log(Kind::Postgres).await;
}
