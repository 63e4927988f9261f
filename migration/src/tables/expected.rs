//! What the entities say, through SeaORM's schema builder.

use sea_orm_migration::sea_orm::{
    DbBackend,
    sea_query::{
        ColumnDef, ColumnType, Expr, PostgresQueryBuilder, Query, SqliteQueryBuilder, TableBuilder,
        TableRef,
    },
};

use entity::Definition;

use super::{Column, ForeignKey, Index, Table, wording};

/// The tables of these entities, in the words of this kind of database.
#[must_use]
pub fn expected(definitions: &[Definition], backend: DbBackend) -> Vec<Table> {
    definitions
        .iter()
        .map(|definition| table(definition, backend))
        .collect()
}

fn table(definition: &Definition, backend: DbBackend) -> Table {
    let name = &definition.name;
    let columns = definition.table.get_columns();
    let unique = columns.iter().filter(|it| it.get_column_spec().unique);
    let mut indexes: Vec<Index> = unique
        .map(|column| Index {
            // As Drizzle calls a column's unique constraint.
            name: format!("{name}_{}_unique", column.get_column_name()),
            columns: vec![column.get_column_name()],
            unique: true,
        })
        .collect();
    indexes.extend(definition.indexes.iter().map(|index| {
        Index {
            name: index
                .get_index_spec()
                .get_name()
                .unwrap_or_default()
                .to_owned(),
            columns: index.get_index_spec().get_column_names(),
            unique: index.is_unique_key(),
        }
    }));
    let foreign_keys = definition.table.get_foreign_key_create_stmts().iter();
    let foreign_keys = foreign_keys.map(|key| {
        let key = key.get_foreign_key();
        let to = key.get_ref_table().map(table_name).unwrap_or_default();
        let (columns, to_columns) = (key.get_columns(), key.get_ref_columns());
        // As Drizzle calls it.
        let name = format!(
            "{name}_{}_{to}_{}_fk",
            columns.join("_"),
            to_columns.join("_")
        );
        ForeignKey {
            name,
            columns,
            to,
            to_columns,
            lenient: None,
        }
    });
    Table {
        name: name.clone(),
        columns: columns.iter().map(|it| column(it, backend)).collect(),
        indexes,
        foreign_keys: foreign_keys.collect(),
        denied: Vec::new(),
        oddities: Vec::new(),
    }
}

fn table_name(table: &TableRef) -> String {
    match table {
        TableRef::Table(name, _) => name.1.to_string(),
        _ => String::new(),
    }
}

fn column(definition: &ColumnDef, backend: DbBackend) -> Column {
    let spec = definition.get_column_spec();
    let column_type = definition.get_column_type();
    let kind = column_type.map(|it| kind(it, backend)).unwrap_or_default();
    let default = spec.default.as_ref();
    let comment = spec.comment.as_deref().unwrap_or_default();
    let renamed_from = comment.split_once("renamed_from \"");
    Column {
        name: definition.get_column_name(),
        default: default.and_then(|it| wording::default(&kind, &sql(it, backend))),
        kind,
        column_type: column_type.cloned(),
        nullable: spec.nullable.unwrap_or(true) && !spec.primary_key,
        primary_key: spec.primary_key,
        automatic: spec.auto_increment,
        renamed_from: renamed_from.map(|(_, name)| name.trim_end_matches('"').to_owned()),
    }
}

/// A type, as a database of this kind has it.
fn kind(column_type: &ColumnType, backend: DbBackend) -> String {
    let mut sql = String::new();
    if backend == DbBackend::Postgres {
        PostgresQueryBuilder.prepare_column_type(column_type, &mut sql);
    } else {
        TableBuilder::prepare_column_type(&SqliteQueryBuilder, column_type, &mut sql);
    }
    wording::kind(&sql)
}

fn sql(expression: &Expr, backend: DbBackend) -> String {
    let select = Query::select().expr(expression.clone()).take();
    let sql = if backend == DbBackend::Postgres {
        select.to_string(PostgresQueryBuilder)
    } else {
        select.to_string(SqliteQueryBuilder)
    };
    sql.trim_start_matches("SELECT ").to_owned()
}
