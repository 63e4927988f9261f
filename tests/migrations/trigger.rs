//! PostgreSQL: `updated_at` where another program changes a row.

use sea_orm::ConnectionTrait;

use super::adopted::{SOME_ROWS, by_drizzle, execute, facts, migrate};
use crate::harness::{Kind, TestDatabase, rows};

#[tokio::test(flavor = "multi_thread")]
async fn the_trigger_writes_utc_whatever_the_sessions_time_zone() {
    let database = TestDatabase::stocked(Kind::Postgres).await;
    let connection = database.connect().await;
    let lately = "SELECT id FROM customers WHERE abs(extract(epoch FROM \
        (updated_at - now() AT TIME ZONE 'UTC'))) < 60 ORDER BY id";
    assert!(rows::<i32>(&connection, lately).await.is_empty());
    for (id, zone) in [(1, "Pacific/Auckland"), (2, "America/New_York"), (3, "UTC")] {
        let sql = format!(
            "SET TimeZone = '{zone}'; UPDATE customers SET city = 'Elsewhere' WHERE id = {id}"
        );
        let updated = connection.execute_unprepared(&sql).await;
        updated.expect("another program's update");
    }
    assert_eq!(rows::<i32>(&connection, lately).await, [1, 2, 3]);
    // Who writes a row as it is has not changed it, and who sets the time means it.
    for sql in [
        "UPDATE customers SET city = city",
        "UPDATE customers SET city = 'Elsewhere', updated_at = '2020-01-01' WHERE id = 4",
    ] {
        let updated = connection.execute_unprepared(sql).await;
        updated.expect("another program's update");
    }
    assert_eq!(rows::<i32>(&connection, lately).await, [1, 2, 3]);
    let of_four = "SELECT updated_at::text FROM customers WHERE id = 4";
    assert_eq!(
        rows::<String>(&connection, of_four).await,
        ["2020-01-01 00:00:00"]
    );
    connection.close().await.expect("the connection closes");
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_with_generated_and_json_columns_are_adopted() {
    let database = by_drizzle().await;
    execute(&database, SOME_ROWS).await;
    let columns = "ALTER TABLE tickets ADD tag text GENERATED ALWAYS AS (upper(title)) STORED, ADD extra json;
        UPDATE tickets SET updated_at = '2020-01-01', extra = '{}'";
    execute(&database, columns).await;
    migrate(&database, "up");
    execute(&database, "UPDATE tickets SET title = 'Else' WHERE id = 1").await;
    execute(&database, "UPDATE tickets SET extra = '[]' WHERE id = 1").await;
    let moved = "SELECT tag FROM tickets WHERE updated_at > '2020-01-02'";
    assert_eq!(facts(&database, moved).await, ["ELSE"]);
    // Its owner may go on changing the column that the trigger reads.
    let retyped = "ALTER TABLE tickets ALTER updated_at TYPE timestamp(3)";
    execute(&database, retyped).await;
    database.remove().await;
}
