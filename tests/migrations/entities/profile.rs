//! `profiles`.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "profiles")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub customer_id: i32,
    pub favourite_code: Option<String>,
    pub small: i8,
    #[sea_orm(column_type = "Char(Some(3))", default_value = "abc")]
    pub three: String,
    #[sea_orm(belongs_to, from = "customer_id", to = "id")]
    pub customer: BelongsTo<super::customer::Entity>,
    #[sea_orm(
        belongs_to,
        from = "favourite_code",
        to = "code",
        on_delete = "SetNull"
    )]
    pub device: BelongsTo<Option<super::device::Entity>>,
}

impl ActiveModelBehavior for ActiveModel {}
