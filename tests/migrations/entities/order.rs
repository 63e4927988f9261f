//! `Order`.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "Order")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_name = "ticketId")]
    pub ticket_id: i32,
    #[sea_orm(primary_key, auto_increment = false)]
    pub technician_id: i64,
    pub helper_id: Option<i64>,
    #[sea_orm(column_name = "select", default_value = "a \"b\" (c)")]
    pub choice: String,
    #[sea_orm(belongs_to, from = "ticket_id", to = "id")]
    pub ticket: BelongsTo<super::ticket::Entity>,
    #[sea_orm(
        belongs_to,
        relation_enum = "Technician",
        from = "technician_id",
        to = "id"
    )]
    pub technician: BelongsTo<super::technician::Entity>,
    #[sea_orm(belongs_to, relation_enum = "Helper", from = "helper_id", to = "id")]
    pub helper: BelongsTo<Option<super::technician::Entity>>,
}

impl ActiveModelBehavior for ActiveModel {}
