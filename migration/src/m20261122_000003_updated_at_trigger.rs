//! PostgreSQL: moves `updated_at` when another program changes a row and leaves it as it was.
//!
//! Plain SQL, for the schema builder knows neither functions nor triggers. The condition stands in
//! the trigger, not in the function, so that an update of the server's own costs no call.

use sea_orm_migration::{prelude::*, sea_orm::DbErr};

use crate::on_postgres;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const UP: &str = "
CREATE OR REPLACE FUNCTION repairshop.touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := greatest(now() AT TIME ZONE 'UTC', OLD.updated_at + interval '1 millisecond');
    RETURN NEW;
END $$;

DROP TRIGGER IF EXISTS repairshop_touch_updated_at ON public.customers;
CREATE TRIGGER repairshop_touch_updated_at BEFORE UPDATE ON public.customers FOR EACH ROW
WHEN (NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at AND NEW.* IS DISTINCT FROM OLD.*)
EXECUTE FUNCTION repairshop.touch_updated_at();

DROP TRIGGER IF EXISTS repairshop_touch_updated_at ON public.tickets;
CREATE TRIGGER repairshop_touch_updated_at BEFORE UPDATE ON public.tickets FOR EACH ROW
WHEN (NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at AND NEW.* IS DISTINCT FROM OLD.*)
EXECUTE FUNCTION repairshop.touch_updated_at();
";

const DOWN: &str = "
DROP TRIGGER IF EXISTS repairshop_touch_updated_at ON public.tickets;
DROP TRIGGER IF EXISTS repairshop_touch_updated_at ON public.customers;
DROP FUNCTION IF EXISTS repairshop.touch_updated_at();
";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        on_postgres(manager, UP).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        on_postgres(manager, DOWN).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
