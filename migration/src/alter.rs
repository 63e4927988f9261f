//! What generated migrations call where PostgreSQL and SQLite want different statements. Public, for
//! at times no migration calls it. What is here is never changed in what it does: released
//! migrations rely on it.

use sea_orm_migration::{
    prelude::*,
    sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement},
};

use crate::{has_row, is_postgres, on_postgres, table};

/// A primary key that the database numbers: on PostgreSQL a serial, as Drizzle has it.
#[must_use]
pub fn serial_key(manager: &SchemaManager<'_>, name: &'static str) -> ColumnDef {
    let mut key = ColumnDef::new(name);
    if is_postgres(manager) {
        key.custom("serial").not_null().primary_key();
    } else {
        key.integer().not_null().auto_increment().primary_key();
    }
    key
}

/// The time, as a default: on PostgreSQL written as Drizzle writes it.
#[must_use]
pub fn now(manager: &SchemaManager<'_>) -> Expr {
    if is_postgres(manager) {
        Expr::cust("now()")
    } else {
        Expr::current_timestamp()
    }
}

/// Lets no two rows have the same values in these columns.
///
/// # Errors
/// Where two have.
pub async fn add_unique(
    manager: &SchemaManager<'_>,
    of: &'static str,
    name: &'static str,
    columns: &[&'static str],
) -> Result<(), DbErr> {
    if is_postgres(manager) {
        // A constraint, which Drizzle's `unique()` is, and no index alone.
        let columns = columns.join("\", \"");
        let sql =
            format!(r#"ALTER TABLE public."{of}" ADD CONSTRAINT "{name}" UNIQUE ("{columns}")"#);
        return on_postgres(manager, &sql).await;
    }
    let mut index = Index::create();
    index.table(table(manager, of)).name(name).unique();
    for column in columns {
        index.col(*column);
    }
    manager.create_index(index).await
}

/// Takes [`add_unique`] back.
///
/// # Errors
/// Where there is no such constraint.
pub async fn drop_unique(
    manager: &SchemaManager<'_>,
    of: &'static str,
    name: &'static str,
) -> Result<(), DbErr> {
    let sql = if is_postgres(manager) {
        format!(r#"ALTER TABLE public."{of}" DROP CONSTRAINT "{name}""#)
    } else {
        format!(r#"DROP INDEX "{name}""#)
    };
    manager.get_connection().execute_unprepared(&sql).await?;
    Ok(())
}

/// Gives a column another type, default or nullability; values have to fit. Where it may no longer be
/// null, rows that are get the default.
///
/// # Errors
/// Where a value does not fit.
pub async fn change_column(
    manager: &SchemaManager<'_>,
    of: &'static str,
    mut column: ColumnDef,
) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    let name = column.get_column_name();
    let spec = column.get_column_spec().clone();
    let not_null = spec.nullable == Some(false);
    if let (true, Some(default)) = (not_null, &spec.default) {
        let mut fill = Query::update();
        fill.table(table(manager, of))
            .value(name.clone(), default.clone());
        fill.and_where(Expr::col(name.clone()).is_null());
        connection.execute(&fill).await?;
    }
    if is_postgres(manager) {
        if spec.nullable.is_none() {
            column.null();
        }
        let mut alter = Table::alter();
        alter.table(table(manager, of)).modify_column(column);
        manager.alter_table(alter).await?;
        if spec.default.is_none() {
            let sql = format!(r#"ALTER TABLE public."{of}" ALTER COLUMN "{name}" DROP DEFAULT"#);
            connection.execute_unprepared(&sql).await?;
        }
        return Ok(());
    }
    let null = format!(r#"SELECT 1 FROM "{of}" WHERE "{name}" IS NULL LIMIT 1"#);
    if not_null && has_row(manager, &null).await? {
        return Err(DbErr::Migration(format!(
            "{of}.{name} is null in some rows"
        )));
    }
    let mut written = String::new();
    TableBuilder::prepare_column_def(&SqliteQueryBuilder, &column, &mut written);
    rewrite(connection, of, &name, &written).await
}

/// SQLite: changes what the schema says of a column, as section 8 of its page on ALTER TABLE has it
/// for changes that leave the rows on disk as they are.
async fn rewrite<C: ConnectionTrait>(
    connection: &C,
    of: &str,
    column: &str,
    new: &str,
) -> Result<(), DbErr> {
    let statement = |sql: String| Statement::from_string(DbBackend::Sqlite, sql);
    let of = of.replace('\'', "''");
    let read = format!("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = '{of}'");
    let row = connection.query_one_raw(statement(read)).await?;
    let old: String = row
        .map(|row| row.try_get_by_index(0))
        .transpose()?
        .unwrap_or_default();
    let place = definition(&old, column).filter(|&(from, to)| {
        // What else stands there would be lost.
        let said = old[from..to].to_uppercase();
        ![
            "UNIQUE",
            "REFERENCES",
            "CHECK",
            "PRIMARY",
            "COLLATE",
            "GENERATED",
        ]
        .iter()
        .any(|it| said.contains(it))
    });
    let Some((from, to)) = place else {
        return Err(DbErr::Migration(format!(
            "{of}.{column} cannot be changed on SQLite: make the table anew"
        )));
    };
    let sql = format!("{}{new}{}", &old[..from], &old[to..]).replace('\'', "''");
    let row = connection
        .query_one_raw(statement("PRAGMA schema_version".to_owned()))
        .await?;
    let version: i32 = row
        .map(|row| row.try_get_by_index(0))
        .transpose()?
        .unwrap_or_default();
    let change = format!(
        "PRAGMA writable_schema = ON; \
         UPDATE sqlite_master SET sql = '{sql}' WHERE type = 'table' AND name = '{of}'; \
         PRAGMA schema_version = {}; PRAGMA writable_schema = RESET",
        version + 1
    );
    connection.execute_unprepared(&change).await?;
    Ok(())
}

/// From where to where a statement that makes a table defines a column.
fn definition(sql: &str, column: &str) -> Option<(usize, usize)> {
    let (mut depth, mut quote, mut start) = (0, None, 0);
    for (at, letter) in sql.char_indices() {
        match (quote, letter) {
            (Some(open), _) => quote = (letter != open).then_some(open),
            (None, '"' | '\'' | '`') => quote = Some(letter),
            (None, '(') => {
                depth += 1;
                if depth == 1 {
                    start = at + 1;
                }
            }
            (None, ',' | ')') if depth == 1 => {
                let from = start + sql[start..at].len() - sql[start..at].trim_start().len();
                let name = sql[from..at].split_whitespace().next().unwrap_or_default();
                if name
                    .trim_matches(['"', '`', '[', ']'])
                    .eq_ignore_ascii_case(column)
                {
                    return Some((from, from + sql[from..at].trim_end().len()));
                }
                start = at + 1;
                depth -= i32::from(letter == ')');
            }
            (None, ')') => depth -= 1,
            _ => {}
        }
    }
    None
}
