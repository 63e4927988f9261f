//! What the database refused: what of it passes, and which rule of the shop it stands for.

use sea_orm::{DbErr, SqlErr, SqlxError, sqlx::postgres::PgDatabaseError};
use uuid::Uuid;

use super::{Code, Error, SOON};
use crate::database::{is_loss, is_unknown, sqlx_error};

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        let message = match &error {
            error if is_unknown(error) => {
                "The connection to the database was lost while it wrote: look whether it has, before you try again."
            }
            DbErr::ConnectionAcquire(_) => "The server is too busy; try again in a moment.",
            error if is_passing(error) => {
                "The database does not answer as it should; try again in a moment."
            }
            _ => return Self::internal(error),
        };
        let may_be_done = is_unknown(&error);
        let told = if is_loss(&error) {
            // The log has told of it, once for all requests that met it.
            let id = Uuid::new_v4();
            tracing::debug!(%id, cause = %error, "a request met a lost connection");
            Self::identified(id, Code::Unavailable, message)
        } else {
            Self::masked(Code::Unavailable, message, error)
        };
        if may_be_done {
            told
        } else {
            told.again_in(SOON)
        }
    }
}

/// Whether the same statement may succeed in a moment: there is no connection, the server shuts
/// down, has no resources left or takes no writes, somebody else holds a lock, the statement took too
/// long.
fn is_passing(error: &DbErr) -> bool {
    if matches!(error, DbErr::Conn(_)) {
        return true;
    }
    match sqlx_error(error) {
        Some(SqlxError::Io(_) | SqlxError::PoolTimedOut | SqlxError::PoolClosed) => true,
        Some(SqlxError::Database(error)) => error.code().is_some_and(|code| {
            // PostgreSQL's codes and classes of codes (appendix A of its manual); SQLITE_BUSY,
            // SQLITE_LOCKED and SQLITE_INTERRUPT, which have their varieties in the higher bytes.
            [
                "08", "25006", "40001", "40P01", "53", "55P03", "57014", "57P",
            ]
            .iter()
            .any(|class| code.len() == 5 && code.starts_with(class))
                || (code.parse::<u32>()).is_ok_and(|code| {
                    code.to_string().len() < 5 && matches!(code & 0xff, 5 | 6 | 9)
                })
        }),
        _ => false,
    }
}

/// A constraint of the shop's tables that a person's input can violate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Constraint {
    /// `customers_email_unique`, or its case-insensitive companion.
    CustomerEmail,
    /// `tickets_customer_id_customers_id_fk`, from either side.
    TicketCustomer,
}

/// Which of the known constraints made the database refuse a statement.
pub(crate) fn violated(error: &DbErr) -> Option<Constraint> {
    let database = sqlx_error(error)?.as_database_error()?;
    // Of tables that were adopted, the index over addresses is an exclusion constraint; on SQLite a
    // trigger may have to stand in for it.
    let excluded = database
        .code()
        .is_some_and(|code| code == "23P01" || code == "1811")
        && [
            database.constraint().unwrap_or_default(),
            database.message(),
        ]
        .iter()
        .any(|said| said.contains("customers_email_lower"));
    if excluded {
        return Some(Constraint::CustomerEmail);
    }
    // Tables that others made may have other names for them.
    if let Some(refused) = database.try_downcast_ref::<PgDatabaseError>() {
        let key = refused.detail().and_then(|said| said.split(")=(").next());
        return match (refused.code(), refused.table()) {
            ("23505", Some("customers")) => key
                .unwrap_or(refused.constraint().unwrap_or_default())
                .contains("email")
                .then_some(Constraint::CustomerEmail),
            // Of RESTRICT, PostgreSQL 18 says 23001.
            ("23503" | "23001", Some("tickets")) => Some(Constraint::TicketCustomer),
            _ => None,
        };
    }
    match (error.sql_err()?, database.constraint()) {
        // SQLite names the columns, or the index, in its message alone.
        (SqlErr::UniqueConstraintViolation(_), None) => ["customers.email", "customers_email"]
            .iter()
            .any(|name| database.message().contains(name))
            .then_some(Constraint::CustomerEmail),
        // SQLite does not name a foreign key; the shop's tables have this one.
        (SqlErr::ForeignKeyConstraintViolation(_), None) => Some(Constraint::TicketCustomer),
        _ => None,
    }
}
