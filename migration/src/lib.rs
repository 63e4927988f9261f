//! Brings a database's tables, indexes and triggers up to date, in steps that can be undone.
//!
//! Owns the append-only list of migrations, the lock under which they run, and the commands
//! (`up`, `down`, `status`, `fresh`) that `repairshop migrate` and `cargo run -p migration` share;
//! and the comparison of a database with the entities. The migrations themselves know nothing of the
//! entities, and nothing here of GraphQL or of how the server makes its pools. A released migration
//! is never edited: what it did is what databases out there have.

pub mod alter;
mod command;
mod generate;
mod m20261122_000001_customers_and_tickets;
mod m20261122_000002_indexes;
mod m20261122_000003_updated_at_trigger;
mod m20261122_000004_search_index;
mod m20261122_000005_changes;
mod m20261122_000006_growth;
mod m20261122_000007_beside_drizzle;
mod m20261123_000008_search_figures;
mod parts;
mod refusal;
mod status;
pub mod tables;

use sea_orm_migration::{
    prelude::*,
    sea_orm::{ConnectionTrait, DbBackend, Statement},
};

pub use command::{Command, execute, forecast, run};
pub use generate::{Generate, generate};
pub use parts::{has_unique_emails, without};
pub use refusal::in_words;
pub use status::{Status, counted, pending, status, to_look_at};
pub use tables::check;

/// The database where `DATABASE_URL` names none: a file beside the caller.
pub const DEFAULT_DATABASE_URL: &str = "sqlite://repairshop.db";

/// The list of migrations, oldest first.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261122_000001_customers_and_tickets::Migration),
            Box::new(m20261122_000002_indexes::Migration),
            Box::new(m20261122_000003_updated_at_trigger::Migration),
            Box::new(m20261122_000004_search_index::Migration),
            Box::new(m20261122_000005_changes::Migration),
            Box::new(m20261122_000006_growth::Migration),
            Box::new(m20261122_000007_beside_drizzle::Migration),
            Box::new(m20261123_000008_search_figures::Migration),
        ]
    }
}

/// How many of the first migrations make what the program needs, and add to tables that are there without
/// a change to their columns; those after them are generated, or written by hand.
const FIRST: usize = 8;

/// PostgreSQL: noted before the first migration, where the tables were there already. A role that does
/// not own the schema cannot; Drizzle's own list of migrations tells as much.
const ADOPT: &str = "
DO $$ BEGIN
    IF to_regclass('public.customers') IS NOT NULL THEN
        COMMENT ON SCHEMA repairshop IS 'adopted: another program made the tables in public';
    END IF;
EXCEPTION WHEN insufficient_privilege THEN NULL;
END $$";

/// By the catalog, for `to_regclass` wants the right to use Drizzle's schema.
const IS_ADOPTED: &str = "SELECT 1 WHERE EXISTS (SELECT FROM pg_catalog.pg_class
        WHERE relnamespace = to_regnamespace('drizzle') AND relname = '__drizzle_migrations')
    OR obj_description(to_regnamespace('repairshop'), 'pg_namespace') LIKE 'adopted:%'";

/// One of the shop's tables. Qualified on PostgreSQL, where the schema `repairshop` comes first while
/// migrating: what is ours and not the shop's lives there, unseen by `drizzle-kit push`, which offers
/// to drop tables that it does not know.
fn table(manager: &SchemaManager<'_>, name: &'static str) -> TableRef {
    if is_postgres(manager) {
        ("public", name).into_table_ref()
    } else {
        name.into_table_ref()
    }
}

/// Drops indexes, each given as its table and its name, where they are there.
async fn drop_indexes(
    manager: &SchemaManager<'_>,
    indexes: impl Iterator<Item = (&'static str, &'static str)>,
) -> Result<(), DbErr> {
    for (of, name) in indexes {
        let mut index = Index::drop();
        index.table(table(manager, of)).name(name).if_exists();
        manager.drop_index(index).await?;
    }
    Ok(())
}

/// Runs statements that SQLite has no counterpart of.
async fn on_postgres(manager: &SchemaManager<'_>, sql: &str) -> Result<(), DbErr> {
    if is_postgres(manager) {
        manager.get_connection().execute_unprepared(sql).await?;
    }
    Ok(())
}

/// Whether another program had made the shop's tables before, and looks after them still.
async fn is_adopted(manager: &SchemaManager<'_>) -> Result<bool, DbErr> {
    has_row(manager, IS_ADOPTED).await
}

async fn has_row(manager: &SchemaManager<'_>, sql: &str) -> Result<bool, DbErr> {
    let connection = manager.get_connection();
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    Ok(connection.query_one_raw(statement).await?.is_some())
}

fn is_postgres(manager: &SchemaManager<'_>) -> bool {
    manager.get_connection().get_database_backend() == DbBackend::Postgres
}
