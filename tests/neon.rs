//! What a PostgreSQL like Neon's does to a server: TLS, a pooler in between, connections that die, a
//! database that sleeps, a replica.

mod conflict;
mod load;
mod outage;
mod pooler;
mod replica;
mod tls;

use sea_orm::{ConnectionTrait, DatabaseConnection};
use serde_json::json;

use crate::harness::{Answer, Serving};

/// What a running server answers to a query or a mutation, whatever it is.
async fn ask(serving: &Serving, query: &str) -> Answer {
    let client = reqwest::Client::builder().no_proxy().build();
    let client = client.expect("a client");
    Answer::to(&client, &serving.url, &json!({ "query": query })).await
}

/// What another program does.
async fn do_sql(connection: &DatabaseConnection, sql: &str) {
    let done = connection.execute_unprepared(sql).await;
    done.unwrap_or_else(|error| panic!("{sql}: {error}"));
}
