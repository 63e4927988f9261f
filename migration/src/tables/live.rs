//! What a database has, read from its catalog in one statement.

use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement};

use super::{Column, ForeignKey, Index, Oddity, Table, wording};

/// Rows of: what it is of, its table, its name, two texts, and a yes or no.
const POSTGRES: &str = "
SELECT 'table', c.relname::text, '', '', NULL::text, false
FROM pg_class c WHERE c.relnamespace = to_regnamespace('public') AND c.relkind IN ('r', 'p')
    AND NOT c.relispartition AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
UNION ALL (
SELECT CASE WHEN a.attidentity <> '' OR a.attgenerated <> '' OR d.sql LIKE 'nextval(%'
        THEN 'automatic' ELSE 'column' END,
    c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), d.sql, NOT a.attnotnull
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
LEFT JOIN LATERAL (SELECT pg_get_expr(adbin, adrelid) AS sql FROM pg_attrdef
    WHERE adrelid = c.oid AND adnum = a.attnum) d ON true
WHERE c.relnamespace = to_regnamespace('public') AND c.relkind IN ('r', 'p') AND c.relname IN (KNOWN)
    AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY c.relname, a.attnum)
UNION ALL
SELECT CASE WHEN i.indisprimary THEN 'primary key' ELSE 'index' END, c.relname::text, n.relname::text,
    (SELECT string_agg(a.attname, ',' ORDER BY k.place) FROM unnest(i.indkey) WITH ORDINALITY k(attnum, place)
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum WHERE k.place <= i.indnkeyatts),
    NULL, i.indisunique
FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid JOIN pg_class n ON n.oid = i.indexrelid
WHERE c.relnamespace = to_regnamespace('public') AND c.relname IN (KNOWN)
    AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indisvalid AND NOT i.indisexclusion
UNION ALL
SELECT 'foreign key', c.relname::text, f.conname::text,
    (SELECT string_agg(a.attname, ',' ORDER BY k.place) FROM unnest(f.conkey) WITH ORDINALITY k(attnum, place)
        JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.attnum),
    CASE WHEN f.confdeltype = 'c' THEN 'ON DELETE CASCADE' WHEN f.confdeltype = 'n' THEN 'ON DELETE SET NULL'
        WHEN f.confdeltype = 'd' THEN 'ON DELETE SET DEFAULT' WHEN NOT f.convalidated THEN 'NOT VALID'
        WHEN f.condeferred THEN 'DEFERRABLE INITIALLY DEFERRED' WHEN f.condeferrable THEN 'DEFERRABLE' ELSE '' END
    || ',' || t.relname || ',' || (SELECT string_agg(a.attname, ',' ORDER BY k.place)
        FROM unnest(f.confkey) WITH ORDINALITY k(attnum, place)
        JOIN pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.attnum), false
FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid JOIN pg_class t ON t.oid = f.confrelid
WHERE f.contype = 'f' AND c.relnamespace = to_regnamespace('public') AND c.relname IN (KNOWN)
UNION ALL
SELECT 'oddity', c.relname::text, 'no check',
    (SELECT string_agg(a.attname, ',' ORDER BY k.place) FROM unnest(f.conkey) WITH ORDINALITY k(attnum, place)
        JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.attnum),
    pg_get_constraintdef(f.oid), false
FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid
WHERE f.contype = 'c' AND c.relnamespace = to_regnamespace('public') AND c.relname IN (KNOWN)
UNION ALL
SELECT 'oddity', c.relname::text, 'a deterministic collation', a.attname::text,
    quote_ident(l.collname) || ', one that is not,', false
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_collation l ON l.oid = a.attcollation
WHERE c.relnamespace = to_regnamespace('public') AND c.relkind IN ('r', 'p') AND c.relname IN (KNOWN)
    AND a.attnum > 0 AND NOT a.attisdropped AND NOT l.collisdeterministic
UNION ALL
SELECT 'denied', c.relname::text, privilege, '', NULL, false
FROM pg_class c, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) privilege
WHERE c.relnamespace = to_regnamespace('public') AND c.relkind IN ('r', 'p') AND c.relname IN (KNOWN)
    AND NOT (has_schema_privilege(c.relnamespace, 'USAGE') AND has_table_privilege(c.oid, privilege))
UNION ALL
SELECT 'denied', c.relname::text, 'see every row (row-level security)', '', NULL, false
FROM pg_class c WHERE c.relnamespace = to_regnamespace('public') AND c.relkind IN ('r', 'p') AND c.relname IN (KNOWN)
    AND row_security_active(c.oid)
UNION ALL
SELECT 'denied', c.relname::text, 'SELECT without its schema (search_path)', '', NULL, false
FROM pg_class c WHERE c.relnamespace = to_regnamespace('public') AND c.relkind IN ('r', 'p') AND c.relname IN (KNOWN)
    AND has_schema_privilege(c.relnamespace, 'USAGE') AND NOT pg_table_is_visible(c.oid)
UNION ALL
SELECT 'denied', c.relname::text, 'USAGE of its sequence', '', NULL, false
FROM pg_class c JOIN pg_depend d ON d.refobjid = c.oid AND d.deptype = 'a'
    AND d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
JOIN pg_class s ON s.oid = d.objid
WHERE c.relnamespace = to_regnamespace('public') AND c.relname IN (KNOWN)
    AND CASE s.relkind WHEN 'S' THEN NOT has_sequence_privilege(s.oid, 'USAGE') ELSE false END";

const SQLITE: &str = "
SELECT 'table', name, '', '', NULL, 0 FROM sqlite_master
WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'
UNION ALL
SELECT CASE WHEN p.hidden > 1 THEN 'automatic'
        WHEN upper(p.type) <> 'INTEGER' OR p.pk = 0 OR
            (SELECT count(*) FROM pragma_table_info(m.name) k WHERE k.pk > 0) > 1 THEN 'column'
        WHEN m.sql LIKE '%AUTOINCREMENT%' THEN 'automatic' ELSE 'rowid' END,
    m.name, p.name, p.type, p.dflt_value, NOT (p.\"notnull\" OR p.pk > 0)
FROM sqlite_master m JOIN pragma_table_xinfo(m.name) p
WHERE m.type = 'table' AND m.name IN (KNOWN)
UNION ALL
SELECT 'primary key', m.name, '', group_concat(p.name), NULL, 1
FROM sqlite_master m JOIN pragma_table_info(m.name) p
WHERE m.type = 'table' AND m.name IN (KNOWN) AND p.pk > 0 GROUP BY m.name
UNION ALL
SELECT 'index', m.name, l.name, group_concat(i.name), NULL, l.\"unique\"
FROM sqlite_master m JOIN pragma_index_list(m.name) l JOIN pragma_index_info(l.name) i
WHERE m.type = 'table' AND m.name IN (KNOWN) AND NOT l.partial AND l.origin <> 'pk'
GROUP BY m.name, l.name HAVING count(*) = count(i.name)
UNION ALL
SELECT 'foreign key', m.name, '', group_concat(f.\"from\"), 
    CASE WHEN f.on_delete IN ('NO ACTION', 'RESTRICT') THEN '' ELSE 'ON DELETE ' || f.on_delete END
    || ',' || f.\"table\" || ',' || group_concat(f.\"to\"), 0
FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) f
WHERE m.type = 'table' AND m.name IN (KNOWN) GROUP BY m.name, f.id";

/// The tables of the database: those that are expected, and of others the name alone.
///
/// # Errors
/// Where the database does not answer.
pub async fn live<C: ConnectionTrait>(db: &C, expected: &[Table]) -> Result<Vec<Table>, DbErr> {
    let mut known: Vec<String> = (expected.iter())
        .map(|table| format!("'{}'", table.name.replace('\'', "''")))
        .collect();
    // A list has at least one.
    known.push("''".to_owned());
    let backend = db.get_database_backend();
    let sql = if backend == DbBackend::Postgres {
        POSTGRES
    } else {
        SQLITE
    };
    let statement = Statement::from_string(backend, sql.replace("KNOWN", &known.join(", ")));
    let mut tables: Vec<Table> = Vec::new();
    for row in db.query_all_raw(statement).await? {
        add(&mut tables, &row, expected)?;
    }
    // Its own book-keeping, which PostgreSQL has in a schema of its own.
    tables.retain(|table| table.name != "seaql_migrations");
    Ok(tables)
}

fn add(tables: &mut Vec<Table>, row: &QueryResult, expected: &[Table]) -> Result<(), DbErr> {
    let what: String = row.try_get_by_index(0)?;
    let of: String = row.try_get_by_index(1)?;
    let name: String = row.try_get_by_index(2)?;
    let first: Option<String> = row.try_get_by_index(3)?;
    let second: Option<String> = row.try_get_by_index(4)?;
    let yes: bool = row.try_get_by_index(5)?;
    let list = |text: Option<String>| -> Vec<String> {
        let text = text.unwrap_or_default();
        text.split(',').map(str::to_owned).collect()
    };
    if what == "table" {
        tables.push(Table {
            name: of,
            columns: Vec::new(),
            indexes: Vec::new(),
            foreign_keys: Vec::new(),
            denied: Vec::new(),
            oddities: Vec::new(),
        });
        return Ok(());
    }
    // A view, or a table that an extension made: none that the entities mean.
    let Some(table) = tables.iter_mut().find(|table| table.name == of) else {
        return Ok(());
    };
    match what.as_str() {
        "column" | "automatic" | "rowid" => {
            // SQLite numbers each integer key; whether that is meant, the entity says.
            let meant = expected.iter().find(|it| it.name == of);
            let meant = meant.and_then(|it| it.column(&name));
            let meant = meant.is_some_and(|it| it.automatic);
            let automatic = what == "automatic" || what == "rowid" && meant;
            let kind = wording::kind(&first.unwrap_or_default());
            let default = second.filter(|_| !automatic);
            table.columns.push(Column {
                name,
                column_type: wording::column_type(&kind),
                default: default.and_then(|sql| wording::default(&kind, &sql)),
                kind,
                nullable: yes,
                primary_key: false,
                automatic,
                renamed_from: None,
            });
        }
        "primary key" => {
            let columns = list(first);
            for column in &mut table.columns {
                column.primary_key = columns.contains(&column.name);
            }
        }
        "index" => table.indexes.push(Index {
            name,
            columns: list(first),
            unique: yes,
        }),
        "foreign key" => {
            let mut to = list(second);
            let to_columns = to.split_off(2.min(to.len()));
            let columns = list(first);
            let to_table = to.pop().unwrap_or_default();
            table.foreign_keys.push(ForeignKey {
                // SQLite has no use for one.
                name: if name.is_empty() {
                    ForeignKey::usual_name(&of, &columns, &to_table, &to_columns)
                } else {
                    name
                },
                columns,
                to: to_table,
                to_columns,
                lenient: to.pop().filter(|how| !how.is_empty()),
            });
        }
        "oddity" => table.oddities.push(Oddity {
            columns: list(first),
            expected: name,
            found: second.unwrap_or_default(),
        }),
        _ => table.denied.push(name),
    }
    Ok(())
}
