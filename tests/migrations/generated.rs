//! What `migrate generate` writes for tables of many kinds of columns and keys, and for changes of
//! them: it does the same on both databases, can be undone, and leaves nothing to do.

use sea_orm::ConnectionTrait;

use super::{
    copy::{Copy, without_order},
    shape::shape,
};
use crate::harness::{Kind, TestDatabase, rows};

const TECHNICIAN: &str = include_str!("entities/technician.rs");

const ORDER: &str = include_str!("entities/order.rs");

/// With a key that nobody numbers, and together with the next one going round.
const PROFILE: &str = include_str!("entities/profile.rs");

const DEVICE: &str = include_str!("entities/device.rs");

const TICKETS_KEY: &str = "    #[sea_orm(belongs_to, from = \"technician_id\", to = \"id\")]
    pub technician: BelongsTo<Option<super::technician::Entity>>,\n";

/// Tables that refer to each other, and columns of tables that are there.
fn add(copy: &Copy) {
    copy.write("entity/src/technician.rs", TECHNICIAN);
    copy.write("entity/src/order.rs", ORDER);
    copy.write("entity/src/profile.rs", PROFILE);
    copy.write("entity/src/device.rs", DEVICE);
    copy.edit("entity/src/lib.rs", &[
        ("pub mod ticket;\n", "pub mod device;\npub mod order;\npub mod profile;\npub mod technician;\npub mod ticket;\n"),
        (
            "        Definition::of(ticket::Entity, backend),\n",
            "        Definition::of(ticket::Entity, backend),\n        Definition::of(order::Entity, backend),\n        \
             Definition::of(technician::Entity, backend),\n        Definition::of(profile::Entity, backend),\n        \
             Definition::of(device::Entity, backend),\n",
        ),
    ]);
    let key = format!("    pub customer: BelongsTo<super::customer::Entity>,\n{TICKETS_KEY}");
    copy.edit(
        "entity/src/ticket.rs",
        &[
            (
                "    pub title: String,\n",
                "    pub title: String,\n    pub technician_id: Option<i64>,\n    \
                 #[sea_orm(default_expr = \"Expr::current_timestamp()\")]\n    pub due_at: DateTime,\n",
            ),
            (
                "    pub customer: BelongsTo<super::customer::Entity>,\n",
                &key,
            ),
        ],
    );
}

const ADDED: &str = "\
adds technicians
adds Order
adds profiles
adds devices
adds tickets.technician_id: bigint
adds tickets.due_at: timestamp not null default now()
adds a foreign key of tickets.technician_id to technicians
adds a foreign key of profiles.favourite_code to devices
";

/// Each kind of change to them.
fn change(copy: &Copy) {
    copy.edit("entity/src/technician.rs", &[
        (
            "    #[sea_orm(unique)]\n    pub badge: String,\n    #[sea_orm(unique_key = \"desk\")]\n    pub room: i16,\n    \
             #[sea_orm(unique_key = \"desk\")]\n    pub place: i32,\n",
            "    #[sea_orm(unique, renamed_from = \"badge\")]\n    pub badge_number: String,\n    \
             #[sea_orm(indexed)]\n    pub room: i32,\n    pub place: i64,\n",
        ),
        ("    pub customer_id: i32,\n", "    #[sea_orm(renamed_from = \"customer_id\")]\n    pub client_id: i32,\n"),
        ("from = \"customer_id\", to = \"id\", on_delete = \"Cascade\"", "from = \"client_id\", to = \"id\""),
        ("default_value = \"new\"", "default_value = \"old\""),
        ("    pub share: f32,\n", "    pub share: f64,\n"),
        ("Some((10, 2))", "Some((12, 2))"),
        ("    pub token: String,\n", "    pub token: Option<String>,\n"),
        ("column_type = \"Uuid\"", "column_type = \"Uuid\", nullable"),
        ("default_value = \"{}\"", "default_value = \"[]\""),
        ("    pub photo: Vec<u8>,\n", ""),
        ("    pub nickname: Option<String>,\n", "    pub nickname: String,\n"),
        ("    pub starts_at: Time,\n", "    pub starts_at: Option<Time>,\n"),
        (
            "    #[sea_orm(default_expr = \"Expr::current_timestamp()\", indexed)]\n    pub seen_at: DateTimeUtc,\n",
            "    pub seen_at: Option<DateTimeUtc>,\n",
        ),
        ("relation_enum = \"Manager\", from = \"manager_id\"", "relation_enum = \"Mentor\", from = \"mentor_id\""),
        ("    pub manager: ", "    pub mentor: "),
    ]);
    copy.edit(
        "entity/src/lib.rs",
        &[
            ("pub mod device;\npub mod order;\npub mod profile;\n", ""),
            ("        Definition::of(order::Entity, backend),\n", ""),
            ("        Definition::of(profile::Entity, backend),\n", ""),
            ("        Definition::of(device::Entity, backend),\n", ""),
        ],
    );
    copy.edit(
        "entity/src/ticket.rs",
        &[
            ("    pub technician_id: Option<i64>,\n", ""),
            (TICKETS_KEY, ""),
        ],
    );
}

const CHANGED: &str = "\
removes the foreign key of tickets.technician_id to technicians
removes the foreign key of technicians.customer_id to customers
removes the foreign key of technicians.manager_id to technicians
removes the foreign key of profiles.favourite_code to devices
removes devices WITH ALL ITS ROWS
removes profiles WITH ALL ITS ROWS
removes Order WITH ALL ITS ROWS
removes technicians_room_place_unique on technicians
removes technicians_seen_at_index on technicians
renames technicians.badge to badge_number
renames technicians.customer_id to client_id
renames technicians_badge_unique on technicians to technicians_badge_number_unique
changes technicians.room: integer not null, was smallint not null
changes technicians.place: bigint not null, was integer not null
changes technicians.grade: varchar(8) not null default 'old', was varchar(8) not null default 'new'
changes technicians.share: double not null, was float not null
changes technicians.wage: real(12,2) not null default 0, was real(10,2) not null default 0
changes technicians.token: uuid, was uuid not null
changes technicians.tools: jsonb not null default [], was jsonb not null default {}
changes technicians.nickname: varchar not null, was varchar
changes technicians.starts_at: time, was time not null
changes technicians.seen_at: timestamptz, was timestamptz not null default now()
removes tickets.technician_id WITH ALL ITS VALUES
removes technicians.photo WITH ALL ITS VALUES
adds technicians_room_index on technicians
adds a foreign key of technicians.mentor_id to technicians
adds a foreign key of technicians.client_id to customers
";

/// Fills what the first migration has made, in SQL that both databases have.
const ROWS: &str = "
INSERT INTO technicians (badge, room, place, customer_id, share, token, photo, starts_at)
VALUES ('A', 1, 1, 1, 0.5, '00000000-0000-0000-0000-000000000001', '', '08:00:00'),
    ('B', 1, 2, 2, 0.5, '00000000-0000-0000-0000-000000000002', '', '09:00:00');
UPDATE technicians SET mentor_id = 1, manager_id = 1 WHERE id = 2;
UPDATE tickets SET technician_id = 2 WHERE id = 1;
INSERT INTO \"Order\" (\"ticketId\", technician_id, helper_id) VALUES (1, 2, 1);
INSERT INTO devices (code) VALUES ('x');
INSERT INTO profiles (customer_id, favourite_code, small) VALUES (1, 'x', 1);
UPDATE devices SET owner_id = 1";

async fn do_all(connection: &sea_orm::DatabaseConnection, statements: &str) {
    for sql in statements.split(';') {
        let done = connection.execute_unprepared(sql).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

async fn none_can_be_done(connection: &sea_orm::DatabaseConnection, statements: &[&str]) {
    for sql in statements {
        let done = connection.execute_unprepared(sql).await;
        assert!(done.is_err(), "{sql}");
    }
}

async fn is_added(copy: &Copy, database: &TestDatabase) {
    let updated = "SELECT max(CAST(updated_at AS text)) FROM tickets";
    let connection = database.connect().await;
    let then = rows::<String>(&connection, updated).await;
    copy.goes_well(&["up"], &database.url);
    assert_eq!(rows::<String>(&connection, updated).await, then);
    do_all(&connection, ROWS).await;
    none_can_be_done(
        &connection,
        &[
            "UPDATE technicians SET badge = 'A'",
            "UPDATE technicians SET place = 1",
            "UPDATE technicians SET manager_id = 7",
            "UPDATE technicians SET customer_id = 1000",
            "UPDATE tickets SET technician_id = 7",
            "UPDATE tickets SET due_at = NULL",
            "INSERT INTO \"Order\" (\"ticketId\", technician_id) VALUES (1, 2)",
            "INSERT INTO \"Order\" (\"ticketId\", technician_id) VALUES (1, 7)",
            "INSERT INTO devices (code, owner_id) VALUES ('y', 2)",
            "UPDATE profiles SET favourite_code = 'y'",
        ],
    )
    .await;
    connection.close().await.expect("the connection closes");
}

async fn is_changed(copy: &Copy, database: &TestDatabase) {
    let before = shape(database).await;
    let (well, said) = copy.run(&["up"], &database.url);
    assert!(!well && said.contains("null"), "a nickname is: {said}");
    assert_eq!(shape(database).await, before);
    let connection = database.connect().await;
    do_all(&connection, "UPDATE technicians SET nickname = badge").await;
    copy.goes_well(&["up"], &database.url);
    let kept = "SELECT badge_number || room || place || client_id || grade || nickname FROM technicians ORDER BY id";
    assert_eq!(
        rows::<String>(&connection, kept).await,
        ["A111newA", "B122newB"]
    );
    // What was in the way before, and what is now.
    do_all(
        &connection,
        "UPDATE technicians SET manager_id = 7, token = NULL; UPDATE technicians SET place = 1",
    )
    .await;
    none_can_be_done(
        &connection,
        &[
            "UPDATE technicians SET badge_number = 'A'",
            "UPDATE technicians SET mentor_id = 7",
            "UPDATE technicians SET client_id = 1000",
            "DELETE FROM customers WHERE id = 2",
            "UPDATE technicians SET nickname = NULL",
        ],
    )
    .await;
    if database.kind == Kind::Postgres {
        let names = "SELECT conname::text FROM pg_constraint
            WHERE conrelid = 'technicians'::regclass AND contype IN ('f', 'p', 'u') ORDER BY 1";
        assert_eq!(
            rows::<String>(&connection, names).await,
            [
                "technicians_badge_number_unique",
                "technicians_client_id_customers_id_fk",
                "technicians_mentor_id_technicians_id_fk",
                "technicians_pkey",
            ]
        );
    }
    // Back again, once the old keys hold.
    let (well, _) = copy.run(&["down"], &database.url);
    assert!(!well, "a token is null now");
    do_all(
        &connection,
        "UPDATE technicians SET manager_id = NULL, place = id, \
         token = '00000000-0000-0000-0000-000000000001'",
    )
    .await;
    connection.close().await.expect("the connection closes");
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_all_kinds_are_added_changed_and_brought_back() {
    let copy = Copy::new("migration-of-many-changes");
    let databases = [
        TestDatabase::stocked(Kind::Sqlite).await,
        TestDatabase::stocked(Kind::Postgres).await,
    ];
    add(&copy);
    assert_eq!(copy.generates("technicians").0, ADDED);
    let (mut before, mut between) = (Vec::new(), Vec::new());
    for database in &databases {
        before.push(shape(database).await);
        is_added(&copy, database).await;
        between.push(shape(database).await);
    }
    copy.has_nothing_to_do().await;

    change(&copy);
    let (said, file) = copy.generates("changed_technicians");
    let (changes, notes) = said.split_at(said.find("note: ").expect("a note"));
    assert_eq!(changes, CHANGED);
    for note in [
        "note: it fails, and changes nothing, where technicians.nickname is null",
        "note: it fails, and changes nothing, where technicians.mentor_id names no row of technicians",
        "note: `down` brings technicians.photo back with blank values",
    ] {
        assert!(notes.contains(note), "{note}: {notes}");
    }
    assert!(file.contains("add_filled_column("), "{file}");
    for database in &databases {
        is_changed(&copy, database).await;
    }
    copy.has_nothing_to_do().await;
    for (at, database) in databases.into_iter().enumerate() {
        copy.goes_well(&["down"], &database.url);
        let back = without_order(shape(&database).await);
        assert_eq!(back, without_order(between[at].clone()));
        copy.goes_well(&["down"], &database.url);
        let back = without_order(shape(&database).await);
        assert_eq!(back, without_order(before[at].clone()));
        database.remove().await;
    }

    // What is left to people.
    copy.edit(
        "entity/src/customer.rs",
        &[(
            "    #[sea_orm(unique)]\n    pub email: String,\n",
            "    #[sea_orm(unique, column_type = \"Text\")]\n    pub email: String,\n",
        )],
    );
    copy.edit(
        "entity/src/technician.rs",
        &[(
            "db_type = \"String(StringLen::N(8))\"",
            "db_type = \"Enum\", enum_name = \"grade\"",
        )],
    );
    copy.edit(
        "entity/src/order.rs",
        &[(
            "    #[sea_orm(column_name = \"select\", default_value = \"a \\\"b\\\" (c)\")]\n    pub choice: String,\n",
            "    pub choice: super::technician::Grade,\n",
        )],
    );
    copy.edit(
        "entity/src/lib.rs",
        &[
            (
                "pub mod technician;\n",
                "pub mod order;\npub mod technician;\n",
            ),
            ("Definition::of(technician::", "Definition::of(order::"),
        ],
    );
    let said = copy.refuses("too_much");
    for reason in [
        "Order.technician_id: no entity has the table technicians; is it in entity::definitions?",
        "Order.choice: a type of PostgreSQL's own is made by hand",
        "customers.email: a function or a trigger of m20261122_000007_beside_drizzle names it",
    ] {
        assert!(said.contains(reason), "{reason}: {said}");
    }
}
