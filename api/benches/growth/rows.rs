//! Very many rows, made by the database itself from a few that are seeded.

use sea_orm::sqlx::{AssertSqlSafe, Executor};

use super::{Size, database, growing::HEAVY};

/// How many customers the others are made from, and ten times as many tickets.
const SEEDED: u32 = 1_000;

/// A database of this size: names in all combinations, a word that is in ten tickets, and a
/// customer who has a twentieth of all.
pub(crate) async fn made(name: &str, size: Size) -> String {
    let Size { customers, tickets } = size;
    let seeds = Size {
        customers: SEEDED,
        tickets: SEEDED * 10,
    };
    let url = database::seeded(name, seeds).await;
    // All migrations but the first, which makes the tables: indexes are made faster over all rows.
    let migrations = database::repairshop(&url, &["migrate", "status"]);
    let others = migrations.lines().count().saturating_sub(1).to_string();
    database::repairshop(&url, &["migrate", "down", "-n", &others]);
    let rows = format!(
        "SET session_replication_role = replica;
        INSERT INTO customers (first_name, last_name, email, phone, address1, address2, city, state,
            zip_code, notes, active, created_at)
        SELECT one.first_name, other.last_name, n || one.email, other.phone, one.address1,
            one.address2, other.city, other.state, other.zip_code, one.notes, one.active,
            timestamp '2021-09-01' + n * (interval '1826 days' / {customers})
        FROM generate_series({SEEDED} + 1, {customers}) n
        JOIN customers one ON one.id = 1 + n % {SEEDED}
        JOIN customers other ON other.id = 1 + n / {SEEDED} * 7 % {SEEDED};
        INSERT INTO tickets (customer_id, title, description, completed, tech, created_at, updated_at)
        SELECT CASE WHEN n % 20 = 3 THEN {HEAVY} ELSE 1 + n::bigint * 104729 % {customers} END,
            one.title, one.description || CASE
                WHEN n % ({tickets} / 10) = 7 THEN ' Xylophone.'
                WHEN n % 5 = 0 THEN ' Serial SN-' || lpad((n::bigint * 7919 % 1000000)::text, 6, '0')
                ELSE '' END,
            n % 40 > 0, other.tech,
            timestamp '2021-09-01' + n * (interval '1826 days' / {tickets}),
            timestamp '2021-09-01' + n * (interval '1826 days' / {tickets})
        FROM generate_series({SEEDED} * 10 + 1, {tickets}) n
        JOIN tickets one ON one.id = 1 + n::bigint * 7919 % ({SEEDED} * 10)
        JOIN tickets other ON other.id = 1 + n::bigint * 104729 % ({SEEDED} * 10);"
    );
    let mut connection = database::connect(&url).await;
    let made = connection.execute(AssertSqlSafe(rows)).await;
    made.expect("rows");
    database::repairshop(&url, &["migrate", "up"]);
    database::vacuum(&url).await;
    println!("{name}: {customers} customers, {tickets} tickets");
    url
}
