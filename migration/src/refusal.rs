//! Why tables that are there already cannot be adopted, in words that say what to do.

use sea_orm_migration::sea_orm::{
    ConnectionTrait, DbErr, RuntimeErr, Statement, sqlx::error::DatabaseError,
};

use crate::{check, tables::Severity};

/// PostgreSQL's `program_limit_exceeded`: here, a text that is too long for its index.
const TOO_LONG: &str = "54000";
/// PostgreSQL's `deadlock_detected`.
pub(crate) const DEADLOCK: &str = "40P01";
/// PostgreSQL's `lock_not_available`: somebody uses a table for longer than we wait.
pub(crate) const IN_USE: &str = "55P03";

/// Who holds one of the shop's tables for longest; the numbers of tables are those of one database.
const HOLDER: &str = "SELECT a.pid, a.application_name, extract(epoch FROM now() - a.xact_start)::int
    FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.granted AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND l.relation IN (to_regclass('public.customers'), to_regclass('public.tickets'))
        AND l.pid <> pg_backend_pid() ORDER BY a.xact_start LIMIT 1";

/// Why the server could not read the tables that are there, in a line each; nothing of those that are not.
pub(crate) async fn unfit<C: ConnectionTrait>(db: &C) -> Result<Vec<String>, DbErr> {
    let unfit = check(db).await?;
    let unfit = unfit
        .iter()
        .filter(|it| it.severity == Severity::Fatal && !it.is_no_table());
    Ok(unfit.map(ToString::to_string).collect())
}

/// Refuses tables for these reasons, if there are any.
pub(crate) fn refuse(unfit: &[String]) -> Result<(), DbErr> {
    if unfit.is_empty() {
        return Ok(());
    }
    Err(DbErr::Migration(unfit.join("; ")))
}

/// Says of a migration that failed on tables that were unfit before what they lack.
pub(crate) fn of_unfit(error: DbErr, unfit: &[String]) -> DbErr {
    if unfit.is_empty() || has_code(&error, DEADLOCK) || has_code(&error, IN_USE) {
        return error;
    }
    DbErr::Migration(format!("{}; {}", unfit.join("; "), in_words(&error)))
}

/// Says of a commit without an answer what is not known. What the database refuses, it has undone.
pub(crate) fn at_the_end(error: DbErr) -> DbErr {
    if said(&error).is_some() {
        return error;
    }
    DbErr::Custom(
        "the connection was lost while the changes were committed: `repairshop migrate status` tells whether they were"
            .to_owned(),
    )
}

pub(crate) fn has_code(error: &DbErr, code: &str) -> bool {
    said(error).is_some_and(|error| error.code().as_deref() == Some(code))
}

/// What the database itself said of a statement.
fn said(error: &DbErr) -> Option<&(dyn DatabaseError + 'static)> {
    match error {
        DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error)) => {
            error.as_database_error()
        }
        _ => None,
    }
}

/// Says who uses the tables.
pub(crate) async fn in_use<C: ConnectionTrait>(db: &C) -> Result<DbErr, DbErr> {
    let holder = Statement::from_string(db.get_database_backend(), HOLDER);
    let who = match db.query_one_raw(holder).await? {
        None => "a table that is to be changed is in use; try again in a moment".to_owned(),
        Some(row) => {
            let process: i32 = row.try_get_by_index(0)?;
            let program: Option<String> = row.try_get_by_index(1)?;
            let program = program.filter(|name| !name.is_empty());
            let program = program.map_or_else(String::new, |name| format!(" of {name}"));
            // Of another role's transaction it is not told.
            let seconds: Option<i32> = row.try_get_by_index(2)?;
            let seconds = seconds.map_or_else(String::new, |it| format!(" for {it} s"));
            format!(
                "customers or tickets are in use in a transaction{program} (process {process}){seconds}: \
                 let it end, or end it with SELECT pg_terminate_backend({process}), and try again"
            )
        }
    };
    Ok(DbErr::Migration(who))
}

/// Says of a text that is too long for its index where it is; any other error as it was.
pub(crate) fn explained(error: DbErr) -> DbErr {
    let Some(refused) = said(&error) else {
        return error;
    };
    let (Some(table), Some(index)) = (refused.table(), refused.constraint()) else {
        return error;
    };
    if refused.code().as_deref() != Some(TOO_LONG) {
        return error;
    }
    // The name of an index of ours has its table, then its columns.
    let columns = index.strip_prefix(table).unwrap_or(index).trim_matches('_');
    let column = columns.trim_end_matches("_idx").trim_end_matches("_id");
    DbErr::Migration(format!(
        "{table}.{column} has a text that is too long for an index: shorten it to 600 characters; \
         SELECT id, length({column}) FROM {table} ORDER BY 2 DESC LIMIT 10 finds it"
    ))
}

/// What an error says, without the name of its kind where the words are ours.
#[must_use]
pub fn in_words(error: &DbErr) -> String {
    let said = match error {
        DbErr::Migration(said) | DbErr::Custom(said) => said.clone(),
        other => other.to_string(),
    };
    said.replace('\n', "; ")
}
