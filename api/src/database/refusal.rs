//! Why there is no connection, in one line that says what to do about it. Knows each way in which a
//! database refuses, and nothing of what a connection is for.

use std::{fmt, io::ErrorKind};

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

impl ConnectError {
    /// The same of a URL that another variable has.
    pub(super) fn of(self, variable: &str) -> Self {
        Self(self.0.replace("DATABASE_URL", variable))
    }
}

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
                "the PostgreSQL server at {at} has no TLS: turn its ssl on, or write sslmode=disable into DATABASE_URL if nobody can listen in between"
            )
        }
        (sqlx::Error::Io(cause), _) if cause.kind() == ErrorKind::InvalidData => {
            return untrusted(options, &one_line(cause));
        }
        (sqlx::Error::Io(cause), _) => return unreachable(options, &one_line(cause)),
        _ => return unreachable(options, &one_line(error)),
    })
}

/// Where the server's TLS is not what we asked for; `why` is in the words of rustls.
fn untrusted(options: &PgConnectOptions, why: &str) -> ConnectError {
    let at = place(options);
    ConnectError(if why.contains("UnknownIssuer") {
        format!(
            "the certificate of the PostgreSQL server at {at} is not of an authority that we trust: \
             name the file of its authority's certificate with sslrootcert in DATABASE_URL"
        )
    } else if why.contains("not valid for name") {
        let host = options.get_host();
        format!(
            "the certificate of the PostgreSQL server at {at} is for another name than {host}: \
             write the name that it is for into DATABASE_URL, or sslmode=verify-ca for any"
        )
    } else {
        format!("the TLS of the PostgreSQL server at {at} is refused ({why}): correct it there")
    })
}

/// Where a pooler would run statements on connections that have not prepared them.
pub(super) fn unprepared(options: &PgConnectOptions) -> ConnectError {
    let at = place(options);
    ConnectError(format!(
        "the pooler at {at} does not keep prepared statements: set its max_prepared_statements \
         (PgBouncer 1.21 or newer), or write the address of PostgreSQL itself into DATABASE_URL"
    ))
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
        None if options.get_host().contains(':') => format!("[{}]:{port}", options.get_host()),
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

pub(crate) fn sqlx_error(error: &DbErr) -> Option<&sqlx::Error> {
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
