//! PostgreSQL: finer figures on customers' names, by which a search of tickets is planned.
//!
//! The planner knows a word's frequency by the sample that ANALYZE keeps of an expression, 100 values
//! unless told. A name that one customer in a hundred has is in it on some days and not on others, and
//! a search for it then takes a plan that is two to twelve times slower. Of 500 it is. Each value costs
//! the planning of a search a few microseconds.

use sea_orm_migration::{prelude::*, sea_orm::DbErr};

use crate::on_postgres;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Where the index is, for search may have to do without; ANALYZE keeps so many values from now on.
const KEEP: &str = "
DO $$ BEGIN
    IF to_regclass('public.customers_name_search_idx') IS NOT NULL THEN
        ALTER INDEX public.customers_name_search_idx ALTER COLUMN 1 SET STATISTICS MOST;
    END IF;
END $$;
";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        on_postgres(manager, &KEEP.replace("MOST", "500")).await?;
        on_postgres(manager, "ANALYZE public.customers").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        on_postgres(manager, &KEEP.replace("MOST", "-1")).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
