//! What a table in SQLite is said to be, said otherwise: columns and foreign keys of tables that are
//! there, as <https://sqlite.org/lang_altertable.html> has it under "Making Other Kinds Of Table Schema
//! Changes", for those that leave the rows on disk as they are.

use sea_orm_migration::{
    prelude::*,
    sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement},
};

use super::table_name;

/// Puts a column's definition in place of the one that it has.
pub(super) async fn change_column<C: ConnectionTrait>(
    connection: &C,
    of: &str,
    new: &ColumnDef,
) -> Result<(), DbErr> {
    let name = new.get_column_name();
    let old = definition(connection, "table", of).await?;
    let place = column(&old, &name).filter(|&(from, to)| {
        // What else stands there would be lost.
        let said = old[from..to].to_ascii_uppercase();
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
            "{of}.{name} cannot be changed on SQLite: make the table anew"
        )));
    };
    let mut written = String::new();
    TableBuilder::prepare_column_def(&SqliteQueryBuilder, new, &mut written);
    replace(connection, of, &old, (from, to), &written).await
}

/// Adds a foreign key behind what the table has.
pub(super) async fn add_foreign_key<C: ConnectionTrait>(
    connection: &C,
    key: &mut ForeignKeyCreateStatement,
) -> Result<(), DbErr> {
    let of = key.get_foreign_key().get_table().map(table_name);
    let (of, columns) = (
        of.unwrap_or_default(),
        key.get_foreign_key().get_columns().join(", "),
    );
    let to = key.get_foreign_key().get_ref_table().map(table_name);
    // The builder writes it within a new table alone.
    let new = Table::create()
        .table(of.clone())
        .foreign_key(key)
        .to_string(SqliteQueryBuilder);
    let written = parts(&new).pop().map(|(from, to)| &new[from..to]);
    let old = definition(connection, "table", &of).await?;
    let (Some(written), Some(to), Some((_, end))) = (written, to, parts(&old).pop()) else {
        return Err(DbErr::Migration(format!("there is no table {of}")));
    };
    replace(connection, &of, &old, (end, end), &format!(", {written}")).await?;
    let strays = format!(
        "SELECT 1 FROM pragma_foreign_key_check('{}') WHERE parent = '{}' LIMIT 1",
        of.replace('\'', "''"),
        to.replace('\'', "''"),
    );
    if connection.query_one_raw(statement(strays)).await?.is_some() {
        return Err(DbErr::Migration(format!(
            "{of}.{columns} names rows that {to} does not have"
        )));
    }
    Ok(())
}

/// Takes out the foreign key of these columns.
pub(super) async fn drop_foreign_key<C: ConnectionTrait>(
    connection: &C,
    of: &str,
    columns: &[&str],
) -> Result<(), DbErr> {
    let old = definition(connection, "table", of).await?;
    let parts = parts(&old);
    let constraint = parts.iter().position(|&(from, to)| {
        let said = &old[from..to];
        let at = said.to_ascii_uppercase().find("FOREIGN KEY");
        at.is_some_and(|at| names(&said[at..]) == columns)
    });
    let place = if let Some(at) = constraint {
        // With the comma before it.
        Some((
            at.checked_sub(1).map_or(parts[at].0, |it| parts[it].1),
            parts[at].1,
        ))
    } else if let [name] = columns {
        column(&old, name).and_then(|(from, to)| Some((from + reference(&old[from..to])?, to)))
    } else {
        None
    };
    let Some(place) = place else {
        return Err(DbErr::Migration(format!(
            "{of} has no foreign key of {} that can be taken out on SQLite: make the table anew",
            columns.join(", ")
        )));
    };
    replace(connection, of, &old, place, "").await
}

/// Makes an index anew under another name, where there is one.
pub(super) async fn rename_index<C: ConnectionTrait>(
    connection: &C,
    from: &str,
    to: &str,
) -> Result<(), DbErr> {
    let old = definition(connection, "index", from).await?;
    if let Some((verb, rest)) = old.split_once(from) {
        let new = format!("{verb}{to}{rest}");
        let drop = format!(r#"DROP INDEX "{from}""#);
        connection.execute_unprepared(&drop).await?;
        connection.execute_unprepared(&new).await?;
    }
    Ok(())
}

fn statement(sql: String) -> Statement {
    Statement::from_string(DbBackend::Sqlite, sql)
}

/// The statement that made something; nothing where it is not there.
async fn definition<C: ConnectionTrait>(
    connection: &C,
    what: &str,
    name: &str,
) -> Result<String, DbErr> {
    let name = name.replace('\'', "''");
    let sql = format!("SELECT sql FROM sqlite_master WHERE type = '{what}' AND name = '{name}'");
    let row = connection.query_one_raw(statement(sql)).await?;
    let sql: Option<Option<String>> = row.map(|row| row.try_get_by_index(0)).transpose()?;
    Ok(sql.flatten().unwrap_or_default())
}

/// Writes something else at a place of a table's statement.
async fn replace<C: ConnectionTrait>(
    connection: &C,
    of: &str,
    old: &str,
    (from, to): (usize, usize),
    new: &str,
) -> Result<(), DbErr> {
    let sql = format!("{}{new}{}", &old[..from], &old[to..]).replace('\'', "''");
    let of = of.replace('\'', "''");
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

/// From where to where each column and each constraint stands, in a statement that makes a table.
fn parts(sql: &str) -> Vec<(usize, usize)> {
    let (mut depth, mut quote, mut start) = (0, None, 0);
    let mut all = Vec::new();
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
                let part = sql[start..at].trim_start();
                let from = at - part.len();
                all.push((from, from + part.trim_end().len()));
                start = at + 1;
                if letter == ')' {
                    break;
                }
            }
            (None, ')') => depth -= 1,
            _ => {}
        }
    }
    all
}

fn column(sql: &str, name: &str) -> Option<(usize, usize)> {
    parts(sql).into_iter().find(|&(from, to)| {
        let said = &sql[from..to];
        let quoted = said.strip_prefix(['"', '`', '[']);
        let first = match quoted {
            Some(rest) => rest.split(['"', '`', ']']).next(),
            None => said.split_whitespace().next(),
        };
        first.is_some_and(|it| it.eq_ignore_ascii_case(name))
    })
}

/// The names in the first brackets.
fn names(sql: &str) -> Vec<&str> {
    let inside = sql
        .split_once('(')
        .and_then(|(_, rest)| rest.split_once(')'));
    let list = inside.map(|(list, _)| list).unwrap_or_default();
    list.split(',')
        .map(|it| it.trim().trim_matches(['"', '`', '[', ']']))
        .collect()
}

/// Where in a column's definition its foreign key begins, if nothing else follows it.
fn reference(said: &str) -> Option<usize> {
    let upper = said.to_ascii_uppercase();
    let at = upper.find(" REFERENCES ")?;
    let named = upper[..at].rfind(" CONSTRAINT ");
    // Nothing but the constraint's name stands between the two.
    let from = named.filter(|&it| upper[it..at].split_whitespace().count() == 2);
    let rest = &upper[at..];
    let more = ["NULL", "DEFAULT", "UNIQUE", "CHECK", "COLLATE", "GENERATED"];
    let last = !more
        .iter()
        .any(|it| rest.replace("SET NULL", "").contains(it));
    last.then(|| from.unwrap_or(at))
}
