//! Which migrations a database has had.
//!
//! Only reads, so that the server can ask with a role that may not create anything. Must not rely
//! on the connection's `search_path`.

use std::{collections::HashSet, str::FromStr};

use sea_orm_migration::{
    MigratorTrait,
    sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement, sqlx::sqlite::SqliteConnectOptions},
};

use crate::{FIRST, Migrator};

/// What the database has had, against what this program knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Known and applied, oldest first.
    pub applied: Vec<String>,
    /// Known and not yet applied, oldest first.
    pub pending: Vec<String>,
    /// Applied by a newer version of this program, which is no reason not to serve.
    pub unknown: Vec<String>,
}

impl Status {
    /// Whether one is pending that may add or change columns, as none of the first does.
    #[must_use]
    pub const fn changes_columns(&self) -> bool {
        !self.pending.is_empty() && self.applied.len() + self.pending.len() > FIRST
    }

    /// How many of the first are pending.
    pub(crate) const fn first_pending(&self) -> usize {
        FIRST.saturating_sub(self.applied.len())
    }
}

/// So many migrations, in words.
#[must_use]
pub fn counted(migrations: usize) -> String {
    match migrations {
        1 => "1 migration".to_owned(),
        more => format!("{more} migrations"),
    }
}

/// The names of the migrations that have yet to be applied, oldest first.
///
/// # Errors
/// Where the database does not answer, or keeps its list of migrations from this role.
pub async fn pending<C: ConnectionTrait>(db: &C) -> Result<Vec<String>, DbErr> {
    Ok(status(db).await?.pending)
}

/// Compares the database's list of migrations with the one in this program.
///
/// # Errors
/// As [`pending`].
pub async fn status<C: ConnectionTrait>(db: &C) -> Result<Status, DbErr> {
    let recorded = recorded(db).await?;
    let files = Migrator::get_migration_files();
    let known: Vec<String> = files.iter().map(|file| file.name().to_owned()).collect();
    let unknown = recorded.iter().filter(|name| !known.contains(name));
    let unknown = unknown.cloned().collect();
    let recorded: HashSet<&String> = recorded.iter().collect();
    let (applied, pending) = known
        .iter()
        .cloned()
        .partition(|name| recorded.contains(name));
    Ok(Status {
        applied,
        pending,
        unknown,
    })
}

/// Where to look for the status of the database at `url`: there, or in an empty database where it is
/// an SQLite file that does not exist, since opening would make it.
#[must_use]
pub fn to_look_at(url: &str) -> &str {
    let absent = url.starts_with("sqlite:")
        && SqliteConnectOptions::from_str(url).is_ok_and(|file| !file.get_filename().exists());
    if absent { "sqlite::memory:" } else { url }
}

async fn recorded<C: ConnectionTrait>(db: &C) -> Result<Vec<String>, DbErr> {
    let (exists, list) = if db.get_database_backend() == DbBackend::Postgres {
        (
            "SELECT 1 WHERE to_regclass('repairshop.seaql_migrations') IS NOT NULL",
            "SELECT version FROM repairshop.seaql_migrations ORDER BY version",
        )
    } else {
        (
            "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'seaql_migrations'",
            "SELECT version FROM seaql_migrations ORDER BY version",
        )
    };
    let statement = |sql| Statement::from_string(db.get_database_backend(), sql);
    if db.query_one_raw(statement(exists)).await?.is_none() {
        return Ok(Vec::new());
    }
    let rows = db.query_all_raw(statement(list)).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}
