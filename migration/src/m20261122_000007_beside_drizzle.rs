//! What tables need that Drizzle has made, and goes on looking after.
//!
//! `drizzle-kit push` offers to drop each index that its schema does not have; the indexes behind
//! exclusion constraints, of which it knows nothing, it leaves alone. So a B-tree becomes one: with
//! `id` among its columns it excludes no row, is the same B-tree to the planner, and costs a new row
//! one or two microseconds more. GIN, which search would use, cannot have constraints: there search
//! does without.
//!
//! Where addresses differ by case alone already, there is no unique index over them: a trigger keeps
//! further ones out. It takes a lock by address, so that of two at once one sees the other. An address
//! that is there to the letter it leaves to the unique index, for `ON CONFLICT` comes after triggers.

use sea_orm_migration::{prelude::*, sea_orm::DbErr};

use crate::{has_row, is_adopted, is_postgres, on_postgres};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// For each index of ours that has the one form or the other.
const EACH: &str = "
DO $$ DECLARE
    it record;
BEGIN
    FOR it IN
        SELECT t.relname AS of, c.relname AS name,
            (SELECT array_agg(pg_get_indexdef(i.indexrelid, k, false) ORDER BY k)
                FROM generate_series(1, i.indnkeyatts) k) AS columns,
            coalesce(' WHERE (' || pg_get_expr(i.indpred, i.indrelid) || ')', '') AS condition
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
        WHERE t.relnamespace = 'public'::regnamespace AND t.relname IN ('customers', 'tickets')
            AND c.relname IN (NAMES) AND i.indisexclusion = IS_HIDDEN
        ORDER BY c.relname
    LOOP
        CHANGE
    END LOOP;
END $$;
";

/// Turns an index into a constraint of the same name.
const HIDE: &str = "
        EXECUTE format('DROP INDEX public.%I', it.name);
        EXECUTE format('ALTER TABLE public.%I ADD CONSTRAINT %I EXCLUDE USING btree (%s)', it.of, it.name,
            array_to_string(it.columns, ' WITH =, ') || ' WITH ='
            || CASE it.name WHEN 'customers_email_lower_idx' THEN ', id WITH =' ELSE '' END) || it.condition;
        EXECUTE format('COMMENT ON CONSTRAINT %I ON public.%I IS %L', it.name, it.of,
            'An index of repairshop, in a form that drizzle-kit push does not offer to drop');";

/// No constraint can have these.
const WITHOUT_SEARCH: &str = "
DROP INDEX IF EXISTS public.tickets_search_idx, public.customers_search_idx, public.customers_name_search_idx;
";

/// The index as the migrations before made it; those for search, which other roles may have had to
/// make, stay away.
const SHOW: &str = "
        EXECUTE format('ALTER TABLE public.%I DROP CONSTRAINT %I', it.of, it.name);
        EXECUTE format('CREATE %s INDEX %I ON public.%I USING btree (%s)',
            CASE it.name WHEN 'customers_email_lower_unique' THEN 'UNIQUE' ELSE '' END, it.name, it.of,
            CASE it.name WHEN 'customers_email_lower_idx' THEN it.columns[1]
                ELSE array_to_string(it.columns, ', ') END) || it.condition;";

const NAMES: [&str; 16] = [
    "customers_last_name_id_idx",
    "customers_state_id_idx",
    "customers_created_at_id_idx",
    "customers_updated_at_id_idx",
    "customers_first_name_id_idx",
    "customers_city_id_idx",
    "customers_active_id_idx",
    "customers_email_lower_unique",
    "customers_email_lower_idx",
    "tickets_customer_id_id_idx",
    "tickets_customer_id_created_at_id_idx",
    "tickets_tech_id_idx",
    "tickets_created_at_id_idx",
    "tickets_updated_at_id_idx",
    "tickets_completed_id_idx",
    "tickets_open_created_at_id_idx",
];

const KEEP_APART: &str = "
CREATE OR REPLACE FUNCTION repairshop.refuse_taken_email() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('repairshop ' || lower(NEW.email), 0));
    IF EXISTS (SELECT FROM public.customers
            WHERE lower(email) = lower(NEW.email) AND email <> NEW.email AND id <> NEW.id)
        AND NOT (TG_OP = 'INSERT' AND EXISTS (SELECT FROM public.customers WHERE email = NEW.email)) THEN
        RAISE unique_violation USING
            MESSAGE = 'another customer has this email address, in other letters perhaps',
            SCHEMA = 'public', TABLE = 'customers', CONSTRAINT = 'customers_email_lower_unique';
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER IF EXISTS repairshop_new_email ON public.customers;
CREATE TRIGGER repairshop_new_email BEFORE INSERT ON public.customers
FOR EACH ROW EXECUTE FUNCTION repairshop.refuse_taken_email();
DROP TRIGGER IF EXISTS repairshop_other_email ON public.customers;
CREATE TRIGGER repairshop_other_email BEFORE UPDATE OF email ON public.customers
FOR EACH ROW WHEN (lower(NEW.email) <> lower(OLD.email)) EXECUTE FUNCTION repairshop.refuse_taken_email();
";

const TOGETHER: &str = "
DROP TRIGGER IF EXISTS repairshop_new_email ON public.customers;
DROP TRIGGER IF EXISTS repairshop_other_email ON public.customers;
DROP FUNCTION IF EXISTS repairshop.refuse_taken_email();
";

/// The message is SQLite's own for the unique index that cannot be had.
const KEEP_APART_ON_SQLITE: &str = "
CREATE TRIGGER IF NOT EXISTS repairshop_new_email BEFORE INSERT ON customers
WHEN EXISTS (SELECT 1 FROM customers WHERE lower(email) = lower(NEW.email))
    AND NOT EXISTS (SELECT 1 FROM customers WHERE email = NEW.email)
BEGIN SELECT RAISE(ABORT, 'UNIQUE constraint failed: index ''customers_email_lower_unique'''); END;
CREATE TRIGGER IF NOT EXISTS repairshop_other_email BEFORE UPDATE OF email ON customers
WHEN lower(NEW.email) <> lower(OLD.email)
    AND EXISTS (SELECT 1 FROM customers WHERE lower(email) = lower(NEW.email) AND id <> OLD.id)
BEGIN SELECT RAISE(ABORT, 'UNIQUE constraint failed: index ''customers_email_lower_unique'''); END;
";

const TOGETHER_ON_SQLITE: &str = "
DROP TRIGGER IF EXISTS repairshop_new_email;
DROP TRIGGER IF EXISTS repairshop_other_email;
";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let not_unique = if is_postgres(manager) {
            "SELECT 1 WHERE to_regclass('public.customers_email_lower_idx') IS NOT NULL"
        } else {
            "SELECT 1 FROM sqlite_master WHERE name = 'customers_email_lower_idx'"
        };
        if has_row(manager, not_unique).await? {
            let sql = if is_postgres(manager) {
                KEEP_APART
            } else {
                KEEP_APART_ON_SQLITE
            };
            manager.get_connection().execute_unprepared(sql).await?;
        }
        if is_postgres(manager) && is_adopted(manager).await? {
            on_postgres(manager, &each("false", HIDE)).await?;
            on_postgres(manager, WITHOUT_SEARCH).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        on_postgres(manager, &each("true", SHOW)).await?;
        let sql = if is_postgres(manager) {
            TOGETHER
        } else {
            TOGETHER_ON_SQLITE
        };
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn each(is_hidden: &str, change: &str) -> String {
    EACH.replace("NAMES", &format!("'{}'", NAMES.join("', '")))
        .replace("IS_HIDDEN", is_hidden)
        .replace("CHANGE", change)
}
