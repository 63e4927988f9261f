//! `tickets`: one repair job of a customer.

use sea_orm::entity::prelude::*;

/// What a search of tickets looks through beside the customer's name, as SQL. The migrations' index
/// over it and the query must agree to the letter, or PostgreSQL reads the whole table.
pub const SEARCH_TEXT: &str = "title || ' ' || coalesce(description, '') || ' ' || tech";

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tickets")]
pub struct Model {
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
    /// UTC.
    #[sea_orm(default_expr = "Expr::current_timestamp()")]
    pub created_at: DateTime,
    /// UTC.
    #[sea_orm(default_expr = "Expr::current_timestamp()")]
    pub updated_at: DateTime,
    #[sea_orm(belongs_to, from = "customer_id", to = "id")]
    pub customer: BelongsTo<super::customer::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
