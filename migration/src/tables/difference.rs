//! How two sets of tables differ, and what that means for a server.

use std::fmt;

use super::{Column, Table};

const A_TABLE: &str = "a table";
const NONE: &str = "none";

/// What a difference means for a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing: it knows nothing of it, and leaves it alone.
    Harmless,
    /// It runs, but some writes fail, or mean something else than they should.
    Wrong,
    /// It cannot read the shop's rows.
    Fatal,
}

impl Severity {
    /// One word, for programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Harmless => "harmless",
            Self::Wrong => "wrong",
            Self::Fatal => "fatal",
        }
    }
}

/// One thing that is not as the entities say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub severity: Severity,
    pub table: String,
    /// Of the table as a whole where there is none.
    pub column: Option<String>,
    /// `varchar(10)`.
    pub expected: String,
    /// `varchar(5)`.
    pub found: String,
    /// The command, or the statement, that puts it right, where that is one.
    pub mend: Option<String>,
}

impl Difference {
    /// Whether there is no table at all, which the first migration would make.
    #[must_use]
    pub fn is_no_table(&self) -> bool {
        self.expected == A_TABLE && self.found == NONE
    }
}

/// One line: `customers.zip_code: varchar(10) expected, varchar(5) found`.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.table)?;
        if let Some(column) = &self.column {
            write!(f, ".{column}")?;
        }
        write!(f, ": {} expected, {} found", self.expected, self.found)?;
        match &self.mend {
            Some(mend) => write!(f, "; `{mend}` mends it"),
            None => Ok(()),
        }
    }
}

/// All of them. SQLite keeps any value in any column, and so is not `typed`.
pub(super) fn differences(expected: &[Table], live: &[Table], typed: bool) -> Vec<Difference> {
    let mut all = Found {
        all: Vec::new(),
        typed,
    };
    for table in expected {
        match live.iter().find(|it| it.name == table.name) {
            Some(found) => all.table(table, found),
            None => all.add(Severity::Fatal, &table.name, None, A_TABLE, NONE),
        }
    }
    for table in live {
        if !expected.iter().any(|it| it.name == table.name) {
            all.add(Severity::Harmless, &table.name, None, "nothing", A_TABLE);
        }
    }
    all.all
}

struct Found {
    all: Vec<Difference>,
    typed: bool,
}

impl Found {
    fn add(
        &mut self,
        severity: Severity,
        table: &str,
        column: Option<&str>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) {
        self.all.push(Difference {
            severity,
            table: table.to_owned(),
            column: column.map(ToOwned::to_owned),
            expected: expected.into(),
            found: found.into(),
            mend: None,
        });
    }

    fn table(&mut self, expected: &Table, live: &Table) {
        use Severity::{Fatal, Harmless, Wrong};
        let table = expected.name.as_str();
        for privilege in &live.denied {
            let severity = if privilege.starts_with("SELECT") {
                Fatal
            } else {
                Wrong
            };
            self.add(
                severity,
                table,
                None,
                format!("the right to {privilege}"),
                "none",
            );
        }
        for column in &expected.columns {
            match live.column(&column.name) {
                Some(found) => self.column(table, column, found),
                None => self.add(Fatal, table, Some(&column.name), &column.kind, "no column"),
            }
        }
        for column in &live.columns {
            if expected.column(&column.name).is_some() {
                continue;
            }
            let (severity, found) =
                if column.nullable || column.automatic || column.default.is_some() {
                    (Harmless, column.kind.clone())
                } else {
                    // Which every insert would have to fill.
                    (Wrong, format!("{} not null without a default", column.kind))
                };
            self.add(severity, table, Some(&column.name), "no column", found);
        }
        for odd in &live.oddities {
            // One of columns that nobody here knows is as little to us as they are.
            if odd.columns.iter().any(|it| expected.column(it).is_some()) {
                let columns = odd.columns.join(", ");
                self.add(Wrong, table, Some(&columns), &odd.expected, &odd.found);
            }
        }
        self.indexes(expected, live);
        self.foreign_keys(expected, live);
    }

    fn column(&mut self, table: &str, expected: &Column, live: &Column) {
        use Severity::{Fatal, Wrong};
        let name = Some(expected.name.as_str());
        // SQLite has integers of one size.
        let size = |kind: &str| match kind {
            "bigint" if !self.typed => "integer".to_owned(),
            kind => kind.to_owned(),
        };
        if size(&expected.kind) != size(&live.kind) {
            let severity = if !self.typed || alike(&expected.kind, &live.kind) {
                Wrong
            } else {
                Fatal
            };
            self.add(severity, table, name, &expected.kind, &live.kind);
        }
        match (expected.nullable, live.nullable) {
            (false, true) => self.add(Fatal, table, name, "not null", "nullable"),
            (true, false) => self.add(Wrong, table, name, "nullable", "not null"),
            _ => {}
        }
        let default = |column: &Column| match (&column.default, column.automatic) {
            (_, true) => "a number from a sequence".to_owned(),
            (Some(sql), _) => format!("default {sql}"),
            (None, _) => "no default".to_owned(),
        };
        if default(expected) != default(live) {
            self.add(Wrong, table, name, default(expected), default(live));
        }
        if expected.primary_key != live.primary_key {
            let said = |yes| {
                if yes {
                    "the primary key"
                } else {
                    "no primary key"
                }
            };
            self.add(
                Wrong,
                table,
                name,
                said(expected.primary_key),
                said(live.primary_key),
            );
        }
    }

    fn indexes(&mut self, expected: &Table, live: &Table) {
        let table = expected.name.as_str();
        let said = |columns: &[String]| columns.join(", ");
        for index in &expected.indexes {
            let same =
                |it: &&super::Index| it.columns == index.columns && it.unique >= index.unique;
            if !live.indexes.iter().any(|it| same(&it)) {
                let what = if index.unique { "unique" } else { "an index" };
                self.add(
                    Severity::Wrong,
                    table,
                    Some(&said(&index.columns)),
                    what,
                    "none",
                );
            }
        }
        for index in live.indexes.iter().filter(|it| it.unique) {
            let primary = |column: &String| live.column(column).is_some_and(|it| it.primary_key);
            let same = |it: &super::Index| it.unique && it.columns == index.columns;
            if !expected.indexes.iter().any(same) && !index.columns.iter().any(primary) {
                self.add(
                    Severity::Wrong,
                    table,
                    Some(&said(&index.columns)),
                    "not unique",
                    "unique",
                );
            }
        }
    }

    fn foreign_keys(&mut self, expected: &Table, live: &Table) {
        let said = |key: &super::ForeignKey| {
            format!("a foreign key to {}.{}", key.to, key.to_columns.join(", "))
        };
        for key in &live.foreign_keys {
            let meant = expected.foreign_keys.iter().find(|it| it.refers_as(key));
            let Some(meant) = meant.filter(|it| it.lenient != key.lenient) else {
                continue;
            };
            let column = key.columns.join(", ");
            let with = |key: &super::ForeignKey| match &key.lenient {
                Some(how) => format!(" with {how}"),
                None => String::new(),
            };
            let expected = format!("{}{}", said(meant), with(meant));
            let found = match &key.lenient {
                Some(how) => format!("one with {how}"),
                None => "one that refuses".to_owned(),
            };
            self.add(Severity::Wrong, &live.name, Some(&column), expected, found);
        }
        for (keys, others, missing) in [
            (&expected.foreign_keys, &live.foreign_keys, true),
            (&live.foreign_keys, &expected.foreign_keys, false),
        ] {
            for key in keys
                .iter()
                .filter(|key| !others.iter().any(|it| it.refers_as(key)))
            {
                let column = Some(key.columns.join(", "));
                let none = "no foreign key".to_owned();
                let (expected, found) = if missing {
                    (said(key), none)
                } else {
                    (none, said(key))
                };
                self.add(
                    Severity::Wrong,
                    &live.name,
                    column.as_deref(),
                    expected,
                    found,
                );
            }
        }
    }
}

/// Whether values of both kinds are read the same way.
fn alike(expected: &str, found: &str) -> bool {
    let base = |kind: &str| {
        let base = kind.split('(').next().unwrap_or_default().to_owned();
        // `name` and `citext` are texts too.
        if ["varchar", "char", "text", "citext", "name"].contains(&base.as_str()) {
            "text".to_owned()
        } else {
            base
        }
    };
    base(expected) == base(found)
}
