//! A throw-away PostgreSQL with a seeded shop.

#[expect(dead_code, reason = "only tests run commands beside PostgreSQL")]
#[path = "../../../tests/harness/postgres.rs"]
mod postgres;

use std::process::Command;

use sea_orm::sqlx::{Connection, Executor, PgConnection, query, query_scalar};

use super::operations::Size;

/// A seeded database in the throw-away PostgreSQL.
pub(crate) async fn seeded(size: Size) -> String {
    let cluster = postgres::Cluster::get();
    let mut connection = connect(&cluster.url("postgres")).await;
    connection
        .execute("CREATE DATABASE shop")
        .await
        .expect("a database");
    let url = cluster.url("shop");
    let (customers, tickets) = (size.customers.to_string(), size.tickets.to_string());
    for arguments in [
        vec!["migrate", "up"],
        vec!["seed", "--customers", &customers, "--tickets", &tickets],
    ] {
        let status = Command::new(env!("CARGO_BIN_EXE_repairshop"))
            .args(arguments)
            .env("DATABASE_URL", &url)
            .status();
        assert!(status.expect("the program runs").success());
    }
    connect(&url)
        .await
        .execute("VACUUM ANALYZE")
        .await
        .expect("statistics");
    url
}

pub(crate) async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url)
        .await
        .expect("the throw-away PostgreSQL")
}

/// As it was seeded, after what a mutation did to it: else every row that `createTicket` adds makes
/// the lists that come next cost more.
pub(crate) async fn restore(url: &str, size: Size) {
    let mut connection = connect(url).await;
    query("DELETE FROM tickets WHERE id > $1")
        .bind(i64::from(size.tickets))
        .execute(&mut connection)
        .await
        .expect("the added tickets go");
    connection
        .execute("VACUUM ANALYZE tickets")
        .await
        .expect("statistics");
}

/// The parent of all of PostgreSQL's processes.
pub(crate) async fn postmaster(url: &str) -> u32 {
    let mut connection = connect(url).await;
    let backend: i32 = query_scalar("SELECT pg_backend_pid()")
        .fetch_one(&mut connection)
        .await
        .expect("a process");
    super::load::parent(backend.unsigned_abs()).expect("its parent")
}
