//! `migrate generate`: writes the migration that takes a database to where the entities are.
//!
//! All migrations are applied to an empty scratch database; what it has then is compared with the
//! entities, by the same tables as `check`. `plan` decides what may be done, `code` writes it as
//! Rust. Nobody's data is looked at: what some data would not bear fails where it is applied and
//! changes nothing there, and what no data would bear is refused.

mod change;
mod code;
mod columns;
mod list;
mod plan;
mod sources;

use std::{
    fs,
    io::{self, Write as _},
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

use plan::{Plan, User, plan};
use sources::{Source, sources};

#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Generate {
    /// What the migration is called, as in `add_loyalty_points`
    #[arg(value_parser = name)]
    name: String,

    /// Where the migrations are
    #[arg(long, value_name = "DIRECTORY", default_value = "migration/src")]
    to: PathBuf,

    /// An empty database to try the migrations on, instead of one in memory
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
    let files = Migrator::get_migration_files();
    let built = |name: &str| files.iter().any(|it| it.name() == name);
    if let Some(name) = list::names(&registered).find(|it| !built(it)) {
        return Err(format!(
            "this program was built before {name} was written: build it anew, as cargo run does"
        ));
    }
    let planned = scratch(&options.scratch, &sources(&options.to)?)
        .await
        .map_err(|it| in_words(&it))??;
    if planned.changes.is_empty() {
        return Ok(vec![
            "nothing to do: the migrations lead to what the entities say".to_owned(),
        ]);
    }
    let file = next(&options.name);
    let path = options.to.join(format!("{file}.rs"));
    let failed =
        |path: &Path, error: &io::Error| format!("{} cannot be written: {error}", path.display());
    let registered = list::with(&registered, &file)
        .ok_or_else(|| format!("{} has no list of migrations", list.display()))?;
    let code = code::migration(&planned.changes);
    fs::File::create_new(&path)
        .and_then(|mut file| file.write_all(code.as_bytes()))
        .map_err(|error| failed(&path, &error))?;
    if let Err(error) = fs::write(&list, registered) {
        let _ = fs::remove_file(&path);
        return Err(failed(&list, &error));
    }
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

async fn scratch(url: &str, sources: &[Source]) -> Result<Result<Plan, String>, DbErr> {
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
    let planned = look(&db, &definitions, sources).await;
    execute(&db, &Command::Down { num: u32::MAX }).await?;
    db.close().await?;
    planned
}

async fn look(
    db: &DatabaseConnection,
    definitions: &[Definition],
    sources: &[Source],
) -> Result<Result<Plan, String>, DbErr> {
    let expected = expected(definitions, db.get_database_backend());
    // Of tables that are not expected, the first look tells the name alone.
    let names = live(db, &expected).await?;
    let live = live(db, &names).await?;
    let mut users = Vec::new();
    for table in &live {
        users.extend(definitions_on(db, table).await?);
    }
    Ok(plan(&expected, &live, &users, sources))
}

/// What stands on a table.
async fn definitions_on(db: &DatabaseConnection, table: &Table) -> Result<Vec<User>, DbErr> {
    let sql = if db.get_database_backend() == DbBackend::Postgres {
        "SELECT name, sql FROM (SELECT n.relname::text, pg_get_indexdef(n.oid), i.indrelid
            FROM pg_index i JOIN pg_class n ON n.oid = i.indexrelid WHERE NOT i.indisprimary
        UNION ALL SELECT tgname, pg_get_triggerdef(oid), tgrelid FROM pg_trigger WHERE NOT tgisinternal) t (name, sql, of)
        JOIN pg_class c ON c.oid = t.of WHERE c.relnamespace = 'public'::regnamespace AND c.relname = '"
    } else {
        "SELECT name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql IS NOT NULL AND tbl_name = '"
    };
    let sql = format!("{sql}{}'", table.name.replace('\'', "''"));
    let rows = db
        .query_all_raw(Statement::from_string(db.get_database_backend(), sql))
        .await?;
    rows.iter()
        .map(|row| {
            Ok(User {
                name: row.try_get_by_index(0)?,
                table: table.name.clone(),
                sql: row.try_get_by_index(1)?,
            })
        })
        .collect()
}
