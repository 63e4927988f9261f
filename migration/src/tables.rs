//! Tables, as the entities say them and as a database has them, and how the two differ.
//!
//! Owns the one comparison that `repairshop check`, the start of the server and `migrate generate`
//! share. Types and defaults are compared as text, in the words of the database at hand.

mod difference;
mod expected;
mod live;
mod wording;

use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend, DbErr, sea_query::ColumnType};

use crate::parts;

pub use difference::{Difference, Severity};
pub use expected::expected;
pub use live::live;

/// A table, with as much of it as an entity can say.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    pub name: String,
    pub columns: Vec<Column>,
    /// Without those over expressions or over some of the rows, which no entity has.
    pub indexes: Vec<Index>,
    pub foreign_keys: Vec<ForeignKey>,
    /// What this role may not do with it, as PostgreSQL's privileges are called.
    pub denied: Vec<String>,
    /// What no entity can say.
    pub oddities: Vec<Oddity>,
}

/// Something about columns that no entity can say, and that changes what they take or mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oddity {
    pub columns: Vec<String>,
    /// `no check`.
    pub expected: String,
    /// As SQL.
    pub found: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    pub name: String,
    /// `varchar(10)`.
    pub kind: String,
    /// Where `kind` is one that the schema builder knows.
    pub column_type: Option<ColumnType>,
    pub nullable: bool,
    /// As SQL: `'unassigned'`, `now()`.
    pub default: Option<String>,
    pub primary_key: bool,
    /// The database numbers or computes it: a serial, an identity, a generated column.
    pub automatic: bool,
    /// What the entity says it was called before.
    pub renamed_from: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    pub name: String,
    pub columns: Vec<String>,
    pub unique: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    pub name: String,
    pub columns: Vec<String>,
    pub to: String,
    pub to_columns: Vec<String>,
    /// Where it does not refuse each row that is referred to, how so: `ON DELETE CASCADE`.
    pub lenient: Option<String>,
}

impl Index {
    /// What Drizzle calls one that nobody has given a name: `customers_zip_code_index`,
    /// `customers_email_unique`.
    pub(crate) fn usual_name(table: &str, columns: &[String], unique: bool) -> String {
        let kind = if unique { "unique" } else { "index" };
        format!("{table}_{}_{kind}", columns.join("_"))
    }
}

impl ForeignKey {
    /// What Drizzle calls it: `tickets_customer_id_customers_id_fk`.
    pub(crate) fn usual_name(
        table: &str,
        columns: &[String],
        to: &str,
        to_columns: &[String],
    ) -> String {
        let (columns, to_columns) = (columns.join("_"), to_columns.join("_"));
        format!("{table}_{columns}_{to}_{to_columns}_fk")
    }

    /// Whether both refuse the same rows, whatever they are called.
    pub(crate) fn refers_as(&self, other: &Self) -> bool {
        self.columns == other.columns && self.to == other.to && self.to_columns == other.to_columns
    }
}

impl Table {
    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// How a database differs from the entities, and from what the migrations that it has had leave.
///
/// # Errors
/// Where the database does not answer.
pub async fn check<C: ConnectionTrait>(db: &C) -> Result<Vec<Difference>, DbErr> {
    let backend = db.get_database_backend();
    let expected = expected(&entity::definitions(backend), backend);
    let live = live(db, &expected).await?;
    let typed = backend == DbBackend::Postgres;
    let mut all = difference::differences(&expected, &live, typed);
    all.extend(parts::missing(db, &expected).await?);
    all.sort_by_key(|difference| std::cmp::Reverse(difference.severity));
    Ok(all)
}
