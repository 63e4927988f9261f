//! The indexes are there to be used: what PostgreSQL plans for the API's own statements.

use std::sync::{Arc, Mutex};

use api::{App, database::Database};
use async_graphql::Request;
use sea_orm::{ConnectionTrait, Statement, metric::Info};

use crate::harness::{Kind, TestDatabase, repairshop};

/// The statements of a request, each with its plan, on a database of some size.
async fn plans(database: &TestDatabase, query: &str) -> String {
    let log = Arc::new(Mutex::new(Vec::<Statement>::new()));
    let ours = Arc::clone(&log);
    let record = move |info: &Info<'_>| {
        let mut log = ours.lock().expect("nobody panics here");
        log.push(info.statement.clone());
    };
    let server = Database::connect(&database.url, None, Some(Arc::new(record))).await;
    let server = server.expect("the server's connection");
    let app = App::new(server.clone());
    let response = app.execute(Request::new(query), false).await;
    let response = response.expect("no mutation");
    assert!(response.errors.is_empty(), "{:?}", response.errors);
    server.close().await;

    let connection = database.connect().await;
    let statements = std::mem::take(&mut *log.lock().expect("nobody panics here"));
    let mut plans = Vec::new();
    for mut statement in statements {
        plans.push(statement.sql.clone());
        statement.sql.insert_str(0, "EXPLAIN ");
        let plan = connection.query_all_raw(statement).await;
        for line in plan.expect("a plan") {
            let line: String = line.try_get_by_index(0).expect("a text");
            plans.push(format!("  {line}"));
        }
    }
    connection.close().await.expect("the connection closes");
    plans.join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_apis_statements_use_the_indexes() {
    let database = TestDatabase::empty(Kind::Postgres).await;
    let environment = [("DATABASE_URL", database.url.as_str())];
    repairshop(&["migrate", "up"], &environment).success();
    let seed = ["seed", "--customers", "5000", "--tickets", "20000"];
    repairshop(&seed, &environment).success();
    for (query, indexes) in [
        (
            r#"{ customers(search: "martinez 702") { nodes { number } } }"#,
            &["customers_search_idx"][..],
        ),
        (
            r#"{ tickets(search: "kakapo flores") { nodes { number } } }"#,
            &["tickets_search_idx", "customers_name_search_idx"],
        ),
        (
            r#"{ tickets(search: "kakapo flores") { totalCount } }"#,
            &["tickets_search_idx", "customers_name_search_idx"],
        ),
        (
            r#"{ customerByEmail(email: "NOBODY@example.com") { number } }"#,
            &["customers_email_lower_unique"],
        ),
        (
            "{ customers(first: 5) { nodes { tickets(first: 3) { nodes { number } } } } }",
            &["customers_pkey", "tickets_customer_id_id_idx"],
        ),
        (
            "{ customers(orderBy: [{field: LAST_NAME}]) { nodes { number } } }",
            &["customers_last_name_id_idx"],
        ),
        (
            "{ customers(orderBy: [{field: FIRST_NAME}]) { nodes { number } } }",
            &["customers_first_name_id_idx"],
        ),
        (
            "{ customers(orderBy: [{field: CITY, direction: DESC}]) { nodes { number } } }",
            &["customers_city_id_idx"],
        ),
        (
            "{ customers(orderBy: [{field: ACTIVE}]) { nodes { number } } }",
            &["customers_active_id_idx"],
        ),
        (
            "{ tickets(orderBy: [{field: COMPLETED}]) { nodes { number } } }",
            &["tickets_completed_id_idx"],
        ),
        (
            "{ tickets(orderBy: [{field: UPDATED_AT, direction: DESC}]) { nodes { number } } }",
            &["tickets_updated_at_id_idx"],
        ),
        (
            "{ customer(id: 7) { tickets(orderBy: [{field: CREATED_AT, direction: DESC}]) \
             { nodes { number } } } }",
            &["tickets_customer_id_created_at_id_idx"],
        ),
        ("{ technicians { name } }", &["tickets_tech_id_idx"]),
        (
            "{ tickets(where: {completed: {eq: false}}, orderBy: [{field: CREATED_AT}]) \
             { nodes { number } } }",
            &["tickets_open_created_at_id_idx"],
        ),
        (
            r#"{ tickets(where: {tech: {eq: "Nobody"}}) { nodes { number } } }"#,
            &["tickets_tech_id_idx"],
        ),
    ] {
        let plans = plans(&database, query).await;
        for index in indexes {
            assert!(
                plans.contains(index),
                "{index} is not in:\n{query}\n{plans}"
            );
        }
        assert!(!plans.contains("Seq Scan"), "{query}\n{plans}");
    }
    database.remove().await;
}
