//! `devices`.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "devices")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub code: String,
    pub owner_id: Option<i32>,
    #[sea_orm(default_expr = "Expr::current_date()")]
    pub bought_on: Date,
    #[sea_orm(belongs_to, from = "owner_id", to = "customer_id")]
    pub owner: BelongsTo<Option<super::profile::Entity>>,
}

impl ActiveModelBehavior for ActiveModel {}
