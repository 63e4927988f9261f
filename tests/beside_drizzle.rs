//! The shop's app on the same tables, by the real drizzle-orm: `tests/node/drizzle/beside.mjs`.

use sea_orm::ConnectionTrait;

use crate::harness::{DRIZZLE, Kind, Serving, TestDatabase, node, repairshop};

#[tokio::test(flavor = "multi_thread")]
async fn the_app_and_the_server_share_the_tables_that_drizzle_made() {
    let database = TestDatabase::empty(Kind::Postgres).await;
    let connection = database.connect().await;
    let made = connection.execute_unprepared(DRIZZLE).await;
    made.expect("Drizzle's tables");
    connection.close().await.expect("the connection closes");
    repairshop(&["migrate", "up"], &[("DATABASE_URL", &database.url)]).success();
    share(database, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_app_and_the_server_share_the_tables_that_we_made() {
    share(TestDatabase::stocked(Kind::Postgres).await, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_app_and_the_server_share_the_tables_without_a_migration() {
    share(TestDatabase::of_drizzle().await, "unmigrated").await;
}

async fn share(database: TestDatabase, state: &str) {
    let serving = Serving::start(&[("DATABASE_URL", &database.url)]);
    let arguments = [serving.url.as_str(), &database.url, state];
    let printed = node("drizzle/beside.mjs", &arguments).await;
    let expected = [
        "drizzle to api",
        "mixed case",
        "api to drizzle",
        "updatedAt",
        "microseconds",
        "live",
    ];
    assert_eq!(printed.lines().collect::<Vec<_>>(), expected);
    serving.stop();
    database.remove().await;
}
