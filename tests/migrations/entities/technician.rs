//! `technicians`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(8))")]
pub enum Grade {
    #[sea_orm(string_value = "new")]
    New,
    #[sea_orm(string_value = "old")]
    Old,
}

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "technicians")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    #[sea_orm(unique)]
    pub badge: String,
    #[sea_orm(unique_key = "desk")]
    pub room: i16,
    #[sea_orm(unique_key = "desk")]
    pub place: i32,
    pub manager_id: Option<i64>,
    pub mentor_id: Option<i64>,
    pub customer_id: i32,
    #[sea_orm(default_value = "new")]
    pub grade: Grade,
    #[sea_orm(default_value = 1.5)]
    pub rate: f64,
    pub share: f32,
    #[sea_orm(column_type = "Decimal(Some((10, 2)))", default_value = 0)]
    pub wage: f64,
    #[sea_orm(default_value = 3_000_000_000_i64)]
    pub seconds: i64,
    #[sea_orm(column_type = "Uuid")]
    pub token: String,
    #[sea_orm(column_type = "JsonBinary", default_value = "{}")]
    pub tools: String,
    pub photo: Vec<u8>,
    pub nickname: Option<String>,
    #[sea_orm(default_value = "2020-01-01")]
    pub hired_on: Date,
    pub starts_at: Time,
    #[sea_orm(default_expr = "Expr::current_timestamp()", indexed)]
    pub seen_at: DateTimeUtc,
    #[sea_orm(default_value = true)]
    pub active: bool,
    #[sea_orm(self_ref, relation_enum = "Manager", from = "manager_id", to = "id")]
    pub manager: BelongsTo<Option<Entity>>,
    #[sea_orm(belongs_to, from = "customer_id", to = "id", on_delete = "Cascade")]
    pub customer: BelongsTo<super::customer::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
