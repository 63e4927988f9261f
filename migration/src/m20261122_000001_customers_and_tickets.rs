//! The shop's two tables, as `drizzle-kit` makes them. Where they exist already they are adopted.

use sea_orm_migration::{prelude::*, sea_orm::DbErr};

use crate::{is_adopted, is_postgres, table};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut customers = Table::create();
        customers
            .table(table(manager, "customers"))
            .if_not_exists()
            .col(id(manager))
            .col(ColumnDef::new("first_name").string().not_null())
            .col(ColumnDef::new("last_name").string().not_null())
            .col(ColumnDef::new("email").string().not_null())
            .col(ColumnDef::new("phone").string().not_null())
            .col(ColumnDef::new("address1").string().not_null())
            .col(ColumnDef::new("address2").string())
            .col(ColumnDef::new("city").string().not_null())
            .col(ColumnDef::new("state").string_len(2).not_null())
            .col(ColumnDef::new("zip_code").string_len(10).not_null())
            .col(ColumnDef::new("notes").text())
            .col(ColumnDef::new("active").boolean().default(true).not_null())
            .col(timestamp(manager, "created_at"))
            .col(timestamp(manager, "updated_at"))
            .index(
                Index::create()
                    .name("customers_email_unique")
                    .unique()
                    .col("email"),
            );
        manager.create_table(customers).await?;

        let mut tickets = Table::create();
        tickets
            .table(table(manager, "tickets"))
            .if_not_exists()
            .col(id(manager))
            .col(ColumnDef::new("customer_id").integer().not_null())
            .col(ColumnDef::new("title").string().not_null())
            .col(ColumnDef::new("description").text())
            .col(
                ColumnDef::new("completed")
                    .boolean()
                    .default(false)
                    .not_null(),
            )
            .col(
                ColumnDef::new("tech")
                    .string()
                    .default("unassigned")
                    .not_null(),
            )
            .col(timestamp(manager, "created_at"))
            .col(timestamp(manager, "updated_at"))
            .foreign_key(
                ForeignKey::create()
                    .name("tickets_customer_id_customers_id_fk")
                    .from(table(manager, "tickets"), "customer_id")
                    .to(table(manager, "customers"), "id")
                    .on_delete(ForeignKeyAction::NoAction)
                    .on_update(ForeignKeyAction::NoAction),
            );
        manager.create_table(tickets).await
    }

    /// Tables that were adopted stay: they and their rows are another program's.
    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if is_postgres(manager) && is_adopted(manager).await? {
            return Ok(());
        }
        for name in ["tickets", "customers"] {
            let mut drop = Table::drop();
            drop.table(table(manager, name)).if_exists();
            manager.drop_table(drop).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn id(manager: &SchemaManager<'_>) -> ColumnDef {
    let mut id = ColumnDef::new("id");
    if is_postgres(manager) {
        // The builder would make an identity column of an auto-increment; Drizzle's is a serial.
        id.custom("serial").not_null().primary_key();
    } else {
        id.integer().not_null().auto_increment().primary_key();
    }
    id
}

fn timestamp(manager: &SchemaManager<'_>, name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column.timestamp().not_null();
    if is_postgres(manager) {
        // Not CURRENT_TIMESTAMP, so that Drizzle sees no difference.
        column.default(Expr::cust("now()"));
    } else {
        column.default(Expr::current_timestamp());
    }
    column
}
