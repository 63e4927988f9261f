//! All that a database holds but rows: what two of them have to have in common to be the same.

use crate::harness::{Kind, TestDatabase, rows};

/// A line for each object, with its definition.
pub(crate) async fn shape(database: &TestDatabase) -> Vec<String> {
    let parts: &[&str] = match database.kind {
        Kind::Sqlite => &["SELECT type || ' ' || name || ' ' || coalesce(sql, '') \
             FROM sqlite_master WHERE name NOT LIKE 'sqlite!_s%' ESCAPE '!'"],
        Kind::Postgres => &[
            COLUMNS,
            CONSTRAINTS,
            "SELECT indexdef FROM pg_indexes WHERE schemaname NOT IN ('pg_catalog', 'pg_toast')",
            "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
            "SELECT tablename || ' ' || policyname || ' ' || qual FROM pg_policies",
            "SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_)'",
            // Those of extensions aside: an extension stays when its index goes.
            "SELECT pg_get_functiondef(f.oid) FROM pg_proc f WHERE f.oid >= 16384 AND NOT EXISTS \
             (SELECT FROM pg_depend WHERE objid = f.oid AND deptype = 'e')",
        ],
    };
    let connection = database.connect().await;
    let mut all = Vec::new();
    for sql in parts {
        let mut part = rows::<String>(&connection, sql).await;
        part.sort();
        all.append(&mut part);
    }
    connection.close().await.expect("the connection closes");
    all
}

/// Of tables and sequences, the place of a column included.
pub(super) const COLUMNS: &str = "
SELECT c.relnamespace::regnamespace::text || '.' || c.relname || ' ' || a.attnum || ' ' || a.attname || ' '
    || format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
    || a.attidentity::text || coalesce(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '')
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') AND a.attnum > 0 AND NOT a.attisdropped
AND c.relnamespace::regnamespace::text NOT IN ('pg_catalog', 'pg_toast', 'information_schema')";

pub(super) const CONSTRAINTS: &str = "
SELECT conrelid::regclass::text || ' ' || conname || ' ' || pg_get_constraintdef(oid)
FROM pg_constraint WHERE conrelid > 16383";
