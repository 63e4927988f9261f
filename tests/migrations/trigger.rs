//! PostgreSQL: `updated_at` where another program changes a row.

use sea_orm::ConnectionTrait;

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
