//! Limits as numbers in the text of a statement.
//!
//! PostgreSQL plans a statement anew each time where its limit is a parameter, for no plan is good
//! for any limit: a third of what a page costs it. Where there is an offset, of which there are too
//! many, all are parameters.

use std::fmt::{self, Display, Write};

use sea_orm::{
    DbBackend, Statement, StatementBuilder,
    sea_query::{PostgresQueryBuilder, QueryBuilder, SelectStatement, SqlWriter, Value},
};

pub(super) fn limited(select: &SelectStatement, backend: DbBackend, offset: u64) -> Statement {
    if backend == DbBackend::Sqlite || offset > 0 {
        return StatementBuilder::build(select, &backend);
    }
    let mut limited = Limited::default();
    select.build_collect_into(PostgresQueryBuilder, &mut limited);
    Statement::from_sql_and_values(backend, limited.sql, limited.values)
}

#[derive(Default)]
struct Limited {
    sql: String,
    values: Vec<Value>,
}

impl SqlWriter for Limited {
    fn push_param<T: QueryBuilder>(&mut self, value: Value, _: &T) {
        if let Value::BigUnsigned(Some(limit)) = value
            && self.sql.ends_with(" LIMIT ")
        {
            self.sql.push_str(&limit.to_string());
        } else {
            self.values.push(value);
            self.sql.push('$');
            self.sql.push_str(&self.values.len().to_string());
        }
    }

    fn as_writer(&mut self) -> &mut dyn Write {
        self
    }
}

impl Write for Limited {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.sql.write_str(text)
    }
}

impl Display for Limited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sql)
    }
}
