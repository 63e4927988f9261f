//! Changes, written as a migration in Rust. What is there already, since another program made it, is
//! left as it is: `check` says where it differs.

use std::fmt::Write as _;

use sea_orm_migration::sea_orm::sea_query::{ColumnType, StringLen};

use super::change::Change;
use crate::tables::{Column, ForeignKey, Index, Table};

/// The whole file.
pub(super) fn migration(changes: &[Change]) -> String {
    let said: Vec<String> = changes.iter().map(|it| format!("//! - {it}")).collect();
    let said = said.join("\n");
    let up: String = changes.iter().map(statement).collect();
    let inverses: Vec<Change> = changes.iter().rev().map(Change::inverse).collect();
    let down: String = inverses.iter().map(statement).collect();
    let tables: String = changes
        .iter()
        .chain(&inverses)
        .filter_map(|it| match it {
            Change::CreateTable(table) => Some(create(table)),
            _ => None,
        })
        .collect();
    let imports = imports(&format!("{up}{down}{tables}"));
    format!(
        "//! What the entities say now:
//!
{said}

#![allow(clippy::doc_markdown, clippy::too_many_lines, reason = \"written by a program\")]

use sea_orm_migration::{{prelude::*, sea_orm::DbErr}};

use crate::{{{imports}}};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {{
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {{
{up}        Ok(())
    }}

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {{
{down}        Ok(())
    }}

    fn use_transaction(&self) -> Option<bool> {{
        Some(true)
    }}
}}
{tables}"
    )
}

fn imports(code: &str) -> String {
    let helpers: Vec<&str> = [
        "add_filled_column",
        "add_foreign_key",
        "add_unique",
        "big_serial_key",
        "bigint",
        "change_column",
        "drop_foreign_key",
        "drop_index",
        "now",
        "rename_column",
        "rename_constraint",
        "serial_key",
    ]
    .into_iter()
    .filter(|name| {
        let call = format!("{name}(");
        let calls = code.match_indices(&call).map(|(at, _)| &code[..at]);
        let mut calls = calls.map(|before| before.chars().next_back());
        // Not the end of a longer name, nor a method.
        calls.any(|it| it.is_none_or(|it| !it.is_alphanumeric() && !['_', '.'].contains(&it)))
    })
    .collect();
    let mut imports = Vec::new();
    match helpers.as_slice() {
        [] => {}
        [one] => imports.push(format!("alter::{one}")),
        more => imports.push(format!("alter::{{{}}}", more.join(", "))),
    }
    if code.contains("table(manager,") {
        imports.push("table".to_owned());
    }
    imports.join(", ")
}

/// Why a change cannot be written, where it cannot.
pub(super) fn unwritable(change: &Change) -> Option<String> {
    let (table, columns): (&str, Vec<&Column>) = match change {
        Change::CreateTable(table) => (&table.name, table.columns.iter().collect()),
        Change::AddColumn(table, column) => (table, vec![column]),
        Change::AlterColumn { table, to, .. } => (table, vec![to]),
        _ => return None,
    };
    if let Change::CreateTable(table) = change
        && !table.columns.iter().any(|it| it.primary_key)
    {
        return Some(format!("{}: expected a primary key", table.name));
    }
    columns.into_iter().find_map(|column| {
        let place = format!("{table}.{}", column.name);
        let default = column.default.as_deref().unwrap_or_default();
        if let Some(ColumnType::Enum { .. } | ColumnType::Custom(_)) = column.column_type {
            Some(format!(
                "{place}: a type of PostgreSQL's own is made by hand; an enum can be kept as a text, \
                 with db_type = \"String(StringLen::None)\""
            ))
        } else if definition(column, None).is_none() {
            Some(format!(
                "{place}: write the migration for {} by hand",
                column.kind
            ))
        } else if column.automatic && !(column.primary_key && is_numbered(column)) {
            Some(format!("{place}: only a key that is an i32 or an i64 can be numbered"))
        } else if default.contains('(') && default != "now()" && !default.starts_with('\'') {
            Some(format!("{place}: SQLite has no default {default}"))
        } else {
            None
        }
    })
}

fn is_numbered(column: &Column) -> bool {
    let kind = column.column_type.as_ref();
    matches!(kind, Some(ColumnType::Integer | ColumnType::BigInteger))
}

fn is_number(kind: &str) -> bool {
    let base = kind.split('(').next().unwrap_or_default();
    let integer = ["tinyint", "smallint", "integer", "bigint"].contains(&base);
    integer || ["real", "real_decimal", "float", "double", "numeric"].contains(&base)
}

/// A column, as the schema builder is asked for it; nothing where it has no such type.
fn definition(column: &Column, default: Option<&str>) -> Option<String> {
    let name = &column.name;
    let kind = match column.column_type.as_ref()? {
        ColumnType::BigInteger if column.automatic => {
            return Some(format!("big_serial_key(manager, {name:?})"));
        }
        _ if column.automatic => return Some(format!("serial_key(manager, {name:?})")),
        ColumnType::BigInteger => String::new(),
        ColumnType::Char(None) => ".char_len(1)".to_owned(),
        ColumnType::Char(Some(length)) => format!(".char_len({length})"),
        ColumnType::String(StringLen::N(length)) => format!(".string_len({length})"),
        ColumnType::String(_) => ".string()".to_owned(),
        ColumnType::Text => ".text()".to_owned(),
        ColumnType::TinyInteger => ".tiny_integer()".to_owned(),
        ColumnType::SmallInteger => ".small_integer()".to_owned(),
        ColumnType::Integer => ".integer()".to_owned(),
        ColumnType::Float => ".float()".to_owned(),
        ColumnType::Double => ".double()".to_owned(),
        ColumnType::Decimal(None) => ".decimal()".to_owned(),
        ColumnType::Decimal(Some((digits, scale))) => format!(".decimal_len({digits}, {scale})"),
        ColumnType::Boolean => ".boolean()".to_owned(),
        ColumnType::DateTime | ColumnType::Timestamp => ".timestamp()".to_owned(),
        ColumnType::TimestampWithTimeZone => ".timestamp_with_time_zone()".to_owned(),
        ColumnType::Date => ".date()".to_owned(),
        ColumnType::Time => ".time()".to_owned(),
        ColumnType::Uuid => ".uuid()".to_owned(),
        ColumnType::Json => ".json()".to_owned(),
        ColumnType::JsonBinary => ".json_binary()".to_owned(),
        ColumnType::Blob | ColumnType::VarBinary(StringLen::None) => ".blob()".to_owned(),
        ColumnType::Binary(length) | ColumnType::VarBinary(StringLen::N(length)) => {
            format!(".binary_len({length})")
        }
        _ => return None,
    };
    let mut code = if kind.is_empty() {
        format!("bigint({name:?})")
    } else {
        format!("ColumnDef::new({name:?}){kind}")
    };
    if !column.nullable {
        code.push_str(".not_null()");
    }
    if let Some(default) = default {
        let _ = write!(code, ".default({})", value(&column.kind, default));
    }
    Some(code)
}

/// An SQL value, as the schema builder is given it.
fn value(kind: &str, sql: &str) -> String {
    let text = sql.strip_prefix('\'').and_then(|it| it.strip_suffix('\''));
    match text {
        Some(text) => format!("{:?}", text.replace("''", "'")),
        None if sql == "now()" => "now(manager)".to_owned(),
        None if kind == "boolean" || sql.parse::<i32>().is_ok() => sql.to_owned(),
        None if is_number(kind) || sql.starts_with("CURRENT_") => format!("Expr::cust({sql:?})"),
        // Whose quotes the comparison has left away.
        None => format!("{sql:?}"),
    }
}

/// What a column that was removed has where it comes back, if it has to have something.
fn blank(column: &Column) -> &'static str {
    match column.kind.as_str() {
        "boolean" => "false",
        "timestamp" => "\"1970-01-01 00:00:00\"",
        "timestamptz" => "\"1970-01-01 00:00:00+00:00\"",
        "date" => "\"1970-01-01\"",
        "time" => "\"00:00:00\"",
        "uuid" => "\"00000000-0000-0000-0000-000000000000\"",
        "json" | "jsonb" => "\"{}\"",
        kind if is_number(kind) => "0",
        _ => "\"\"",
    }
}

fn statement(change: &Change) -> String {
    match change {
        Change::CreateTable(table) => format!("{}(manager).await?;\n", function(table)),
        Change::DropTable(table) => format!(
            "manager.drop_table(Table::drop().table(table(manager, {:?})).if_exists().take()).await?;\n",
            table.name
        ),
        Change::AddColumn(table, column) => {
            let default = column.default.as_deref();
            let code = definition(column, default).unwrap_or_default();
            let filled = match default {
                None if !column.nullable => Some(blank(column).to_owned()),
                Some(sql) if sql == "now()" || sql.starts_with("CURRENT_") => {
                    Some(value(&column.kind, sql))
                }
                _ => None,
            };
            match filled {
                Some(value) => format!(
                    "add_filled_column(manager, {table:?}, {code}.take(), {value}).await?;\n"
                ),
                None => alter(table, &format!("add_column_if_not_exists({code})")),
            }
        }
        Change::DropColumn(table, column) => {
            alter(table, &format!("drop_column_if_exists({:?})", column.name))
        }
        Change::RenameColumn { table, from, to } => {
            format!("rename_column(manager, {table:?}, {from:?}, {to:?}).await?;\n")
        }
        Change::RenameConstraint { table, from, to } => {
            format!("rename_constraint(manager, {table:?}, {from:?}, {to:?}).await?;\n")
        }
        Change::AlterColumn { table, to, .. } => {
            let code = definition(to, to.default.as_deref()).unwrap_or_default();
            format!("change_column(manager, {table:?}, {code}.take()).await?;\n")
        }
        Change::AddIndex(table, index) => add_index(table, index),
        Change::DropIndex(table, Index { name, .. }) => {
            format!("drop_index(manager, {table:?}, {name:?}).await?;\n")
        }
        Change::AddForeignKey(table, key) => format!(
            "add_foreign_key(manager, {}.take()).await?;\n",
            foreign_key(table, key)
        ),
        Change::DropForeignKey(table, key) => format!(
            "drop_foreign_key(manager, {table:?}, &{:?}).await?;\n",
            key.columns
        ),
    }
}

fn add_index(table: &str, index: &Index) -> String {
    let Index { name, columns, .. } = index;
    if index.unique {
        return format!("add_unique(manager, {table:?}, {name:?}, &{columns:?}).await?;\n");
    }
    let columns = calls("col", columns);
    format!(
        "manager.create_index(Index::create().table(table(manager, {table:?})).name({name:?}).if_not_exists(){columns}.take()).await?;\n"
    )
}

fn foreign_key(table: &str, key: &ForeignKey) -> String {
    let ForeignKey { name, to, .. } = key;
    let from_columns = calls("from_col", &key.columns);
    let to_columns = calls("to_col", &key.to_columns);
    let action = match key.lenient.as_deref() {
        Some("ON DELETE CASCADE") => ".on_delete(ForeignKeyAction::Cascade)",
        Some("ON DELETE SET NULL") => ".on_delete(ForeignKeyAction::SetNull)",
        Some("ON DELETE SET DEFAULT") => ".on_delete(ForeignKeyAction::SetDefault)",
        _ => "",
    };
    format!(
        "ForeignKey::create().name({name:?}).from_tbl(table(manager, {table:?})){from_columns}\
         .to_tbl(table(manager, {to:?})){to_columns}{action}"
    )
}

/// The same method for each name: `.col("a").col("b")`.
fn calls(method: &str, names: &[String]) -> String {
    let calls: Vec<String> = names
        .iter()
        .map(|it| format!(".{method}({it:?})"))
        .collect();
    calls.concat()
}

fn alter(table: &str, what: &str) -> String {
    format!(
        "manager.alter_table(Table::alter().table(table(manager, {table:?})).{what}.take()).await?;\n"
    )
}

/// What the function is called that makes a table.
fn function(table: &Table) -> String {
    let letters = table.name.chars().map(|it| match it.to_ascii_lowercase() {
        it if it.is_ascii_alphanumeric() => it,
        _ => '_',
    });
    format!("create_{}", letters.collect::<String>())
}

fn create(table: &Table) -> String {
    let name = &table.name;
    let mut code = format!(
        "manager.create_table(Table::create().table(table(manager, {name:?})).if_not_exists()"
    );
    let keys: Vec<String> = (table.columns.iter().filter(|it| it.primary_key))
        .map(|it| it.name.clone())
        .collect();
    for column in &table.columns {
        let mut definition = definition(column, column.default.as_deref()).unwrap_or_default();
        if column.primary_key && !column.automatic && keys.len() == 1 {
            definition.push_str(".primary_key()");
        }
        let _ = write!(code, ".col({definition})");
    }
    if keys.len() > 1 {
        let key = format!("{name}_{}_pk", keys.join("_"));
        let columns = calls("col", &keys);
        let _ = write!(code, ".primary_key(Index::create().name({key:?}){columns})");
    }
    for key in &table.foreign_keys {
        let key = foreign_key(name, key);
        let _ = write!(code, ".foreign_key({key})");
    }
    code.push_str(".take()).await");
    let indexes: String = (table.indexes.iter())
        .map(|index| add_index(name, index))
        .collect();
    let body = if indexes.is_empty() {
        format!("    {code}\n")
    } else {
        format!("    {code}?;\n{indexes}    Ok(())\n")
    };
    format!(
        "\nasync fn {}(manager: &SchemaManager<'_>) -> Result<(), DbErr> {{\n{body}}}\n",
        function(table)
    )
}
