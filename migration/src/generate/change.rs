//! One step of a migration, which can be turned round.

use std::fmt;

use crate::tables::{Column, ForeignKey, Index, Table};

/// In the order in which they are done.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Change {
    DropForeignKey(String, ForeignKey),
    DropTable(Table),
    DropIndex(String, Index),
    RenameColumn {
        table: String,
        from: String,
        to: String,
    },
    /// Of an index too.
    RenameConstraint {
        table: String,
        from: String,
        to: String,
    },
    CreateTable(Table),
    AddColumn(String, Column),
    AlterColumn {
        table: String,
        from: Column,
        to: Column,
    },
    DropColumn(String, Column),
    AddIndex(String, Index),
    AddForeignKey(String, ForeignKey),
}

impl Change {
    pub(super) fn inverse(&self) -> Self {
        match self.clone() {
            Self::DropForeignKey(table, key) => Self::AddForeignKey(table, key),
            Self::DropTable(table) => Self::CreateTable(table),
            Self::DropIndex(table, index) => Self::AddIndex(table, index),
            Self::RenameColumn { table, from, to } => Self::RenameColumn {
                table,
                from: to,
                to: from,
            },
            Self::RenameConstraint { table, from, to } => Self::RenameConstraint {
                table,
                from: to,
                to: from,
            },
            Self::CreateTable(table) => Self::DropTable(table),
            Self::AddColumn(table, column) => Self::DropColumn(table, column),
            Self::AlterColumn { table, from, to } => Self::AlterColumn {
                table,
                from: to,
                to: from,
            },
            Self::DropColumn(table, column) => Self::AddColumn(table, column),
            Self::AddIndex(table, index) => Self::DropIndex(table, index),
            Self::AddForeignKey(table, key) => Self::DropForeignKey(table, key),
        }
    }

    /// The place of its kind: what a step needs, one of a lower place has done.
    pub(super) const fn place(&self) -> u8 {
        match self {
            Self::DropForeignKey(..) => 0,
            Self::DropTable(_) => 1,
            Self::DropIndex(..) => 2,
            Self::RenameColumn { .. } => 3,
            Self::RenameConstraint { .. } => 4,
            Self::CreateTable(_) => 5,
            Self::AddColumn(..) => 6,
            Self::AlterColumn { .. } => 7,
            Self::DropColumn(..) => 8,
            Self::AddIndex(..) => 9,
            Self::AddForeignKey(..) => 10,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DropForeignKey(table, key) => write!(
                f,
                "removes the foreign key of {table}.{} to {}",
                key.columns.join(", "),
                key.to
            ),
            Self::DropTable(table) => write!(f, "removes {} WITH ALL ITS ROWS", table.name),
            Self::DropIndex(table, index) => write!(f, "removes {} on {table}", index.name),
            Self::RenameColumn { table, from, to } => write!(f, "renames {table}.{from} to {to}"),
            Self::RenameConstraint { table, from, to } => {
                write!(f, "renames {from} on {table} to {to}")
            }
            Self::CreateTable(table) => write!(f, "adds {}", table.name),
            Self::AddColumn(table, column) => {
                write!(f, "adds {table}.{}: {}", column.name, said(column))
            }
            Self::AlterColumn { table, from, to } => write!(
                f,
                "changes {table}.{}: {}, was {}",
                to.name,
                said(to),
                said(from)
            ),
            Self::DropColumn(table, column) => {
                write!(f, "removes {table}.{} WITH ALL ITS VALUES", column.name)
            }
            Self::AddIndex(table, index) => write!(f, "adds {} on {table}", index.name),
            Self::AddForeignKey(table, key) => write!(
                f,
                "adds a foreign key of {table}.{} to {}",
                key.columns.join(", "),
                key.to
            ),
        }
    }
}

fn said(column: &Column) -> String {
    let null = if column.nullable { "" } else { " not null" };
    let default = column.default.as_ref().map(|sql| format!(" default {sql}"));
    format!("{}{null}{}", column.kind, default.unwrap_or_default())
}
