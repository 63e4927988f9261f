//! Changes, written as a migration in Rust.

use std::fmt::Write as _;

use sea_orm_migration::sea_orm::sea_query::{ColumnType, StringLen};

use super::plan::Change;
use crate::tables::{Column, ForeignKey, Index, Table};

/// The list of migrations with one more.
pub(super) fn registered(source: &str, name: &str) -> Option<String> {
    let lines: Vec<&str> = source.lines().collect();
    let last = |start: &str| {
        lines
            .iter()
            .rposition(|line| line.trim_start().starts_with(start))
    };
    let (module, entry) = (last("mod m2")?, last("Box::new(m2")?);
    let mut all = String::with_capacity(source.len() + 120);
    for (place, line) in lines.iter().enumerate() {
        all.push_str(line);
        all.push('\n');
        if place == module {
            let _ = writeln!(all, "mod {name};");
        }
        if place == entry {
            let _ = writeln!(all, "            Box::new({name}::Migration),");
        }
    }
    Some(all)
}

/// The whole file.
pub(super) fn migration(changes: &[Change]) -> String {
    let said: Vec<String> = changes.iter().map(|it| format!("//! - {it}\n")).collect();
    let said = said.concat();
    let up: String = changes.iter().map(statement).collect();
    let down: String = changes
        .iter()
        .rev()
        .map(|it| statement(&it.inverse()))
        .collect();
    let both = format!("{up}{down}");
    let helpers: Vec<&str> = [
        "add_unique",
        "change_column",
        "drop_unique",
        "now",
        "serial_key",
    ]
    .into_iter()
    .filter(|name| both.contains(&format!("{name}(")))
    .collect();
    let mut imports = String::new();
    if !helpers.is_empty() {
        let _ = write!(imports, "alter::{{{}}}, ", helpers.join(", "));
    }
    imports.push_str(if both.contains("drop_indexes(") {
        "drop_indexes, "
    } else {
        ""
    });
    imports.push_str(if both.contains(" table(") || both.contains("(table(") {
        "table, "
    } else {
        ""
    });
    let imports = imports.trim_end_matches(", ");
    format!(
        "//! What the entities say now:
//!
{said}
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
"
    )
}

/// Why a change cannot be written, where it cannot.
pub(super) fn unwritable(change: &Change) -> Option<String> {
    let (table, columns): (&str, Vec<&Column>) = match change {
        Change::CreateTable(table) => (&table.name, table.columns.iter().collect()),
        Change::AddColumn(table, column, _) => (table, vec![column]),
        Change::AlterColumn { table, to, .. } => (table, vec![to]),
        _ => return None,
    };
    if let Change::CreateTable(table) = change
        && table.columns.iter().filter(|it| it.primary_key).count() != 1
    {
        return Some(format!(
            "{}: expected a primary key of one column",
            table.name
        ));
    }
    let column = columns.into_iter().find(|column| {
        let numbered = column.automatic && !(column.primary_key && column.kind == "integer");
        numbered || kind(column).is_none()
    })?;
    Some(format!(
        "{table}.{}: write the migration for {} by hand",
        column.name, column.kind
    ))
}

/// How the schema builder is asked for a type.
fn kind(column: &Column) -> Option<String> {
    Some(match column.column_type.as_ref()? {
        ColumnType::Char(None) => ".char()".to_owned(),
        ColumnType::Char(Some(length)) => format!(".char_len({length})"),
        ColumnType::String(StringLen::N(length)) => format!(".string_len({length})"),
        ColumnType::String(_) => ".string()".to_owned(),
        ColumnType::Text => ".text()".to_owned(),
        ColumnType::SmallInteger => ".small_integer()".to_owned(),
        ColumnType::Integer => ".integer()".to_owned(),
        ColumnType::BigInteger => ".big_integer()".to_owned(),
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
        _ => return None,
    })
}

fn definition(column: &Column, default: Option<&str>) -> String {
    if column.automatic {
        return format!("serial_key(manager, {:?})", column.name);
    }
    let mut code = format!(
        "ColumnDef::new({:?}){}",
        column.name,
        kind(column).unwrap_or_default()
    );
    if !column.nullable {
        code.push_str(".not_null()");
    }
    if column.primary_key {
        code.push_str(".primary_key()");
    }
    match default {
        None => {}
        Some("now()") => code.push_str(".default(now(manager))"),
        Some(word @ ("true" | "false")) => {
            let _ = write!(code, ".default({word})");
        }
        Some(sql) => {
            let text = sql.strip_prefix('\'').and_then(|it| it.strip_suffix('\''));
            let _ = match text {
                Some(text) => write!(code, ".default({:?})", text.replace("''", "'")),
                None if sql.parse::<i32>().is_ok() => write!(code, ".default({sql})"),
                None => write!(code, ".default(Expr::cust({sql:?}))"),
            };
        }
    }
    code
}

/// What a column that was removed has to have when it comes back.
fn blank(column: &Column) -> Option<String> {
    if column.nullable || column.default.is_some() {
        return column.default.clone();
    }
    let text = ["varchar", "char", "text"]
        .iter()
        .any(|it| column.kind.starts_with(it));
    Some(
        match column.kind.as_str() {
            "boolean" => "false",
            "timestamp" => "'1970-01-01 00:00:00'",
            "date" => "'1970-01-01'",
            _ if text => "''",
            _ => "0",
        }
        .to_owned(),
    )
}

fn statement(change: &Change) -> String {
    match change {
        Change::CreateTable(table) => create(table),
        Change::DropTable(table) => format!(
            "manager.drop_table(Table::drop().table(table(manager, {:?})).take()).await?;\n",
            table.name
        ),
        Change::AddColumn(table, column, key) => {
            let mut code = definition(column, blank(column).as_deref());
            if let Some(ForeignKey {
                name,
                to,
                to_columns,
                ..
            }) = key
            {
                let to_columns = to_columns.join("\", \"");
                let extra = format!(r#"CONSTRAINT "{name}" REFERENCES "{to}" ("{to_columns}")"#);
                let _ = write!(code, ".extra({extra:?})");
            }
            alter(table, &format!("add_column({code})"))
        }
        Change::DropColumn(table, column, _) => {
            alter(table, &format!("drop_column({:?})", column.name))
        }
        Change::RenameColumn { table, from, to } => {
            alter(table, &format!("rename_column({from:?}, {to:?})"))
        }
        Change::AlterColumn { table, to, .. } => {
            let code = definition(to, to.default.as_deref());
            format!("change_column(manager, {table:?}, {code}.take()).await?;\n")
        }
        Change::AddIndex(
            table,
            Index {
                name,
                columns,
                unique: true,
            },
        ) => {
            format!("add_unique(manager, {table:?}, {name:?}, &{columns:?}).await?;\n")
        }
        Change::AddIndex(table, Index { name, columns, .. }) => {
            let columns = calls("col", columns);
            format!(
                "manager.create_index(Index::create().table(table(manager, {table:?})).name({name:?}){columns}.take()).await?;\n"
            )
        }
        Change::DropIndex(
            table,
            Index {
                name, unique: true, ..
            },
        ) => {
            format!("drop_unique(manager, {table:?}, {name:?}).await?;\n")
        }
        Change::DropIndex(table, Index { name, .. }) => {
            format!("drop_indexes(manager, [({table:?}, {name:?})].into_iter()).await?;\n")
        }
    }
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

fn create(table: &Table) -> String {
    let name = &table.name;
    let mut code = format!("manager.create_table(Table::create().table(table(manager, {name:?}))");
    for column in &table.columns {
        let _ = write!(
            code,
            ".col({})",
            definition(column, column.default.as_deref())
        );
    }
    for index in table.indexes.iter().filter(|it| it.unique) {
        let columns = calls("col", &index.columns);
        let _ = write!(
            code,
            ".index(Index::create().name({:?}).unique(){columns})",
            index.name
        );
    }
    for key in &table.foreign_keys {
        let from = calls("from_col", &key.columns);
        let to = calls("to_col", &key.to_columns);
        let _ = write!(
            code,
            ".foreign_key(ForeignKey::create().name({:?}).from_tbl(table(manager, {name:?})){from}\
             .to_tbl(table(manager, {:?})){to})",
            key.name, key.to
        );
    }
    code.push_str(".take()).await?;\n");
    for index in table.indexes.iter().filter(|it| !it.unique) {
        code.push_str(&statement(&Change::AddIndex(name.clone(), index.clone())));
    }
    code
}
