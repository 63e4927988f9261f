//! What generated migrations call where PostgreSQL and SQLite want different statements. Public, for
//! at times no migration calls it. What is here is never changed in what it does: released
//! migrations rely on it.

mod sqlite;

use sea_orm_migration::{
    prelude::*,
    sea_orm::{
        ConnectionTrait, DbErr, Statement,
        sea_query::{ColumnType, StringLen},
    },
};

use crate::{has_row, is_postgres, table};

/// A primary key that the database numbers: on PostgreSQL a serial, as Drizzle has it.
#[must_use]
pub fn serial_key(manager: &SchemaManager<'_>, name: &'static str) -> ColumnDef {
    numbered(manager, name, "serial")
}

/// The same, counting past 2,147,483,647.
#[must_use]
pub fn big_serial_key(manager: &SchemaManager<'_>, name: &'static str) -> ColumnDef {
    numbered(manager, name, "bigserial")
}

fn numbered(manager: &SchemaManager<'_>, name: &'static str, serial: &'static str) -> ColumnDef {
    let mut key = ColumnDef::new(name);
    if is_postgres(manager) {
        key.custom(serial).not_null().primary_key();
    } else {
        key.integer().not_null().auto_increment().primary_key();
    }
    key
}

/// An integer of 64 bits, as which SQLite's schema tells it too; the builder would not.
#[must_use]
pub fn bigint(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).custom("bigint").take()
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

/// Lets no two rows have the same values in these columns, unless it is there already.
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
        if has_constraint(manager, of, name).await? {
            return Ok(());
        }
        // A constraint, which Drizzle's `unique()` is, and no index alone.
        let columns = columns.join("\", \"");
        let sql =
            format!(r#"ALTER TABLE public."{of}" ADD CONSTRAINT "{name}" UNIQUE ("{columns}")"#);
        manager.get_connection().execute_unprepared(&sql).await?;
        return Ok(());
    }
    let mut index = Index::create();
    index.table(table(manager, of)).name(name).unique();
    index.if_not_exists();
    for column in columns {
        index.col(*column);
    }
    manager.create_index(index).await
}

/// Drops an index where it is there, and the constraint that it is there for.
///
/// # Errors
/// Where something else needs it.
pub async fn drop_index(
    manager: &SchemaManager<'_>,
    of: &'static str,
    name: &'static str,
) -> Result<(), DbErr> {
    let sql = if !is_postgres(manager) {
        format!(r#"DROP INDEX IF EXISTS "{name}""#)
    } else if has_constraint(manager, of, name).await? {
        format!(r#"ALTER TABLE public."{of}" DROP CONSTRAINT "{name}""#)
    } else {
        format!(r#"DROP INDEX IF EXISTS public."{name}""#)
    };
    manager.get_connection().execute_unprepared(&sql).await?;
    Ok(())
}

/// Gives a column another name, unless it has it already.
///
/// # Errors
/// Where another column has that name.
pub async fn rename_column(
    manager: &SchemaManager<'_>,
    of: &'static str,
    from: &'static str,
    to: &'static str,
) -> Result<(), DbErr> {
    if !has_column(manager, of, from).await? && has_column(manager, of, to).await? {
        return Ok(());
    }
    let mut alter = Table::alter();
    alter.table(table(manager, of)).rename_column(from, to);
    manager.alter_table(alter).await
}

async fn has_column(manager: &SchemaManager<'_>, of: &str, name: &str) -> Result<bool, DbErr> {
    let sql = if is_postgres(manager) {
        format!(
            "SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass('public.\"{of}\"') \
             AND attname = '{name}' AND NOT attisdropped"
        )
    } else {
        format!("SELECT 1 FROM pragma_table_info('{of}') WHERE name = '{name}'")
    };
    has_row(manager, &sql).await
}

/// Gives an index or a constraint another name. Constraints have none on SQLite.
///
/// # Errors
/// Where the new name is taken.
pub async fn rename_constraint(
    manager: &SchemaManager<'_>,
    of: &'static str,
    from: &'static str,
    to: &'static str,
) -> Result<(), DbErr> {
    if !is_postgres(manager) {
        return sqlite::rename_index(manager.get_connection(), from, to).await;
    }
    let sql = if has_constraint(manager, of, from).await? {
        format!(r#"ALTER TABLE public."{of}" RENAME CONSTRAINT "{from}" TO "{to}""#)
    } else {
        format!(r#"ALTER INDEX IF EXISTS public."{from}" RENAME TO "{to}""#)
    };
    manager.get_connection().execute_unprepared(&sql).await?;
    Ok(())
}

fn table_name(table: &TableRef) -> String {
    match table {
        TableRef::Table(name, _) => name.1.to_string(),
        _ => String::new(),
    }
}

async fn has_constraint(manager: &SchemaManager<'_>, of: &str, name: &str) -> Result<bool, DbErr> {
    let sql = format!(
        "SELECT 1 FROM pg_constraint WHERE conname = '{name}' \
         AND conrelid = to_regclass('public.\"{of}\"')"
    );
    has_row(manager, &sql).await
}

/// Lets a table that is there refer to another one, unless it does already.
///
/// # Errors
/// Where a row refers to none.
pub async fn add_foreign_key(
    manager: &SchemaManager<'_>,
    mut key: ForeignKeyCreateStatement,
) -> Result<(), DbErr> {
    if is_postgres(manager) {
        let of = key.get_foreign_key().get_table().map(table_name);
        let name = key.get_foreign_key().get_name().unwrap_or_default();
        if has_constraint(manager, &of.unwrap_or_default(), name).await? {
            return Ok(());
        }
        return manager.create_foreign_key(key).await;
    }
    sqlite::add_foreign_key(manager.get_connection(), &mut key).await
}

/// Drops the foreign key of these columns, whatever it is called.
///
/// # Errors
/// Where a database in SQLite has it in a form that cannot be taken out.
pub async fn drop_foreign_key(
    manager: &SchemaManager<'_>,
    of: &'static str,
    columns: &[&'static str],
) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    if !is_postgres(manager) {
        return sqlite::drop_foreign_key(connection, of, columns).await;
    }
    let sql = format!(
        "SELECT conname::text FROM pg_constraint WHERE contype = 'f' \
         AND conrelid = 'public.\"{of}\"'::regclass AND ARRAY['{}'] = ARRAY(SELECT attname::text \
         FROM unnest(conkey) WITH ORDINALITY k(attnum, place) JOIN pg_attribute a \
         ON a.attrelid = conrelid AND a.attnum = k.attnum ORDER BY place)",
        columns.join("', '")
    );
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    for row in connection.query_all_raw(statement).await? {
        let name: String = row.try_get_by_index(0)?;
        let sql = format!(r#"ALTER TABLE public."{of}" DROP CONSTRAINT "{name}""#);
        connection.execute_unprepared(&sql).await?;
    }
    Ok(())
}

/// Adds a column in which the rows that are there have `value`, whatever its default is; where it is
/// there already, it keeps its values.
///
/// # Errors
/// Where the value does not fit.
pub async fn add_filled_column(
    manager: &SchemaManager<'_>,
    of: &'static str,
    column: ColumnDef,
    value: impl Into<Expr>,
) -> Result<(), DbErr> {
    // As a default for as long as this takes: an update would set off triggers for each row.
    let mut value = value.into();
    if !is_postgres(manager) && !matches!(value, Expr::Value(_) | Expr::Constant(_)) {
        // SQLite adds no column with a default that is not constant.
        let connection = manager.get_connection();
        let row = connection
            .query_one(&Query::select().expr(value).take())
            .await?;
        let text: Option<String> = row.map(|row| row.try_get_by_index(0)).transpose()?;
        value = Expr::val(text);
    }
    let filled = column.clone().default(value).take();
    let mut alter = Table::alter();
    alter
        .table(table(manager, of))
        .add_column_if_not_exists(filled);
    manager.alter_table(alter).await?;
    change_column(manager, of, column).await
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
        // Written out, for a bound text is not taken for JSON.
        let sql = if is_postgres(manager) {
            fill.to_string(PostgresQueryBuilder)
        } else {
            fill.to_string(SqliteQueryBuilder)
        };
        connection.execute_unprepared(&sql).await?;
    }
    if is_postgres(manager) {
        if spec.nullable.is_none() {
            column.null();
        }
        // Its default may be one that its new type cannot have.
        let sql = format!(r#"ALTER TABLE public."{of}" ALTER COLUMN "{name}" DROP DEFAULT"#);
        connection.execute_unprepared(&sql).await?;
        let mut alter = Table::alter();
        alter.table(table(manager, of)).modify_column(column);
        return manager.alter_table(alter).await;
    }
    // What PostgreSQL sees to by itself.
    let unfit = |condition: &str| format!(r#"SELECT 1 FROM "{of}" WHERE {condition} LIMIT 1"#);
    if not_null && has_row(manager, &unfit(&format!(r#""{name}" IS NULL"#))).await? {
        return Err(DbErr::Migration(format!(
            "{of}.{name} is null in some rows"
        )));
    }
    let outside = match column.get_column_type() {
        Some(ColumnType::Char(Some(most)) | ColumnType::String(StringLen::N(most))) => {
            format!(r#"length("{name}") > {most}"#)
        }
        Some(ColumnType::SmallInteger) => format!(r#""{name}" NOT BETWEEN -32768 AND 32767"#),
        Some(ColumnType::Integer) => {
            format!(r#""{name}" NOT BETWEEN -2147483648 AND 2147483647"#)
        }
        _ => "false".to_owned(),
    };
    if has_row(manager, &unfit(&outside)).await? {
        return Err(DbErr::Migration(format!(
            "{of}.{name} has values that do not fit any longer"
        )));
    }
    sqlite::change_column(connection, of, &column).await
}
