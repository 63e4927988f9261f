//! What the entities say, through SeaORM's schema builder.

use sea_orm_migration::sea_orm::{
    DbBackend,
    sea_query::{
        ColumnDef, ColumnType, Expr, ForeignKeyAction, PostgresQueryBuilder, Query,
        SqliteQueryBuilder, TableBuilder, TableRef,
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
    let indexes = unique
        .map(|column| (vec![column.get_column_name()], true))
        .chain(definition.indexes.iter().map(|index| {
            let columns = index.get_index_spec().get_column_names();
            (columns, index.is_unique_key())
        }))
        .map(|(columns, unique)| Index {
            name: Index::usual_name(name, &columns, unique),
            columns,
            unique,
        });
    let foreign_keys = definition.table.get_foreign_key_create_stmts().iter();
    let foreign_keys = foreign_keys.map(|key| {
        let key = key.get_foreign_key();
        let to = key.get_ref_table().map(table_name).unwrap_or_default();
        let (columns, to_columns) = (key.get_columns(), key.get_ref_columns());
        ForeignKey {
            name: ForeignKey::usual_name(name, &columns, &to, &to_columns),
            columns,
            to,
            to_columns,
            lenient: key.get_on_delete().and_then(lenient),
        }
    });
    let mut columns: Vec<Column> = columns.iter().map(|it| column(it, backend)).collect();
    let keys = definition.table.get_indexes().iter();
    for key in keys.filter(|it| it.is_primary_key()) {
        let names = key.get_index_spec().get_column_names();
        for column in columns.iter_mut().filter(|it| names.contains(&it.name)) {
            (column.primary_key, column.nullable) = (true, false);
        }
    }
    Table {
        name: name.clone(),
        columns,
        indexes: indexes.collect(),
        foreign_keys: foreign_keys.collect(),
        denied: Vec::new(),
        oddities: Vec::new(),
    }
}

fn lenient(action: ForeignKeyAction) -> Option<String> {
    let action = match action {
        ForeignKeyAction::Cascade => "CASCADE",
        ForeignKeyAction::SetNull => "SET NULL",
        ForeignKeyAction::SetDefault => "SET DEFAULT",
        _ => return None,
    };
    Some(format!("ON DELETE {action}"))
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
    let automatic = spec.auto_increment && spec.primary_key;
    let kind = match column_type {
        // SQLite numbers those alone, which are as long as they have to be.
        Some(_) if automatic && backend == DbBackend::Sqlite => "integer".to_owned(),
        Some(it) => kind(it, backend),
        None => String::new(),
    };
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
        automatic,
        renamed_from: renamed_from.map(|(_, name)| name.trim_end_matches('"').to_owned()),
    }
}

/// A type, as a database of this kind has it.
fn kind(column_type: &ColumnType, backend: DbBackend) -> String {
    if *column_type == ColumnType::BigInteger {
        // The builder makes an `integer` of it on SQLite; generated migrations tell the two apart.
        return "bigint".to_owned();
    }
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
