//! `customers`: someone who brings in things to repair.

use sea_orm::entity::prelude::*;

/// What a search of customers looks through, as SQL. The migrations' index over it and the query
/// must agree to the letter, or PostgreSQL reads the whole table.
pub const SEARCH_TEXT: &str = "first_name || ' ' || last_name || ' ' || email || ' ' || phone || ' ' || city \
     || ' ' || state || ' ' || zip_code || ' ' || coalesce(notes, '')";

/// The part of it that a search of tickets looks through; with an index of its own, as above.
pub const NAME_TEXT: &str = "first_name || ' ' || last_name";

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "customers")]
pub struct Model {
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
    /// UTC.
    #[sea_orm(default_expr = "Expr::current_timestamp()")]
    pub created_at: DateTime,
    /// UTC.
    #[sea_orm(default_expr = "Expr::current_timestamp()")]
    pub updated_at: DateTime,
    #[sea_orm(has_many)]
    pub tickets: HasMany<super::ticket::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
