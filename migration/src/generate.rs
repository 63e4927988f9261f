//! `migrate generate`: writes the migration that takes a database to where the entities are.
//!
//! All migrations are applied to an empty scratch database; what it has then is compared with the
//! entities, by the same tables as `check`. `plan` decides what may be done, `code` writes it as
//! Rust. Nobody's data is looked at, so what would need data to decide is refused.

mod code;
mod plan;

use std::{
    fs,
    path::{Path, PathBuf},
    process,
};

use clap::Args;
use entity::Definition;
use sea_orm_migration::{
    MigratorTrait,
    sea_orm::{
        ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, Statement,
        prelude::ChronoUtc,
    },
};

use crate::{
    Command, Migrator, execute, in_words,
    tables::{Table, expected, live},
};

use plan::{Plan, plan};

#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Generate {
    /// What the migration is called, as in `add_loyalty_points`
    #[arg(value_parser = name)]
    name: String,

    /// Where the migrations are
    #[arg(long, value_name = "DIRECTORY", default_value = "migration/src")]
    to: PathBuf,

    /// An empty database to try the migrations on, instead of one in memory; `postgres://` tells
    /// integers of different sizes apart
    #[arg(
        long,
        value_name = "URL",
        default_value = "sqlite::memory:",
        hide_default_value = true
    )]
    scratch: String,
}

fn name(text: &str) -> Result<String, &'static str> {
    let fits = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_';
    if text.is_empty() || !text.chars().all(fits) {
        return Err("expected small letters, digits and _, as in add_loyalty_points");
    }
    Ok(text.to_owned())
}

/// Writes the migration, and says what it does: a line for each change.
///
/// # Errors
/// Where there is something that cannot be done safely; nothing is written then. Where the scratch
/// database or the directory is not as it has to be.
pub async fn generate(options: &Generate) -> Result<Vec<String>, String> {
    let list = options.to.join("lib.rs");
    let Ok(registered) = fs::read_to_string(&list) else {
        return Err(format!(
            "there is no {}: run this where the source is, or say with --to where the migrations are",
            list.display()
        ));
    };
    let planned = scratch(&options.scratch)
        .await
        .map_err(|it| in_words(&it))??;
    if planned.changes.is_empty() {
        return Ok(vec![
            "nothing to do: the migrations lead to what the entities say".to_owned(),
        ]);
    }
    let file = next(&options.name);
    let path = options.to.join(format!("{file}.rs"));
    let failed = |path: &Path| format!("{} cannot be written", path.display());
    let registered = code::registered(&registered, &file)
        .ok_or_else(|| format!("{} has no list of migrations", list.display()))?;
    fs::write(&path, code::migration(&planned.changes)).map_err(|_| failed(&path))?;
    fs::write(&list, registered).map_err(|_| failed(&list))?;
    // As the house has it, where the tool is there.
    let _ = process::Command::new("rustfmt")
        .args(["--edition", "2024"])
        .arg(&path)
        .status();
    let changes = planned.changes.iter().map(ToString::to_string);
    let written = [format!("written: {}", path.display())];
    Ok(changes.chain(planned.notes).chain(written).collect())
}

/// The name of the next file: the latest number and one more, and today.
fn next(name: &str) -> String {
    let files = Migrator::get_migration_files();
    let latest = files.iter().filter_map(|file| {
        let mut parts = file.name().trim_start_matches('m').split('_');
        let day: u32 = parts.next()?.parse().ok()?;
        Some((day, parts.next()?.parse::<u32>().ok()?))
    });
    let (day, number) = latest.max().unwrap_or_default();
    let today = ChronoUtc::now()
        .format("%Y%m%d")
        .to_string()
        .parse()
        .unwrap_or(day);
    format!("m{}_{:06}_{name}", day.max(today), number + 1)
}

async fn scratch(url: &str) -> Result<Result<Plan, String>, DbErr> {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .sqlx_logging(false);
    let db = Database::connect(options)
        .await
        .map_err(|_| DbErr::Custom("the scratch database cannot be reached".to_owned()))?;
    let definitions = entity::definitions(db.get_database_backend());
    if !live(&db, &[]).await?.is_empty() {
        return Ok(Err(
            "the scratch database has tables: it has to be empty".to_owned()
        ));
    }
    execute(&db, &Command::Up { num: None }).await?;
    let planned = look(&db, &definitions).await;
    execute(&db, &Command::Down { num: u32::MAX }).await?;
    db.close().await?;
    planned
}

async fn look(
    db: &DatabaseConnection,
    definitions: &[Definition],
) -> Result<Result<Plan, String>, DbErr> {
    let expected = expected(definitions, db.get_database_backend());
    // Of tables that are not expected, the first look tells the name alone.
    let names = live(db, &expected).await?;
    let live = live(db, &names).await?;
    let mut users = Vec::new();
    for table in &live {
        users.extend(definitions_on(db, table).await?);
    }
    Ok(plan(&expected, &live, &users))
}

/// The name, the table and the text of what stands on a table: indexes, and SQLite's triggers.
async fn definitions_on(
    db: &DatabaseConnection,
    table: &Table,
) -> Result<Vec<(String, String, String)>, DbErr> {
    let sql = if db.get_database_backend() == DbBackend::Postgres {
        "SELECT indexname::text, tablename::text, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = '"
    } else {
        "SELECT name, tbl_name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql IS NOT NULL AND tbl_name = '"
    };
    let sql = format!("{sql}{}'", table.name.replace('\'', "''"));
    let rows = db
        .query_all_raw(Statement::from_string(db.get_database_backend(), sql))
        .await?;
    rows.iter()
        .map(|row| {
            Ok((
                row.try_get_by_index(0)?,
                row.try_get_by_index(1)?,
                row.try_get_by_index(2)?,
            ))
        })
        .collect()
}
