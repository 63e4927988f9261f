//! Why there is no connection, in one line that says what to do about it. Knows each way in which a
//! database refuses, and nothing of what a connection is for.

use std::fmt;

use sea_orm::{
    DbErr, RuntimeErr,
    sqlx::{self, postgres::PgConnectOptions},
};

/// Why there is no connection, in one line that says what to do about it.
#[derive(Debug)]
pub struct ConnectError(pub(super) String);

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConnectError {}

pub(super) fn postgres_refused(options: &PgConnectOptions, error: &sqlx::Error) -> ConnectError {
    let user = options.get_username();
    let name = options.get_database().unwrap_or(user);
    let at = place(options);
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    ConnectError(match (error, code.as_deref()) {
        (_, Some("28P01")) => {
            format!(
                "the PostgreSQL server at {at} refuses the password of {user}: correct it in DATABASE_URL"
            )
        }
        (_, Some("28000")) => {
            format!(
                "the PostgreSQL server at {at} does not let {user} in: create the role, or allow it in pg_hba.conf"
            )
        }
        (_, Some("3D000")) => {
            format!(
                "there is no database {name} on the PostgreSQL server at {at}: create it with `createdb {name}`"
            )
        }
        (_, Some("42501")) => {
            format!("{user} may not connect to the database {name} at {at}: GRANT CONNECT to it")
        }
        (_, Some("53300")) => {
            format!(
                "the PostgreSQL server at {at} has no connection free: raise its max_connections, or lower --max-connections here"
            )
        }
        (sqlx::Error::Tls(_), _) => {
            format!(
                "the PostgreSQL server at {at} offers no TLS that we trust: check sslmode and sslrootcert in DATABASE_URL"
            )
        }
        (sqlx::Error::Io(cause), _) => return unreachable(options, &one_line(cause)),
        _ => return unreachable(options, &one_line(error)),
    })
}

pub(super) fn unreachable(options: &PgConnectOptions, why: &str) -> ConnectError {
    let at = place(options);
    ConnectError(format!(
        "no PostgreSQL server can be reached at {at} ({why}): start it, or correct DATABASE_URL"
    ))
}

fn place(options: &PgConnectOptions) -> String {
    let port = options.get_port();
    match options.get_socket() {
        Some(socket) => format!("{} (port {port})", socket.display()),
        None => format!("{}:{port}", options.get_host()),
    }
}

pub(super) fn sqlite_refused(file: &str, error: &DbErr) -> ConnectError {
    let code = sqlx_error(error)
        .and_then(sqlx::Error::as_database_error)
        .and_then(sqlx::error::DatabaseError::code)
        .and_then(|code| code.parse::<u32>().ok());
    // The low byte is the kind; the rest tells its varieties apart.
    ConnectError(match code.map(|code| code & 0xff) {
        Some(14) => format!(
            "the SQLite file {file} cannot be opened: its directory must exist and be writable; \
             create it, or choose another with DATABASE_URL"
        ),
        Some(3 | 8) => format!(
            "the SQLite file {file} cannot be written: change the permissions of it and its directory, \
             or choose another with DATABASE_URL"
        ),
        Some(26) => {
            format!("the file {file} is no SQLite database: choose another with DATABASE_URL")
        }
        Some(5 | 6) => format!(
            "the SQLite file {file} is locked by another program: stop that one, or wait for it"
        ),
        Some(13) => format!("the disk of the SQLite file {file} is full: make room there"),
        _ => format!(
            "the SQLite file {file} cannot be used ({}): repair it, or choose another with DATABASE_URL",
            one_line(error)
        ),
    })
}

pub(super) fn sqlx_error(error: &DbErr) -> Option<&sqlx::Error> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => Some(error),
        _ => None,
    }
}

/// What the database itself says of an error, in one line, for who runs the program.
#[must_use]
pub fn reason(error: &DbErr) -> String {
    let said = sqlx_error(error).and_then(sqlx::Error::as_database_error);
    said.map_or_else(|| one_line(error), |said| one_line(&said.message()))
}

pub(super) fn one_line(error: &impl fmt::Display) -> String {
    error.to_string().replace('\n', "; ")
}
