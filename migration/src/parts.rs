//! What the migrations leave on PostgreSQL beside the tables: whether it is there and works, and what
//! a server does without. It may have been dropped or disabled by hand, or never have been made.

use std::collections::HashMap;

use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};

use crate::{
    m20261122_000002_indexes as indexes, m20261122_000006_growth as growth, status,
    tables::{Difference, Severity},
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
const WITHOUT: [(&str, &str); 4] = [
    ("000002", "sorted lists and look-ups read whole tables"),
    (
        "000003",
        "`updatedAt` stays where other programs leave it as it was",
    ),
    ("000004", "search reads whole tables"),
    ("000005", "subscriptions are refused"),
];

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
pub(crate) async fn missing<C: ConnectionTrait>(db: &C) -> Result<Vec<Difference>, DbErr> {
    if db.get_database_backend() != DbBackend::Postgres {
        return Ok(Vec::new());
    }
    let status = status(db).await?;
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
    // How many migrations have to be done again for what one of them made; none where it was not done.
    let again = |part: &str| {
        let place = status.applied.iter().position(|name| name.contains(part));
        place.map(|place| status.applied.len() - place)
    };
    let mut missing = Vec::new();
    let mut look = |of: &str, name: &str, is_trigger: bool, part: &str| {
        let Some(again) = again(part) else { return };
        let kind = if is_trigger { "trigger" } else { "index" };
        let (found, mend) = match there.get(&(of.to_owned(), name.to_owned(), is_trigger)) {
            Some(true) => return,
            Some(false) if is_trigger => (
                "a disabled one",
                format!("ALTER TABLE public.{of} ENABLE TRIGGER {name}"),
            ),
            Some(false) => ("an invalid one", format!("REINDEX INDEX public.{name}")),
            None => ("none", done_again(again)),
        };
        missing.push(Difference {
            severity: Severity::Wrong,
            table: of.to_owned(),
            column: None,
            expected: format!("the {kind} {name}"),
            found: found.to_owned(),
            mend: Some(mend),
        });
    };
    for (of, name, part) in TRIGGERS {
        look(of, name, true, part);
    }
    for (of, name) in indexes::names() {
        look(of, name, false, "000002");
    }
    for (of, name) in growth::names() {
        look(of, name, false, "000006");
    }
    // Where it was not to be had, the last of them makes triggers in its place.
    if let (Some(again), true, false) = (
        again("000002"),
        status.pending.is_empty(),
        has_unique_emails(db).await?,
    ) {
        missing.push(Difference {
            severity: Severity::Wrong,
            table: "customers".to_owned(),
            column: Some("email".to_owned()),
            expected: "unique whatever its case".to_owned(),
            found: "none".to_owned(),
            mend: Some(done_again(again)),
        });
    }
    Ok(missing)
}

fn done_again(migrations: usize) -> String {
    format!("repairshop migrate down -n {migrations} && repairshop migrate up")
}
