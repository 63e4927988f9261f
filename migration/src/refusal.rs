//! Why tables that are there already cannot be adopted, in words that say what to do.

use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend, DbErr, RuntimeErr, Statement};

use crate::{check, tables::Severity};

/// PostgreSQL's `program_limit_exceeded`: here, a text that is too long for its index.
const TOO_LONG: &str = "54000";

/// Refuses tables that the server could not read, before anything is changed.
pub(crate) async fn unfit<C: ConnectionTrait>(db: &C) -> Result<(), DbErr> {
    let unfit = check(db).await?;
    let unfit = unfit.iter().filter(|it| {
        // What is not there at all, the first migration makes.
        it.severity == Severity::Fatal && (it.column.is_some() || it.found != "none")
    });
    let lines: Vec<String> = unfit.map(ToString::to_string).collect();
    if !lines.is_empty() {
        return Err(DbErr::Migration(lines.join("; ")));
    }
    if db.get_database_backend() == DbBackend::Postgres {
        for table in ["customers", "tickets"] {
            finite(db, table).await?;
        }
    }
    Ok(())
}

/// Refuses times without end, which no calendar has.
async fn finite<C: ConnectionTrait>(db: &C, table: &str) -> Result<(), DbErr> {
    let query = |sql: String| Statement::from_string(DbBackend::Postgres, sql);
    let there = format!("SELECT 1 WHERE to_regclass('public.{table}') IS NOT NULL");
    if db.query_one_raw(query(there)).await?.is_none() {
        return Ok(());
    }
    let sql = format!(
        "SELECT id FROM public.{table} WHERE NOT (isfinite(created_at) AND isfinite(updated_at)) \
         ORDER BY id LIMIT 10"
    );
    let mut ids = Vec::new();
    for row in db.query_all_raw(query(sql)).await? {
        ids.push(row.try_get_by_index::<i32>(0)?.to_string());
    }
    if ids.is_empty() {
        return Ok(());
    }
    Err(DbErr::Migration(format!(
        "{table}: times with an end expected, infinity found in created_at or updated_at of id {}",
        ids.join(", ")
    )))
}

/// Says of a text that is too long for its index where it is; any other error as it was.
pub(crate) fn explained(error: DbErr) -> DbErr {
    let (DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause))) =
        &error
    else {
        return error;
    };
    let Some(refused) = cause.as_database_error() else {
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
