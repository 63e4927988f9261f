//! Statements that stood in another's way. Which they are, the database says in a code, whatever the
//! language of its messages.

use sea_orm::ConnectionTrait;

use super::ask;
use crate::harness::{Kind, Serving, TestDatabase, rows, until};

const WAITING: &str = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid IN \
    (SELECT pid FROM pg_stat_activity WHERE datname = current_database())";

/// A database with such a setting, and a server on it.
async fn set(setting: &str) -> (TestDatabase, Serving) {
    let database = TestDatabase::stocked(Kind::Postgres).await;
    let connection = database.connect().await;
    let name = rows::<String>(&connection, "SELECT current_database()::text").await;
    let sql = format!("ALTER DATABASE {} SET {setting}", name[0]);
    connection
        .execute_unprepared(&sql)
        .await
        .expect("the setting");
    connection.close().await.expect("the connection closes");
    let serving = Serving::start(&[("DATABASE_URL", &database.url)]);
    (database, serving)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_could_not_be_serialized_is_done_again() {
    let (database, serving) = set("default_transaction_isolation = 'repeatable read'").await;
    let (app, other) = (database.connect().await, database.connect().await);
    let began = "BEGIN; UPDATE tickets SET tech = 'Bea' WHERE id = 1";
    app.execute_unprepared(began).await.expect("a transaction");
    let update =
        r#"mutation { updateTicket(input: { id: 1, title: "Hum" }) { ticket { title tech } } }"#;
    let (answer, ()) = tokio::join!(ask(&serving, update), async {
        until(async || rows::<i64>(&other, WAITING).await[0] > 0).await;
        app.execute_unprepared("COMMIT").await.expect("a commit");
    });
    assert_eq!(answer.data("/updateTicket/ticket/title"), "Hum");
    assert_eq!(answer.data("/updateTicket/ticket/tech"), "Bea");
    for connection in [app, other] {
        connection.close().await.expect("the connection closes");
    }
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_takes_no_writes_is_read_and_unavailable_for_writing() {
    let (database, serving) = set("default_transaction_read_only = on").await;
    let answer = ask(&serving, "{ ticket(id: 1) { title } }").await;
    assert_eq!(answer.data("/ticket/title"), "Cracked screen");
    let update =
        r#"mutation { updateTicket(input: { id: 1, title: "Hum" }) { ticket { title } } }"#;
    assert_eq!(ask(&serving, update).await.code(), "UNAVAILABLE");
    database.remove().await;
}
