//! What keeps the cost of a page when the tables grow: indexes for the orders that had none, and
//! PostgreSQL's figures on the expressions that the search indexes are over.
//!
//! Without those figures the planner takes every word for a rare one, and a search for a frequent
//! word reads all its rows; on a table that nobody writes to, autovacuum never gathers them.
//! Not indexed are titles and descriptions, which may be longer than an entry of a B-tree.

use sea_orm_migration::{prelude::*, sea_orm::DbErr};

use crate::{drop_indexes, on_postgres, table};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Table, name, columns; `id`, which breaks ties, ends each of them.
const INDEXES: [(&str, &str, &[&str]); 5] = [
    (
        "customers",
        "customers_first_name_id_idx",
        &["first_name", "id"],
    ),
    ("customers", "customers_city_id_idx", &["city", "id"]),
    ("customers", "customers_active_id_idx", &["active", "id"]),
    ("tickets", "tickets_completed_id_idx", &["completed", "id"]),
    // For the newest tickets of a customer who has very many.
    (
        "tickets",
        "tickets_customer_id_created_at_id_idx",
        &["customer_id", "created_at", "id"],
    ),
];

/// Table, name and rest of the definition.
pub(crate) fn definitions() -> impl Iterator<Item = (&'static str, &'static str, String)> {
    let all = INDEXES.into_iter();
    all.map(|(of, name, columns)| (of, name, format!("({})", columns.join(", "))))
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (of, name, columns) in INDEXES {
            let mut index = Index::create();
            index.table(table(manager, of)).name(name).if_not_exists();
            for column in columns {
                index.col(*column);
            }
            manager.create_index(index).await?;
        }
        on_postgres(manager, "ANALYZE public.customers, public.tickets").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_indexes(manager, definitions().map(|(of, name, _)| (of, name))).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
