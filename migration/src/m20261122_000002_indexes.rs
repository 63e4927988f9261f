//! Indexes for what the API sorts and looks up by; `id`, which breaks ties, ends each of them.

use sea_orm_migration::{
    prelude::*,
    sea_orm::{ConnectionTrait, DbErr, Statement},
};

use crate::{drop_indexes, is_postgres, table};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Table, name, first column.
const SORTED: [(&str, &str, &str); 8] = [
    ("customers", "customers_last_name_id_idx", "last_name"),
    ("customers", "customers_state_id_idx", "state"),
    ("customers", "customers_created_at_id_idx", "created_at"),
    ("customers", "customers_updated_at_id_idx", "updated_at"),
    ("tickets", "tickets_customer_id_id_idx", "customer_id"),
    ("tickets", "tickets_tech_id_idx", "tech"),
    ("tickets", "tickets_created_at_id_idx", "created_at"),
    ("tickets", "tickets_updated_at_id_idx", "updated_at"),
];
const OPEN: &str = "tickets_open_created_at_id_idx";
const EMAIL_UNIQUE: &str = "customers_email_lower_unique";
const EMAIL: &str = "customers_email_lower_idx";

/// Table, name and rest of the definition of the indexes that there are in any case.
pub(crate) fn definitions() -> impl Iterator<Item = (&'static str, &'static str, String)> {
    let sorted = SORTED
        .into_iter()
        .map(|(of, name, column)| (of, name, format!("({column}, id)")));
    let open = "(created_at, id) WHERE NOT completed".to_owned();
    sorted.chain([("tickets", OPEN, open)])
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (of, name, column) in SORTED {
            let mut index = Index::create();
            index.table(table(manager, of)).name(name).if_not_exists();
            index.col(column).col("id");
            manager.create_index(index).await?;
        }

        let mut open = Index::create();
        open.table(table(manager, "tickets"))
            .name(OPEN)
            .if_not_exists()
            .col("created_at")
            .col("id")
            .and_where(Expr::col("completed").not());
        manager.create_index(open).await?;

        // A table that was adopted may hold addresses that differ by case alone: then only look-ups
        // can be had, and telling such customers apart stays a matter for people.
        let unique = !has_duplicates(manager).await?;
        let name = if unique { EMAIL_UNIQUE } else { EMAIL };
        if !is_postgres(manager) {
            // The builder makes no index over an expression on SQLite.
            let unique = if unique { "UNIQUE" } else { "" };
            let sql =
                format!("CREATE {unique} INDEX IF NOT EXISTS {name} ON customers (lower(email))");
            manager.get_connection().execute_unprepared(&sql).await?;
            return Ok(());
        }
        let mut email = Index::create();
        email
            .table(table(manager, "customers"))
            .name(name)
            .if_not_exists()
            .col(Func::lower(Expr::col("email")));
        if unique {
            email.unique();
        }
        manager.create_index(email).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let of_email = [("customers", EMAIL), ("customers", EMAIL_UNIQUE)];
        let names = definitions().map(|(of, name, _)| (of, name));
        drop_indexes(manager, names.chain(of_email)).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

async fn has_duplicates(manager: &SchemaManager<'_>) -> Result<bool, DbErr> {
    let connection = manager.get_connection();
    let customers = if is_postgres(manager) {
        "public.customers"
    } else {
        "customers"
    };
    let sql =
        format!("SELECT 1 FROM {customers} GROUP BY lower(email) HAVING count(*) > 1 LIMIT 1");
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    Ok(connection.query_one_raw(statement).await?.is_some())
}
