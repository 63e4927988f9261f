//! What the migrations leave on PostgreSQL beside the tables: whether it is there and works, and what
//! a server does without. It may have been dropped or disabled by hand, or never have been made.

use std::collections::HashMap;

use sea_orm_migration::{
    MigratorTrait, SchemaManager,
    sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement},
};

use crate::{
    Migrator, Status, m20261122_000002_indexes as indexes, m20261122_000006_growth as growth,
    status,
    tables::{Difference, Severity, Table, expected},
};

/// Table, trigger, and in the name of the migration that makes it.
const TRIGGERS: [(&str, &str, &str); 6] = [
    ("customers", "repairshop_touch_updated_at", "000003"),
    ("tickets", "repairshop_touch_updated_at", "000003"),
    ("customers", "repairshop_note_change", "000005"),
    ("customers", "repairshop_note_update", "000005"),
    ("tickets", "repairshop_note_change", "000005"),
    ("tickets", "repairshop_note_update", "000005"),
];

/// In the name of a migration, and what goes on without it.
const WITHOUT: [(&str, &str); 5] = [
    ("000002", "sorted lists and look-ups read whole tables"),
    (
        "000002",
        "an email address that is stored twice at one moment, in other letters, is not seen to be taken",
    ),
    (
        "000003",
        "`updatedAt` stays where other programs leave it as it was",
    ),
    (
        "000004",
        "search reads whole tables, and those that another program made ever after",
    ),
    ("000005", "subscriptions are refused"),
];

/// In the name of the migration that gives indexes their form in tables that another program made, and
/// keeps email addresses apart.
const BESIDE: &str = "000007";

/// How something of ours is made again.
pub(crate) enum Again {
    Statement(String),
    /// By the migration with this in its name, which leaves alone what is there.
    Migration(&'static str),
}

/// Table, name, whether it is a trigger, and whether it works.
const THERE: &str = "
SELECT c.relname::text, t.tgname::text, true, t.tgenabled IN ('O', 'A') FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE t.tgrelid IN (to_regclass('public.customers'), to_regclass('public.tickets')) AND NOT t.tgisinternal
UNION ALL
SELECT c.relname::text, x.relname::text, false, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_class x ON x.oid = i.indexrelid
WHERE i.indrelid IN (to_regclass('public.customers'), to_regclass('public.tickets'))";

/// A unique index, or the triggers that stand in for it where there were duplicates already.
const UNIQUE_EMAILS: &str = "SELECT 1 WHERE EXISTS (SELECT FROM pg_index
        WHERE indexrelid = to_regclass('public.customers_email_lower_unique') AND indisvalid)
    OR 2 = (SELECT count(*) FROM pg_trigger WHERE tgrelid = to_regclass('public.customers')
        AND tgname IN ('repairshop_new_email', 'repairshop_other_email') AND tgenabled IN ('O', 'A'))";

/// Whether the database itself refuses an email address that another customer has in other letters.
///
/// # Errors
/// Where the database does not answer.
pub async fn has_unique_emails<C: ConnectionTrait>(db: &C) -> Result<bool, DbErr> {
    if db.get_database_backend() != DbBackend::Postgres {
        return Ok(true); // A file has always had all migrations.
    }
    let statement = Statement::from_string(DbBackend::Postgres, UNIQUE_EMAILS);
    Ok(db.query_one_raw(statement).await?.is_some())
}

/// What a server does without on a database that has not had these migrations, in a few words each.
#[must_use]
pub fn without(pending: &[String]) -> Vec<&'static str> {
    let lacks = |part: &str| pending.iter().any(|name| name.contains(part));
    let words = WITHOUT.iter().filter(|(part, _)| lacks(part));
    words.map(|(_, words)| *words).collect()
}

/// What the migrations have made that is not there any more, or does not work.
pub(crate) async fn missing<C: ConnectionTrait>(
    db: &C,
    expected: &[Table],
) -> Result<Vec<Difference>, DbErr> {
    if db.get_database_backend() != DbBackend::Postgres {
        return Ok(Vec::new());
    }
    let all = look(db, &status(db).await?, expected).await?;
    Ok(all.into_iter().map(|(difference, _)| difference).collect())
}

/// What of it can be made again, and how.
pub(crate) async fn lost<C: ConnectionTrait>(
    db: &C,
    status: &Status,
) -> Result<Vec<(Difference, Again)>, DbErr> {
    let backend = db.get_database_backend();
    if backend != DbBackend::Postgres {
        return Ok(Vec::new());
    }
    let expected = expected(&entity::definitions(backend), backend);
    let all = look(db, status, &expected).await?.into_iter();
    Ok(all
        .filter_map(|(difference, again)| Some((difference, again?)))
        .collect())
}

/// Makes again what was lost, and says what that was.
pub(crate) async fn restore(
    manager: &SchemaManager<'_>,
    status: &Status,
    lost: Vec<(Difference, Again)>,
) -> Result<Vec<String>, DbErr> {
    let (mut restored, mut parts) = (Vec::new(), Vec::new());
    for (difference, again) in lost {
        match again {
            Again::Statement(sql) => {
                manager.get_connection().execute_unprepared(&sql).await?;
            }
            Again::Migration(part) => parts.push(part),
        }
        restored.push(format!("{}: {}", difference.table, difference.expected));
    }
    if !restored.is_empty() {
        parts.push(BESIDE);
    }
    for migration in Migrator::migrations() {
        let name = migration.name();
        let is_applied = status.applied.iter().any(|it| it == name);
        if is_applied && parts.iter().any(|part| name.contains(part)) {
            migration.up(manager).await?;
        }
    }
    Ok(restored)
}

async fn look<C: ConnectionTrait>(
    db: &C,
    status: &Status,
    expected: &[Table],
) -> Result<Vec<(Difference, Option<Again>)>, DbErr> {
    // A newer version may have made something else of it.
    if status.applied.is_empty() || !status.unknown.is_empty() {
        return Ok(Vec::new());
    }
    let mut there: HashMap<(String, String, bool), bool> = HashMap::new();
    let statement = Statement::from_string(DbBackend::Postgres, THERE);
    for row in db.query_all_raw(statement).await? {
        let place = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        let is_trigger = row.try_get_by_index(2)?;
        there.insert((place.0, place.1, is_trigger), row.try_get_by_index(3)?);
    }
    let is_done = |part: &str| status.applied.iter().any(|name| name.contains(part));
    let has = |of: &str, column: &str| {
        let table = expected.iter().find(|it| it.name == of);
        table.is_some_and(|it| it.column(column).is_some())
    };
    let mut all = Vec::new();
    let mut compare = |of: &str, name: &str, is_trigger: bool, again: Again| {
        let kind = if is_trigger { "trigger" } else { "index" };
        let (found, mend, again) = match there.get(&(of.to_owned(), name.to_owned(), is_trigger)) {
            Some(true) => return,
            Some(false) if is_trigger => (
                "a disabled one",
                format!("ALTER TABLE public.{of} ENABLE TRIGGER {name}"),
                None,
            ),
            Some(false) => (
                "an invalid one",
                format!("REINDEX INDEX public.{name}"),
                None,
            ),
            None => ("none", MEND.to_owned(), Some(again)),
        };
        let difference = wrong(of, None, &format!("the {kind} {name}"), found, mend);
        all.push((difference, again));
    };
    for (of, name, part) in TRIGGERS.into_iter().filter(|(.., part)| is_done(part)) {
        compare(of, name, true, Again::Migration(part));
    }
    let sorted = indexes::definitions().filter(|_| is_done("000002"));
    for (of, name, rest) in sorted.chain(growth::definitions().filter(|_| is_done("000006"))) {
        // Of a column that a later migration removed there is none.
        let mut columns = rest
            .split(|it: char| !it.is_ascii_lowercase() && it != '_')
            .filter(|it| !it.is_empty());
        if columns.all(|column| has(of, column)) {
            let sql = format!("CREATE INDEX IF NOT EXISTS {name} ON public.{of} {rest}");
            compare(of, name, false, Again::Statement(sql));
        }
    }
    // Where it was not to be had, the last of them makes triggers in its place.
    if is_done(BESIDE) && has("customers", "email") && !has_unique_emails(db).await? {
        let unique = "unique whatever its case";
        let difference = wrong("customers", Some("email"), unique, "none", MEND.to_owned());
        all.push((difference, Some(Again::Migration("000002"))));
    }
    Ok(all)
}

/// What makes again what was dropped.
const MEND: &str = "repairshop migrate up";

fn wrong(
    table: &str,
    column: Option<&str>,
    expected: &str,
    found: &str,
    mend: String,
) -> Difference {
    Difference {
        severity: Severity::Wrong,
        table: table.to_owned(),
        column: column.map(ToOwned::to_owned),
        expected: expected.to_owned(),
        found: found.to_owned(),
        mend: Some(mend),
    }
}
