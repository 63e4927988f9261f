//! PostgreSQL: trigram indexes for `search`, where this role may have `pg_trgm`.
//!
//! The expressions are those of `entity`'s `SEARCH_TEXT` and `NAME_TEXT` at the time of writing.

use sea_orm_migration::{
    prelude::*,
    sea_orm::{ConnectionTrait, DbErr, Statement},
};

use crate::{drop_indexes, is_adopted, is_postgres, table};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Table, name, expression.
const INDEXES: [(&str, &str, &str); 3] = [
    (
        "tickets",
        "tickets_search_idx",
        "title || ' ' || coalesce(description, '') || ' ' || tech",
    ),
    (
        "customers",
        "customers_search_idx",
        "first_name || ' ' || last_name || ' ' || email || ' ' || phone || ' ' || city \
         || ' ' || state || ' ' || zip_code || ' ' || coalesce(notes, '')",
    ),
    (
        "customers",
        "customers_name_search_idx",
        "first_name || ' ' || last_name",
    ),
];

/// Search works without the extension too, only slower: not having it must not stop a migration.
const EXTENSION: &str = "
DO $$ BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA public;
EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN
    RAISE NOTICE 'no pg_trgm here: search will read whole tables';
END $$";

const EXTENSION_SCHEMA: &str = "SELECT quote_ident(nspname) FROM pg_extension \
     JOIN pg_namespace ON pg_namespace.oid = extnamespace WHERE extname = 'pg_trgm'";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if !is_postgres(manager) {
            return Ok(());
        }
        // Of tables that another program looks after, a later migration drops them: to make them first
        // would only keep the tables locked for twice as long.
        if is_adopted(manager).await? {
            return Ok(());
        }
        let connection = manager.get_connection();
        connection.execute_unprepared(EXTENSION).await?;
        let schema = Statement::from_string(connection.get_database_backend(), EXTENSION_SCHEMA);
        let Some(row) = connection.query_one_raw(schema).await? else {
            return Ok(());
        };
        let schema: String = row.try_get_by_index(0)?;
        for (of, name, expression) in INDEXES {
            let column = Expr::cust(expression).into_index_column();
            let mut index = Index::create();
            index
                .table(table(manager, of))
                .name(name)
                .if_not_exists()
                .full_text()
                .col(column.with_operator_class(format!("{schema}.gin_trgm_ops")));
            manager.create_index(index).await?;
        }
        Ok(())
    }

    /// Leaves the extension: another program may have come to need it.
    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if !is_postgres(manager) {
            return Ok(());
        }
        let indexes = INDEXES.into_iter().map(|(of, name, _)| (of, name));
        drop_indexes(manager, indexes).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
