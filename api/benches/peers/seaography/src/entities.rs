//! The shop's tables, as `sea-orm-cli generate entity --entity-format dense` writes them, with the
//! defaults that a new ticket leaves to the database.

pub(crate) mod customers {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "customers")]
    pub(crate) struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub first_name: String,
        pub last_name: String,
        #[sea_orm(unique)]
        pub email: String,
        pub phone: String,
        pub address1: String,
        pub address2: Option<String>,
        pub city: String,
        #[sea_orm(column_type = "String(StringLen::N(2))")]
        pub state: String,
        #[sea_orm(column_type = "String(StringLen::N(10))")]
        pub zip_code: String,
        #[sea_orm(column_type = "Text", nullable)]
        pub notes: Option<String>,
        #[sea_orm(default_value = true)]
        pub active: bool,
        #[sea_orm(default_expr = "Expr::current_timestamp()")]
        pub created_at: DateTime,
        #[sea_orm(default_expr = "Expr::current_timestamp()")]
        pub updated_at: DateTime,
        #[sea_orm(has_many)]
        pub tickets: HasMany<super::tickets::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod tickets {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "tickets")]
    pub(crate) struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub customer_id: i32,
        pub title: String,
        #[sea_orm(column_type = "Text", nullable)]
        pub description: Option<String>,
        #[sea_orm(default_value = false)]
        pub completed: bool,
        #[sea_orm(default_value = "unassigned")]
        pub tech: String,
        #[sea_orm(default_expr = "Expr::current_timestamp()")]
        pub created_at: DateTime,
        #[sea_orm(default_expr = "Expr::current_timestamp()")]
        pub updated_at: DateTime,
        #[sea_orm(belongs_to, from = "customer_id", to = "id")]
        pub customer: BelongsTo<super::customers::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
