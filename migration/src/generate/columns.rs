//! The columns of a table that is there: which are new, and which are to be otherwise.

use super::{change::Change, plan::Planner};
use crate::tables::{Column, Table};

pub(super) struct Columns<'a> {
    expected: &'a Table,
    live: &'a Table,
}

impl<'a> Columns<'a> {
    pub(super) const fn of(expected: &'a Table, live: &'a Table) -> Self {
        Self { expected, live }
    }

    pub(super) fn compare(&self, planner: &mut Planner<'_>) {
        let table = &self.expected.name;
        for column in &self.expected.columns {
            if let Some(before) = planner.before(table, &column.name).map(ToOwned::to_owned) {
                planner.refuse_kept(table, &before);
                planner.changes.push(Change::RenameColumn {
                    table: table.clone(),
                    from: before.clone(),
                    to: column.name.clone(),
                });
                if let Some(found) = self.live.column(&before) {
                    let renamed = Column {
                        name: column.name.clone(),
                        ..found.clone()
                    };
                    self.changed(planner, column, &renamed);
                }
            } else if let Some(found) = self.live.column(&column.name) {
                self.changed(planner, column, found);
            } else {
                self.added(planner, column);
            }
        }
    }

    fn added(&self, planner: &mut Planner<'_>, column: &Column) {
        let table = self.expected;
        let place = format!("{}.{}", table.name, column.name);
        let alone = [column.name.as_str()];
        let unique = (table.indexes.iter()).any(|it| it.unique && it.columns == alone);
        let refers = table.foreign_keys.iter().any(|it| it.columns == alone);
        let reason = if column.primary_key || column.automatic {
            Some("a table keeps its primary key")
        } else if !column.nullable && column.default.is_none() {
            Some(
                "rows that are there would have no value; give it a default_value, or make it an Option",
            )
        } else if unique && column.default.is_some() {
            Some("all rows would have the same value, and it is unique")
        } else if refers && column.default.is_some() {
            Some("the default would have to be a row of the other table")
        } else {
            None
        };
        planner
            .refused
            .extend(reason.map(|reason| format!("{place}: {reason}")));
        planner
            .changes
            .push(Change::AddColumn(table.name.clone(), column.clone()));
    }

    fn changed(&self, planner: &mut Planner<'_>, expected: &Column, live: &Column) {
        let table = &self.expected.name;
        let place = format!("{table}.{}", expected.name);
        if expected.primary_key != live.primary_key || expected.automatic != live.automatic {
            planner.refused.push(format!(
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
            planner
                .refused
                .push(format!("{place}: other tables may refer to a primary key"));
        }
        if expected.kind != live.kind {
            planner.refuse_kept(table, &live.name);
        }
        if expected.kind != live.kind && !is_wider(&live.kind, &expected.kind) {
            planner.refused.push(format!(
                "{place}: values of {} may not fit into {}; add a column beside it and copy what can be kept",
                live.kind, expected.kind
            ));
        }
        if live.nullable && !expected.nullable {
            planner.notes.push(if expected.default.is_some() {
                format!(
                    "note: where {place} is null it gets the default, and keeps it after `down`"
                )
            } else {
                format!("note: it fails, and changes nothing, where {place} is null")
            });
        }
        planner.changes.push(Change::AlterColumn {
            table: table.clone(),
            from: live.clone(),
            to: expected.clone(),
        });
    }
}

/// Whether each value of one type is one of the other.
fn is_wider(from: &str, to: &str) -> bool {
    let parts = |kind: &str| -> (String, Vec<u32>) {
        let (base, rest) = kind.split_once('(').unwrap_or((kind, ""));
        let lengths = rest.trim_end_matches(')').split(',');
        let lengths = lengths.filter_map(|it| it.parse().ok()).collect();
        (base.to_owned(), lengths)
    };
    let ((from, had), (to, has)) = (parts(from), parts(to));
    let integers = ["tinyint", "smallint", "integer", "bigint"];
    let size = |kind: &str| integers.iter().position(|it| *it == kind);
    match (from.as_str(), to.as_str(), had.as_slice(), has.as_slice()) {
        // Digits, and how many of them are behind the point.
        ("numeric" | "real", "numeric" | "real", [digits, scale], [more, behind]) => {
            from == to && scale <= behind && digits - scale.min(digits) <= more - behind.min(more)
        }
        ("varchar" | "char" | "text", "text", ..)
        | ("varchar" | "char" | "text", "varchar", _, [])
        | ("real" | "float", "double", [], []) => true,
        ("varchar" | "char", "varchar", [had], [has]) => had <= has,
        (from, to, ..) => matches!((size(from), size(to)), (Some(from), Some(to)) if from < to),
    }
}
