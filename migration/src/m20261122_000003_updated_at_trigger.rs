//! PostgreSQL: moves `updated_at` when another program changes a row and leaves it as it was.
//!
//! Plain SQL, for the schema builder knows neither functions nor triggers. The condition stands in
//! the function, not in the trigger: there PostgreSQL refuses it for tables with generated columns,
//! and it would keep another program from changing the type of `updated_at`. Rows are compared byte
//! by byte, for `json` knows no equality.

use sea_orm_migration::{prelude::*, sea_orm::DbErr};

use crate::on_postgres;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const UP: &str = "
CREATE OR REPLACE FUNCTION repairshop.touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at AND NEW *<> OLD THEN
        NEW.updated_at := greatest(now() AT TIME ZONE 'UTC', OLD.updated_at + interval '1 millisecond');
    END IF;
    RETURN NEW;
END $$;

DROP TRIGGER IF EXISTS repairshop_touch_updated_at ON public.customers;
CREATE TRIGGER repairshop_touch_updated_at BEFORE UPDATE ON public.customers FOR EACH ROW
EXECUTE FUNCTION repairshop.touch_updated_at();

DROP TRIGGER IF EXISTS repairshop_touch_updated_at ON public.tickets;
CREATE TRIGGER repairshop_touch_updated_at BEFORE UPDATE ON public.tickets FOR EACH ROW
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
