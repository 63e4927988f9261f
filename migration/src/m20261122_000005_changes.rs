//! PostgreSQL: notes who changed what while somebody listens, for live changes.
//!
//! The functions run with the rights of their owner, so that a program with no right on the schema
//! `repairshop` can write as before. Whoever may read the shop's tables may listen. Plain SQL, for
//! the schema builder knows neither functions nor triggers nor policies.

use sea_orm_migration::{prelude::*, sea_orm::DbErr};

use crate::on_postgres;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const UP: &str = "
CREATE TABLE IF NOT EXISTS repairshop.listeners (
    name uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    until timestamptz NOT NULL,
    seen pg_snapshot NOT NULL
);
COMMENT ON TABLE repairshop.listeners IS
    'Servers with live subscribers: changes are noted until the last of them has gone';

CREATE TABLE IF NOT EXISTS repairshop.changes (
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    id bigint GENERATED ALWAYS AS IDENTITY,
    relation text NOT NULL,
    operation text NOT NULL,
    number integer NOT NULL,
    old_customer_id integer,
    old_tech text,
    new_customer_id integer,
    new_tech text,
    PRIMARY KEY (xid, id)
);
COMMENT ON TABLE repairshop.changes IS
    'What was changed, until all listeners have seen it; of tickets also what subscribers ask for';

CREATE OR REPLACE FUNCTION repairshop.note_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    change repairshop.changes;
BEGIN
    IF NOT EXISTS (SELECT FROM repairshop.listeners WHERE until > clock_timestamp()) THEN
        RETURN NULL;
    END IF;
    IF TG_TABLE_NAME = 'tickets' AND TG_OP <> 'INSERT' THEN
        change.old_customer_id := OLD.customer_id;
        change.old_tech := OLD.tech;
    END IF;
    IF TG_TABLE_NAME = 'tickets' AND TG_OP <> 'DELETE' THEN
        change.new_customer_id := NEW.customer_id;
        change.new_tech := NEW.tech;
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.id <> OLD.id THEN
        INSERT INTO repairshop.changes (relation, operation, number, old_customer_id, old_tech)
        VALUES (TG_TABLE_NAME, 'DELETE', OLD.id, change.old_customer_id, change.old_tech);
        INSERT INTO repairshop.changes (relation, operation, number, new_customer_id, new_tech)
        VALUES (TG_TABLE_NAME, 'INSERT', NEW.id, change.new_customer_id, change.new_tech);
    ELSE
        INSERT INTO repairshop.changes
            (relation, operation, number, old_customer_id, old_tech, new_customer_id, new_tech)
        VALUES (TG_TABLE_NAME, TG_OP, CASE TG_OP WHEN 'DELETE' THEN OLD.id ELSE NEW.id END,
                change.old_customer_id, change.old_tech, change.new_customer_id, change.new_tech);
    END IF;
    NOTIFY repairshop;
    RETURN NULL;
END $$;

DROP TRIGGER IF EXISTS repairshop_note_change ON public.customers;
CREATE TRIGGER repairshop_note_change AFTER INSERT OR DELETE ON public.customers
FOR EACH ROW EXECUTE FUNCTION repairshop.note_change();
DROP TRIGGER IF EXISTS repairshop_note_update ON public.customers;
CREATE TRIGGER repairshop_note_update AFTER UPDATE ON public.customers
FOR EACH ROW WHEN (NEW.* *<> OLD.*) EXECUTE FUNCTION repairshop.note_change();

DROP TRIGGER IF EXISTS repairshop_note_change ON public.tickets;
CREATE TRIGGER repairshop_note_change AFTER INSERT OR DELETE ON public.tickets
FOR EACH ROW EXECUTE FUNCTION repairshop.note_change();
DROP TRIGGER IF EXISTS repairshop_note_update ON public.tickets;
CREATE TRIGGER repairshop_note_update AFTER UPDATE ON public.tickets
FOR EACH ROW WHEN (NEW.* *<> OLD.*) EXECUTE FUNCTION repairshop.note_change();

GRANT SELECT, INSERT, UPDATE, DELETE ON repairshop.listeners TO PUBLIC;
GRANT SELECT, DELETE ON repairshop.changes TO PUBLIC;
ALTER TABLE repairshop.listeners ENABLE ROW LEVEL SECURITY;
ALTER TABLE repairshop.changes ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS readers ON repairshop.listeners;
CREATE POLICY readers ON repairshop.listeners USING
    (has_table_privilege('public.customers', 'SELECT') AND has_table_privilege('public.tickets', 'SELECT'));
DROP POLICY IF EXISTS readers ON repairshop.changes;
CREATE POLICY readers ON repairshop.changes USING
    (has_table_privilege('public.customers', 'SELECT') AND has_table_privilege('public.tickets', 'SELECT'));
";

const DOWN: &str = "
DROP TRIGGER IF EXISTS repairshop_note_update ON public.tickets;
DROP TRIGGER IF EXISTS repairshop_note_change ON public.tickets;
DROP TRIGGER IF EXISTS repairshop_note_update ON public.customers;
DROP TRIGGER IF EXISTS repairshop_note_change ON public.customers;
DROP FUNCTION IF EXISTS repairshop.note_change();
DROP TABLE IF EXISTS repairshop.changes;
DROP TABLE IF EXISTS repairshop.listeners;
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
