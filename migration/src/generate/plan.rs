//! What has to be done to tables so that they are as expected, and what is not done, and why.

use super::{change::Change, code::unwritable, columns::Columns, sources::Source};
use crate::tables::{Column, ForeignKey, Index, Table};

/// Steps in an order in which they can be done, and what to know of them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    pub(super) changes: Vec<Change>,
    pub(super) notes: Vec<String>,
}

/// What stands on a table, by the catalog: an index, or a trigger in SQLite.
#[derive(Debug)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) table: String,
    pub(super) sql: String,
}

impl User {
    pub(super) fn needs(&self, table: &str, column: &str) -> bool {
        let mut words = (self.sql).split(|it: char| !it.is_alphanumeric() && it != '_');
        self.table == table && words.any(|word| word == column)
    }
}

/// What takes the tables `live` to what is `expected`, where nothing that `users` and `sources` tell
/// of is in the way.
///
/// # Errors
/// Says of each thing that cannot be done safely why not.
pub(super) fn plan(
    expected: &[Table],
    live: &[Table],
    users: &[User],
    sources: &[Source],
) -> Result<Plan, String> {
    let mut planner = Planner {
        users,
        sources,
        renamed: renamed(expected, live),
        changes: Vec::new(),
        notes: Vec::new(),
        refused: Vec::new(),
    };
    let find = |all: &[Table], name: &str| all.iter().find(|it| it.name == name).cloned();
    let mut new = Vec::new();
    for table in expected {
        for key in &table.foreign_keys {
            if find(expected, &key.to).is_none() {
                planner.refused.push(format!(
                    "{}.{}: no entity has the table {}; is it in entity::definitions?",
                    table.name,
                    key.columns.join(", "),
                    key.to
                ));
            }
        }
        match find(live, &table.name) {
            Some(found) => planner.table(table, &found),
            None => new.push(table.clone()),
        }
    }
    let gone = live
        .iter()
        .filter(|it| find(expected, &it.name).is_none())
        .cloned()
        .collect::<Vec<_>>();
    planner.tables(new, gone);
    planner.changes.sort_by_key(Change::place);
    let inverses: Vec<Change> = planner.changes.iter().map(Change::inverse).collect();
    for change in planner.changes.iter().chain(&inverses) {
        planner.refused.extend(unwritable(change));
    }
    let mut reasons: Vec<String> = Vec::new();
    for reason in planner.refused {
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    if !reasons.is_empty() {
        return Err(reasons.join("; "));
    }
    Ok(Plan {
        changes: planner.changes,
        notes: planner.notes,
    })
}

/// Table, old name and new name of each column that is to have another.
fn renamed(expected: &[Table], live: &[Table]) -> Vec<(String, String, String)> {
    let mut all = Vec::new();
    for table in expected {
        let Some(found) = live.iter().find(|it| it.name == table.name) else {
            continue;
        };
        for column in &table.columns {
            let before = column.renamed_from.as_ref();
            let before = before.filter(|_| found.column(&column.name).is_none());
            // What has not been there, or is still wanted, has not been renamed.
            if let Some(before) = before.filter(|it| found.column(it).is_some())
                && table.column(before).is_none()
            {
                all.push((table.name.clone(), before.clone(), column.name.clone()));
            }
        }
    }
    all
}

/// Tables in an order in which each refers to those before it, and the foreign keys that have to be
/// made when all of them are there, since they go round.
fn ordered(mut tables: Vec<Table>) -> (Vec<Table>, Vec<(String, ForeignKey)>) {
    let (mut all, mut late) = (Vec::new(), Vec::new());
    while !tables.is_empty() {
        let refers = |table: &Table, key: &ForeignKey| {
            key.to != table.name && tables.iter().any(|it| it.name == key.to)
        };
        let free = |it: &Table| !it.foreign_keys.iter().any(|key| refers(it, key));
        let at = tables.iter().position(free).unwrap_or(0);
        let (away, kept) = (tables[at].foreign_keys.iter().cloned())
            .partition::<Vec<_>, _>(|key| refers(&tables[at], key));
        let mut table = tables.remove(at);
        late.extend(away.into_iter().map(|key| (table.name.clone(), key)));
        table.foreign_keys = kept;
        all.push(table);
    }
    (all, late)
}

pub(super) struct Planner<'a> {
    users: &'a [User],
    sources: &'a [Source],
    renamed: Vec<(String, String, String)>,
    pub(super) changes: Vec<Change>,
    pub(super) notes: Vec<String>,
    pub(super) refused: Vec<String>,
}

impl Planner<'_> {
    /// Tables that are there on one side alone.
    fn tables(&mut self, new: Vec<Table>, gone: Vec<Table>) {
        if !new.is_empty() && !gone.is_empty() {
            self.notes.push(
                "note: a table with another name is one removed and one added; write the migration by hand \
                 where it is to keep its rows"
                    .to_owned(),
            );
        }
        let (new, late) = ordered(new);
        self.changes
            .extend(new.into_iter().map(Change::CreateTable));
        for (table, key) in late {
            self.changes.push(Change::AddForeignKey(table, key));
        }
        for table in &gone {
            for source in self.sources.iter().filter(|it| it.needs_table(&table.name)) {
                self.refused.push(format!(
                    "{}: {} has SQL that names it; write that migration by hand",
                    table.name, source.name
                ));
            }
            let known = |name: &str| table.indexes.iter().any(|it| it.name == name);
            let users = self.users.iter();
            for user in users.filter(|it| it.table == table.name && !known(&it.name)) {
                self.refused.push(format!(
                    "{}: `down` could not bring back {}, which no entity knows; write that migration by hand",
                    table.name, user.name
                ));
            }
        }
        let (gone, late) = ordered(gone);
        for (table, key) in late {
            self.changes.push(Change::DropForeignKey(table, key));
        }
        for mut table in gone.into_iter().rev() {
            for index in &mut table.indexes {
                index.name = name(&table.name, index);
            }
            self.changes.push(Change::DropTable(table));
        }
    }

    fn table(&mut self, expected: &Table, live: &Table) {
        let table = &expected.name;
        Columns::of(expected, live).compare(self);
        self.foreign_keys(expected, live);
        self.indexes(expected, live);
        let gone = live.columns.iter().filter(|it| {
            let now = self.now(table, &it.name);
            expected.column(&now).is_none()
        });
        for column in gone.cloned().collect::<Vec<_>>() {
            self.dropped(live, &column);
        }
    }

    /// What a column will be called.
    pub(super) fn now(&self, table: &str, column: &str) -> String {
        let found = (self.renamed.iter()).find(|(of, from, _)| of == table && from == column);
        found.map_or(column, |(_, _, to)| to).to_owned()
    }

    /// What a column was called, where it is to have another name.
    pub(super) fn before(&self, table: &str, column: &str) -> Option<&str> {
        let found = (self.renamed.iter()).find(|(of, _, to)| of == table && to == column);
        found.map(|(_, from, _)| from.as_str())
    }

    /// Whether a column has values already, under whatever name.
    fn is_there(&self, live: &Table, column: &str) -> bool {
        live.column(column).is_some() || self.before(&live.name, column).is_some()
    }

    fn later_key(&self, table: &str, key: &ForeignKey) -> ForeignKey {
        let now =
            |of: &str, columns: &[String]| columns.iter().map(|it| self.now(of, it)).collect();
        ForeignKey {
            columns: now(table, &key.columns),
            to_columns: now(&key.to, &key.to_columns),
            ..key.clone()
        }
    }

    fn later_index(&self, table: &str, index: &Index) -> Index {
        Index {
            columns: index.columns.iter().map(|it| self.now(table, it)).collect(),
            ..index.clone()
        }
    }

    /// Refuses another name or type for a column that functions and triggers know as it is.
    pub(super) fn refuse_kept(&mut self, table: &str, column: &str) {
        for source in self.sources.iter().filter(|it| it.keeps(table, column)) {
            self.refused.push(format!(
                "{table}.{column}: a function or a trigger of {} names it; write that migration by hand",
                source.name
            ));
        }
    }

    fn dropped(&mut self, table: &Table, column: &Column) {
        let place = format!("{}.{}", table.name, column.name);
        if column.primary_key {
            self.refused
                .push(format!("{place}: a table keeps its primary key"));
        }
        let known: Vec<&Index> = table
            .indexes
            .iter()
            .filter(|it| it.columns.contains(&column.name))
            .collect();
        let needs = |user: &&User| {
            user.needs(&table.name, &column.name) && !known.iter().any(|it| it.name == user.name)
        };
        for user in self.users.iter().filter(needs) {
            self.refused.push(format!(
                "{place}: {} needs it, which no entity knows; write that migration by hand",
                user.name
            ));
        }
        let needs = |it: &&Source| it.needs(&table.name, &column.name);
        for source in self.sources.iter().filter(needs) {
            self.refused.push(format!(
                "{place}: {} has SQL that needs it; write that migration by hand",
                source.name
            ));
        }
        for index in &known {
            if index.name.starts_with("sqlite_autoindex") {
                self.refused.push(format!(
                    "{place}: SQLite removes no column with a unique constraint that was made with its table"
                ));
            }
            let drop = Change::DropIndex(table.name.clone(), (*index).clone());
            if !self.changes.contains(&drop) {
                self.changes.push(drop);
            }
        }
        self.notes.push(format!(
            "note: if {place} has another name now, say so in the entity: #[sea_orm(renamed_from = \"{}\")]",
            column.name
        ));
        let refers = (table.foreign_keys.iter()).any(|it| it.columns.contains(&column.name));
        if !column.nullable && column.default.is_none() {
            let alone = refers || known.iter().any(|it| it.unique && it.columns.len() == 1);
            self.notes.push(if alone {
                format!("note: `down` fails, and changes nothing, where {} has rows: no value for {place} would do", table.name)
            } else {
                format!("note: `down` brings {place} back with blank values")
            });
        }
        self.changes
            .push(Change::DropColumn(table.name.clone(), column.clone()));
    }

    fn foreign_keys(&mut self, expected: &Table, live: &Table) {
        let table = &expected.name;
        let same = |a: &ForeignKey, b: &ForeignKey| a.refers_as(b) && a.lenient == b.lenient;
        let usual = |key: &ForeignKey| {
            ForeignKey::usual_name(table, &key.columns, &key.to, &key.to_columns)
        };
        let mut changes = Vec::new();
        for key in &live.foreign_keys {
            let stays = self.later_key(table, key);
            if !expected.foreign_keys.iter().any(|it| same(it, &stays)) {
                changes.push(Change::DropForeignKey(table.clone(), key.clone()));
            } else if key.name == usual(key) && key.name != usual(&stays) {
                changes.push(Change::RenameConstraint {
                    table: table.clone(),
                    from: key.name.clone(),
                    to: usual(&stays),
                });
            }
        }
        for key in &expected.foreign_keys {
            if live
                .foreign_keys
                .iter()
                .any(|it| same(&self.later_key(table, it), key))
            {
                continue;
            }
            let columns = key.columns.join(", ");
            if key.columns.iter().all(|it| self.is_there(live, it)) {
                self.notes.push(format!(
                    "note: it fails, and changes nothing, where {table}.{columns} names no row of {}",
                    key.to
                ));
            }
            changes.push(Change::AddForeignKey(table.clone(), key.clone()));
        }
        self.changes.append(&mut changes);
    }

    fn indexes(&mut self, expected: &Table, live: &Table) {
        let table = &expected.name;
        let same = |a: &Index, b: &Index| a.unique == b.unique && a.columns == b.columns;
        let usual = |index: &Index| Index::usual_name(table, &index.columns, index.unique);
        let mut changes = Vec::new();
        for index in &live.indexes {
            let stays = self.later_index(table, index);
            // Of other names are those that migrations made by hand, which entities do not know.
            let ours = index.unique || index.name == usual(index);
            let gone = |column: &String| expected.column(column).is_none();
            if expected.indexes.iter().any(|it| same(it, &stays)) {
                let before = name(table, index);
                if before == usual(index) && before != usual(&stays) {
                    changes.push(Change::RenameConstraint {
                        table: table.clone(),
                        from: before,
                        to: usual(&stays),
                    });
                }
            } else if ours && !stays.columns.iter().any(gone) {
                if index.name.starts_with("sqlite_autoindex") {
                    let columns = index.columns.join(", ");
                    self.refused.push(format!(
                        "{table}.{columns}: SQLite removes no unique constraint that was made with its table"
                    ));
                }
                changes.push(Change::DropIndex(table.clone(), index.clone()));
            }
        }
        for index in &expected.indexes {
            if live
                .indexes
                .iter()
                .any(|it| same(&self.later_index(table, it), index))
            {
                continue;
            }
            if index.unique && index.columns.iter().all(|it| self.is_there(live, it)) {
                let columns = index.columns.join(", ");
                self.notes.push(format!(
                    "note: it fails, and changes nothing, where {table} has equal {columns}"
                ));
            }
            changes.push(Change::AddIndex(table.clone(), index.clone()));
        }
        self.changes.append(&mut changes);
    }
}

/// What an index is called where it has a name: SQLite gives none to those made with their table.
fn name(table: &str, index: &Index) -> String {
    if index.name.starts_with("sqlite_autoindex") {
        return Index::usual_name(table, &index.columns, index.unique);
    }
    index.name.clone()
}
