//! A throw-away PostgreSQL with a seeded shop.

#[path = "../../../tests/harness/postgres.rs"]
mod postgres;

use std::{
    process::{Command, Stdio},
    sync::Once,
};

use sea_orm::sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, query, query_scalar};

use super::operations::Size;

/// The throw-away PostgreSQL, with so much memory that rows need not come from files.
fn cluster() -> &'static postgres::Cluster {
    static MEMORY: Once = Once::new();
    let cluster = postgres::Cluster::get();
    MEMORY.call_once(|| {
        cluster.run("echo shared_buffers = 4GB >>data/postgresql.conf");
        cluster.run("pg_ctl restart -s -w -D data -l log");
    });
    cluster
}

/// A seeded database in the throw-away PostgreSQL.
pub(crate) async fn seeded(name: &str, size: Size) -> String {
    let cluster = cluster();
    let mut connection = connect(&cluster.url("postgres")).await;
    let create = AssertSqlSafe(format!("CREATE DATABASE {name}"));
    connection.execute(create).await.expect("a database");
    let url = cluster.url(name);
    let (customers, tickets) = (size.customers.to_string(), size.tickets.to_string());
    repairshop(&url, &["migrate", "up"]);
    let seed = ["seed", "--customers", &customers, "--tickets", &tickets];
    repairshop(&url, &seed);
    vacuum(&url).await;
    url
}

/// Runs the program on a database; what it prints.
pub(crate) fn repairshop(url: &str, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_repairshop"))
        .args(arguments)
        .env("DATABASE_URL", url)
        .stderr(Stdio::inherit())
        .output()
        .expect("the program runs");
    assert!(output.status.success(), "{arguments:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) async fn vacuum(url: &str) {
    connect(url)
        .await
        .execute("VACUUM ANALYZE")
        .await
        .expect("statistics");
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
