//! What has to be done to tables so that they are as expected, and what is not done, and why.

use std::fmt;

use crate::tables::{Column, ForeignKey, Index, Table};

/// One step; each can be turned round.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Change {
    CreateTable(Table),
    DropTable(Table),
    /// With what it refers to.
    AddColumn(String, Column, Option<ForeignKey>),
    DropColumn(String, Column, Option<ForeignKey>),
    RenameColumn {
        table: String,
        from: String,
        to: String,
    },
    AlterColumn {
        table: String,
        from: Column,
        to: Column,
    },
    AddIndex(String, Index),
    DropIndex(String, Index),
}

impl Change {
    pub(super) fn inverse(&self) -> Self {
        match self.clone() {
            Self::CreateTable(table) => Self::DropTable(table),
            Self::DropTable(table) => Self::CreateTable(table),
            Self::AddColumn(table, column, key) => Self::DropColumn(table, column, key),
            Self::DropColumn(table, column, key) => Self::AddColumn(table, column, key),
            Self::RenameColumn { table, from, to } => Self::RenameColumn {
                table,
                from: to,
                to: from,
            },
            Self::AlterColumn { table, from, to } => Self::AlterColumn {
                table,
                from: to,
                to: from,
            },
            Self::AddIndex(table, index) => Self::DropIndex(table, index),
            Self::DropIndex(table, index) => Self::AddIndex(table, index),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateTable(table) => write!(f, "adds {}", table.name),
            Self::DropTable(table) => write!(f, "removes {} WITH ALL ITS ROWS", table.name),
            Self::AddColumn(table, column, _) => {
                write!(f, "adds {table}.{}: {}", column.name, said(column))
            }
            Self::DropColumn(table, column, _) => {
                write!(f, "removes {table}.{} WITH ALL ITS VALUES", column.name)
            }
            Self::RenameColumn { table, from, to } => write!(f, "renames {table}.{from} to {to}"),
            Self::AlterColumn { table, from, to } => {
                write!(
                    f,
                    "changes {table}.{}: {}, was {}",
                    to.name,
                    said(to),
                    said(from)
                )
            }
            Self::AddIndex(table, index) => write!(f, "adds {} on {table}", index.name),
            Self::DropIndex(table, index) => write!(f, "removes {} on {table}", index.name),
        }
    }
}

fn said(column: &Column) -> String {
    let null = if column.nullable { "" } else { " not null" };
    let default = column.default.as_ref().map(|sql| format!(" default {sql}"));
    format!("{}{null}{}", column.kind, default.unwrap_or_default())
}

/// Steps in an order in which they can be done, and what to know of them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    pub(super) changes: Vec<Change>,
    pub(super) notes: Vec<String>,
}

/// What takes the tables `live` to what is `expected`. `users` are the indexes and triggers of the
/// database: name, table and text.
///
/// # Errors
/// Says of each thing that cannot be done safely why not.
pub(super) fn plan(
    expected: &[Table],
    live: &[Table],
    users: &[(String, String, String)],
) -> Result<Plan, String> {
    let mut planner = Planner {
        users,
        changes: Vec::new(),
        notes: Vec::new(),
        refused: Vec::new(),
    };
    for table in expected {
        match live.iter().find(|it| it.name == table.name) {
            Some(found) => planner.table(table, found),
            None => planner.changes.push(Change::CreateTable(table.clone())),
        }
    }
    // Backwards, for a table is made after those that it refers to.
    for table in live
        .iter()
        .rev()
        .filter(|it| !expected.iter().any(|other| other.name == it.name))
    {
        if expected
            .iter()
            .any(|it| it.foreign_keys.iter().any(|key| key.to == table.name))
        {
            planner
                .refused
                .push(format!("{}: another table refers to it still", table.name));
        }
        planner.changes.push(Change::DropTable(table.clone()));
    }
    for change in planner.changes.iter().chain(
        &planner
            .changes
            .iter()
            .map(Change::inverse)
            .collect::<Vec<_>>(),
    ) {
        if let Some(reason) = super::code::unwritable(change)
            && !planner.refused.contains(&reason)
        {
            planner.refused.push(reason);
        }
    }
    if !planner.refused.is_empty() {
        return Err(planner.refused.join("; "));
    }
    Ok(Plan {
        changes: planner.changes,
        notes: planner.notes,
    })
}

struct Planner<'a> {
    users: &'a [(String, String, String)],
    changes: Vec<Change>,
    notes: Vec<String>,
    refused: Vec<String>,
}

impl Planner<'_> {
    fn table(&mut self, expected: &Table, live: &Table) {
        let table = &expected.name;
        let key_of = |of: &Table, column: &str| {
            of.foreign_keys
                .iter()
                .find(|key| key.columns == [column])
                .cloned()
        };
        let mut kept = Vec::new();
        for column in &expected.columns {
            let before = column
                .renamed_from
                .as_ref()
                .filter(|_| live.column(&column.name).is_none());
            let before = before.and_then(|name| live.column(name));
            if let Some(before) = before {
                self.changes.push(Change::RenameColumn {
                    table: table.clone(),
                    from: before.name.clone(),
                    to: column.name.clone(),
                });
                kept.push(before.name.clone());
                let renamed = Column {
                    name: column.name.clone(),
                    ..before.clone()
                };
                self.column(table, column, &renamed);
            } else if let Some(found) = live.column(&column.name) {
                self.column(table, column, found);
                self.foreign_key(
                    table,
                    key_of(expected, &column.name),
                    key_of(live, &column.name),
                );
            } else {
                self.added(expected, column, key_of(expected, &column.name));
            }
        }
        self.indexes(expected, live);
        for column in &live.columns {
            if expected.column(&column.name).is_none() && !kept.contains(&column.name) {
                self.dropped(live, column, key_of(live, &column.name));
            }
        }
    }

    fn added(&mut self, table: &Table, column: &Column, key: Option<ForeignKey>) {
        let place = format!("{}.{}", table.name, column.name);
        let unique = table
            .indexes
            .iter()
            .any(|it| it.unique && it.columns == [column.name.as_str()]);
        if column.primary_key || column.automatic {
            self.refused
                .push(format!("{place}: a table keeps its primary key"));
        } else if !column.nullable && column.default.is_none() {
            self.refused.push(format!(
                "{place}: rows that are there would have no value; give it a default_value, or make it an Option"
            ));
        } else if column.default.as_deref() == Some("now()") {
            self.refused.push(format!(
                "{place}: SQLite adds no column with the time as its default; make it an Option without one"
            ));
        } else if unique && column.default.is_some() {
            self.refused.push(format!(
                "{place}: all rows would have the same value, and it is unique"
            ));
        } else if key.is_some() && column.default.is_some() {
            self.refused.push(format!(
                "{place}: the default would have to be a row of the other table"
            ));
        }
        self.changes
            .push(Change::AddColumn(table.name.clone(), column.clone(), key));
    }

    fn dropped(&mut self, table: &Table, column: &Column, key: Option<ForeignKey>) {
        let place = format!("{}.{}", table.name, column.name);
        if column.primary_key {
            self.refused
                .push(format!("{place}: a table keeps its primary key"));
        }
        if key.is_some() {
            self.refused.push(format!(
                "{place}: SQLite removes no column with a foreign key"
            ));
        }
        let known: Vec<&Index> = table
            .indexes
            .iter()
            .filter(|it| it.columns.contains(&column.name))
            .collect();
        for (user, of, text) in self.users {
            let words = text.split(|it: char| !it.is_alphanumeric() && it != '_');
            let names = of == &table.name && words.skip(1).any(|word| word == column.name);
            if names && !known.iter().any(|it| it.name == *user) {
                self.refused.push(format!(
                    "{place}: {user} needs it, which no entity knows; write that migration by hand"
                ));
            }
        }
        for index in known {
            if index.name.starts_with("sqlite_autoindex") {
                self.refused.push(format!(
                    "{place}: SQLite removes no column with a unique constraint"
                ));
            }
            let drop = Change::DropIndex(table.name.clone(), index.clone());
            if !self.changes.contains(&drop) {
                self.changes.push(drop);
            }
        }
        self.notes.push(format!(
            "note: if {place} has another name now, say so in the entity: #[sea_orm(renamed_from = \"{}\")]",
            column.name
        ));
        if !column.nullable && column.default.is_none() {
            self.notes.push(format!(
                "note: `down` brings {place} back with blank values"
            ));
        }
        self.changes
            .push(Change::DropColumn(table.name.clone(), column.clone(), key));
    }

    fn column(&mut self, table: &str, expected: &Column, live: &Column) {
        let place = format!("{table}.{}", expected.name);
        if expected.primary_key != live.primary_key || expected.automatic != live.automatic {
            self.refused.push(format!(
                "{place}: a table keeps its primary key, and how it is numbered"
            ));
            return;
        }
        let same = expected.kind == live.kind
            && expected.nullable == live.nullable
            && (expected.default == live.default || expected.automatic);
        if same {
            return;
        }
        if expected.primary_key {
            self.refused
                .push(format!("{place}: other tables may refer to a primary key"));
        }
        if expected.kind != live.kind && !is_wider(&live.kind, &expected.kind) {
            self.refused.push(format!(
                "{place}: values of {} may not fit into {}; add a column beside it and copy what can be kept",
                live.kind, expected.kind
            ));
        }
        if live.nullable && !expected.nullable && expected.default.is_none() {
            self.refused.push(format!(
                "{place}: rows may be null there, and it has no default to put in place"
            ));
        }
        self.changes.push(Change::AlterColumn {
            table: table.to_owned(),
            from: live.clone(),
            to: expected.clone(),
        });
    }

    fn foreign_key(&mut self, table: &str, expected: Option<ForeignKey>, live: Option<ForeignKey>) {
        let said = |key: Option<ForeignKey>| key.map(|key| (key.columns, key.to, key.to_columns));
        let (expected, live) = (said(expected), said(live));
        if expected != live
            && let Some((columns, to, _)) = expected.or(live)
        {
            let columns = columns.join(", ");
            self.refused.push(format!(
                "{table}.{columns}: SQLite changes no foreign key (to {to}) of a table that is there"
            ));
        }
    }

    fn indexes(&mut self, expected: &Table, live: &Table) {
        let table = &expected.name;
        for index in &live.indexes {
            // Of other names are those that migrations made by hand, which entities do not know.
            let ours = index.unique || index.name.starts_with("idx-");
            let same = |it: &Index| it.unique == index.unique && it.columns == index.columns;
            let gone = index.columns.iter().any(|it| expected.column(it).is_none());
            if ours && !gone && !expected.indexes.iter().any(same) {
                if index.name.starts_with("sqlite_autoindex") {
                    let columns = index.columns.join(", ");
                    self.refused.push(format!(
                        "{table}.{columns}: SQLite removes no unique constraint"
                    ));
                }
                self.changes
                    .push(Change::DropIndex(table.clone(), index.clone()));
            }
        }
        for index in &expected.indexes {
            let same = |it: &Index| it.unique == index.unique && it.columns == index.columns;
            if !live.indexes.iter().any(same) {
                if index.unique && index.columns.iter().all(|it| live.column(it).is_some()) {
                    let columns = index.columns.join(", ");
                    self.notes.push(format!(
                        "note: it fails, and changes nothing, where {table} has equal {columns}"
                    ));
                }
                self.changes
                    .push(Change::AddIndex(table.clone(), index.clone()));
            }
        }
    }
}

/// Whether each value of one type is one of the other.
fn is_wider(from: &str, to: &str) -> bool {
    let parts = |kind: &str| -> (String, Option<u32>) {
        match kind.split_once('(') {
            Some((base, length)) => (base.to_owned(), length.trim_end_matches(')').parse().ok()),
            None => (kind.to_owned(), None),
        }
    };
    let ((from, had), (to, has)) = (parts(from), parts(to));
    let integers = ["smallint", "integer", "bigint"];
    let size = |kind: &str| integers.iter().position(|it| *it == kind);
    match (from.as_str(), to.as_str()) {
        ("varchar" | "char" | "text", "text") | ("real" | "float", "double") => true,
        ("varchar" | "char" | "text", "varchar") => {
            has.is_none() || had.is_some_and(|had| Some(had) <= has)
        }
        (from, to) => matches!((size(from), size(to)), (Some(from), Some(to)) if from < to),
    }
}
