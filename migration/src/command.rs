//! The commands, and the lock under which those that change something run.
//!
//! One transaction holds the lock and all the changes: of programs that migrate at once, one does
//! and the others find nothing left to do, and a migration that fails leaves nothing behind.

use std::time::Duration;

use clap::Subcommand;
use sea_orm_migration::{
    MigratorTrait, SchemaManager,
    sea_orm::{
        ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction,
        DbBackend, DbErr, RuntimeErr, SqliteTransactionMode, Statement, TransactionOptions,
        TransactionTrait,
    },
};
use tokio::time::sleep;

use crate::{
    ADOPT, Generate, Migrator, Status, counted, generate, is_adopted, parts, refusal, status,
    to_look_at,
};

#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Apply the migrations that the database has not had yet, and make again what somebody has dropped of theirs; tables that are already there keep their rows
    Up {
        /// Apply at most this many, oldest first [default: all]
        #[arg(short, long)]
        num: Option<u32>,
    },
    /// Undo the latest migrations; undoing the first one deletes the shop's tables with all their rows, unless they were adopted; undoing a generated one deletes what it says it adds, also where another program had made that
    Down {
        /// Undo this many, latest first
        #[arg(short, long, default_value_t = 1)]
        num: u32,
    },
    /// List the migrations and whether the database has had them
    Status,
    /// DELETE ALL CUSTOMERS AND TICKETS: undo all migrations and apply them again (other tables stay)
    Fresh,
    /// Write the migration that takes a database to where the entities are now
    Generate(Generate),
}

/// How often a command is begun.
const ATTEMPTS: usize = 5;
/// PostgreSQL: how long a step waits for a table that somebody uses. Whoever wants to write to it
/// meanwhile waits behind the step.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '1s'";
/// Waits for who uses the tables before anything is done that would be done in vain; then keeps
/// writers out alone. What the inner block takes, it gives back.
const BE_FIRST: &str = "DO $$ BEGIN
    IF to_regclass('public.customers') IS NOT NULL AND to_regclass('public.tickets') IS NOT NULL THEN
        BEGIN
            LOCK TABLE public.customers, public.tickets IN ACCESS EXCLUSIVE MODE;
            RAISE EXCEPTION SQLSTATE 'RS001';
        EXCEPTION WHEN SQLSTATE 'RS001' THEN NULL;
        END;
        LOCK TABLE public.customers, public.tickets IN SHARE ROW EXCLUSIVE MODE;
    END IF;
END $$";
/// How long others have the tables to themselves before the next attempt.
const PAUSE: Duration = Duration::from_secs(1);
/// How fast indexes were made over tables of other programs: bytes of the tables a second, on two
/// cores.
const PACE: i64 = 8_000_000;

/// Carries out a command on the database at `url` and prints a line for each migration.
///
/// # Errors
/// Where the database cannot be reached or refuses a statement; it is then as it was before.
pub async fn run(url: &str, command: &Command) -> Result<(), DbErr> {
    if let Command::Generate(options) = command {
        for line in generate(options).await.map_err(DbErr::Custom)? {
            println!("{line}");
        }
        return Ok(());
    }
    let url = if *command == Command::Status {
        to_look_at(url)
    } else {
        url
    };
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(1)
        // Without the pool's own maintenance, which may never end (sqlx 0.9.0): it lives for moments.
        .idle_timeout(None)
        .max_lifetime(None)
        .sqlx_logging(false)
        // Poolers refuse start-up parameters that they do not know.
        .map_sqlx_postgres_opts(|options| options.extra_float_digits(None))
        .map_sqlx_sqlite_opts(|options| options.create_if_missing(true));
    let db = Database::connect(options)
        .await
        .map_err(|error| match error {
            // SeaORM quotes a URL that it cannot use, password included.
            DbErr::Conn(cause) => DbErr::Conn(RuntimeErr::Internal(
                cause.to_string().replace(url, "DATABASE_URL"),
            )),
            other => other,
        })?;
    if let Some(line) = forecast(&db, command).await? {
        eprintln!("{line}");
    }
    for line in execute(&db, command).await? {
        println!("{line}");
    }
    db.close().await
}

/// Carries out a command and says what was done: a line for each migration.
///
/// # Errors
/// Where the database refuses a statement; it is then as it was before.
pub async fn execute(db: &DatabaseConnection, command: &Command) -> Result<Vec<String>, DbErr> {
    if *command == Command::Status {
        return Ok(listing(&status(db).await?));
    }
    // Beside a server that writes, whose locks come in any order, PostgreSQL may choose this
    // transaction to give way, or somebody may hold a table for long; it has changed nothing then, and
    // can begin again.
    let mut left = ATTEMPTS;
    loop {
        left -= 1;
        match change(db, command).await {
            Err(error) if left > 0 && refusal::has_code(&error, refusal::DEADLOCK) => {}
            Err(error) if refusal::has_code(&error, refusal::IN_USE) => {
                if left == 0 {
                    return Err(refusal::in_use(db).await?);
                }
                sleep(PAUSE).await;
            }
            done => return done.map_err(refusal::explained),
        }
    }
}

/// What a command is going to do to tables that are in use, and for how long about; none where that
/// is nothing.
///
/// # Errors
/// Where the database does not answer.
pub async fn forecast<C: ConnectionTrait>(
    db: &C,
    command: &Command,
) -> Result<Option<String>, DbErr> {
    let Command::Up { num } = *command else {
        return Ok(None);
    };
    if db.get_database_backend() != DbBackend::Postgres {
        return Ok(None);
    }
    let status = status(db).await?;
    let most = num.map_or(usize::MAX, |num| usize::try_from(num).unwrap_or(usize::MAX));
    let to_do = status.pending.len().min(most);
    let first = status.first_pending().min(to_do);
    let size = "SELECT coalesce(sum(pg_relation_size(oid)), 0)::bigint FROM pg_class
        WHERE oid IN (to_regclass('public.customers'), to_regclass('public.tickets'))";
    let size = Statement::from_string(DbBackend::Postgres, size);
    let row = db.query_one_raw(size).await?;
    let size: i64 = row.map_or(Ok(0), |row| row.try_get_by_index(0))?;
    // What later ones do to which tables, nobody here knows.
    if first == 0 || size == 0 {
        return Ok(None);
    }
    let more = match to_do - first {
        0 => String::new(),
        more => format!("; {} more may take longer", counted(more)),
    };
    let (megabytes, seconds) = (size / 1_000_000 + 1, size / PACE + 1);
    Ok(Some(format!(
        "customers and tickets ({megabytes} MB) get the indexes and triggers of {}; that takes about {seconds} s, \
         in which writes to them wait, for most of it reads too, and the API answers UNAVAILABLE{more}",
        counted(first)
    )))
}

async fn change(db: &DatabaseConnection, command: &Command) -> Result<Vec<String>, DbErr> {
    let txn = lock(db).await?;
    let before = status(&txn).await?;
    let mut restored = Vec::new();
    match *command {
        Command::Up { num } => restored = up(&txn, &before, num).await?,
        Command::Down { num } => {
            known_only(&before)?;
            Migrator::down(&txn, Some(num)).await?;
        }
        Command::Fresh => {
            known_only(&before)?;
            if txn.get_database_backend() == DbBackend::Postgres
                && is_adopted(&SchemaManager::new(&txn)).await?
            {
                return Err(DbErr::Migration(
                    "another program made these tables, and their rows are not ours to delete"
                        .to_owned(),
                ));
            }
            Migrator::down(&txn, None).await?;
            Migrator::up(&txn, None).await?;
        }
        Command::Status | Command::Generate(_) => {}
    }
    let after = status(&txn).await?;
    leave(&txn, &after).await?;
    txn.commit().await.map_err(refusal::at_the_end)?;
    Ok(report(command, &before, &after, &restored))
}

/// Applies what is pending, and makes again what somebody has dropped; says what that was.
async fn up(
    txn: &DatabaseTransaction,
    before: &Status,
    num: Option<u32>,
) -> Result<Vec<String>, DbErr> {
    let lost = parts::lost(txn, before).await?;
    // An older version on a newer database has nothing to add, and that is no error.
    if before.pending.is_empty() && lost.is_empty() {
        return Ok(Vec::new());
    }
    known_only(before)?;
    let adopts = before.applied.is_empty();
    let unfit = if adopts {
        refusal::unfit(txn).await?
    } else {
        Vec::new()
    };
    // No table is locked for what cannot be; what a later migration may put right is looked at again.
    if !before.changes_columns() {
        refusal::refuse(&unfit)?;
    }
    if txn.get_database_backend() == DbBackend::Postgres {
        if adopts {
            txn.execute_unprepared(ADOPT).await?;
        }
        if before.first_pending() > 0 || !lost.is_empty() {
            txn.execute_unprepared(BE_FIRST).await?;
        }
    }
    let restored = parts::restore(&SchemaManager::new(txn), before, lost).await?;
    let done = Migrator::up(txn, num).await;
    done.map_err(|error| refusal::of_unfit(error, &unfit))?;
    if !unfit.is_empty() && status(txn).await?.pending.is_empty() {
        refusal::refuse(&refusal::unfit(txn).await?)?;
    }
    Ok(restored)
}

async fn lock(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    // PostgreSQL ignores the mode; on SQLite, IMMEDIATE is the lock.
    let txn = db
        .begin_with_options(TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        })
        .await?;
    if txn.get_database_backend() == DbBackend::Postgres {
        // An index over many rows takes its time, and so does the wait for who is migrating already.
        // "repairsh" in ASCII; released by the commit, also behind a pooler.
        txn.execute_unprepared(
            "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; \
             SELECT pg_advisory_xact_lock(8243118256654807912)",
        )
        .await?;
        // Looked for first: IF NOT EXISTS wants the right to make it also where it is there.
        txn.execute_unprepared(
            "SET LOCAL client_min_messages = warning; \
             DO $$ BEGIN IF to_regnamespace('repairshop') IS NULL THEN CREATE SCHEMA repairshop; END IF; END $$; \
             SET LOCAL search_path = repairshop, public",
        )
        .await?;
    }
    Migrator::install(&txn).await?;
    if txn.get_database_backend() == DbBackend::Postgres {
        txn.execute_unprepared(LOCK_TIMEOUT).await?;
    }
    Ok(txn)
}

/// What has to be so at the end: readable while there are migrations, nothing at all after the last.
async fn leave(txn: &DatabaseTransaction, after: &Status) -> Result<(), DbErr> {
    let postgres = txn.get_database_backend() == DbBackend::Postgres;
    if !after.applied.is_empty() || !after.unknown.is_empty() {
        if postgres {
            // The server's role may be one that is granted the shop's tables and no more.
            txn.execute_unprepared(
                "GRANT USAGE ON SCHEMA repairshop TO PUBLIC; \
                 GRANT SELECT ON repairshop.seaql_migrations TO PUBLIC",
            )
            .await?;
        }
        return Ok(());
    }
    txn.execute_unprepared("DROP TABLE IF EXISTS seaql_migrations")
        .await?;
    if postgres {
        txn.execute_unprepared(
            "DO $$ BEGIN DROP SCHEMA repairshop; \
             EXCEPTION WHEN dependent_objects_still_exist OR insufficient_privilege THEN NULL; END $$",
        )
        .await?;
    }
    Ok(())
}

fn known_only(status: &Status) -> Result<(), DbErr> {
    if status.unknown.is_empty() {
        return Ok(());
    }
    Err(DbErr::Migration(format!(
        "a newer version has migrated this database ({}); use that version for this command",
        status.unknown.join(", ")
    )))
}

fn report(command: &Command, before: &Status, after: &Status, restored: &[String]) -> Vec<String> {
    let line = |word: &str, name: &String| format!("{word:<11}  {name}");
    let undone = before.applied.iter().rev();
    let undone = undone.filter(|name| *command == Command::Fresh || !after.applied.contains(name));
    let done = after.applied.iter();
    let done = done.filter(|name| *command == Command::Fresh || !before.applied.contains(name));
    let mut lines: Vec<String> = undone.map(|name| line("rolled back", name)).collect();
    lines.extend(restored.iter().map(|part| line("restored", part)));
    lines.extend(done.map(|name| line("applied", name)));
    if lines.is_empty() {
        lines.push("nothing to do".to_owned());
    }
    lines
}

fn listing(status: &Status) -> Vec<String> {
    let groups = [
        ("applied", &status.applied),
        ("pending", &status.pending),
        ("unknown", &status.unknown),
    ];
    groups
        .into_iter()
        .flat_map(|(word, names)| names.iter().map(move |name| format!("{word:<11}  {name}")))
        .collect()
}
