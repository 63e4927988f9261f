//! Statements whose callers have gone away, on PostgreSQL: they are ended, and not waited for.
//!
//! The driver has no way to cancel a statement, and waits for its end before the next user gets the
//! connection. So the connection is closed, and PostgreSQL told to look after closed connections while
//! it works. A cancel request by process id would be wrong behind a pooler, which lends processes.

use std::time::Duration;

use sea_orm::sqlx::{
    self, Connection, Executor, PgConnection, Postgres, Row, pool::PoolConnection,
};
use tokio::time::timeout;

/// How long the rest of an answer that is not wanted any more is waited for: most statements end
/// sooner than a new connection is made.
const REST: Duration = Duration::from_millis(50);
/// How long a connection that has come back may be silent.
const ANSWER: Duration = Duration::from_secs(1);

/// Has PostgreSQL notice within half a second that a connection is closed under a statement; there is
/// such a setting since version 14, on systems that can tell.
pub(super) const NOTICE: &str = "SELECT set_config('client_connection_check_interval', '500ms', false) \
     WHERE current_setting('client_connection_check_interval', true) IS NOT NULL \
     AND version() !~* 'windows|mingw|visual c|msvc'";

/// Gives a connection back to the pool whose statement failed, or was abandoned; closes one that still
/// has something to say.
pub(super) async fn end(mut connection: PoolConnection<Postgres>) {
    if !matches!(timeout(REST, connection.flush()).await, Ok(Ok(()))) {
        // Without a farewell, which over TLS waits for an answer (sqlx 0.9.0): so PostgreSQL notices.
        drop(connection.detach());
    }
}

/// Called with each connection that comes back to the pool: says whether it is kept. One that still
/// has a statement to finish, or is silent, is closed; over TLS the pool's farewell to a silent one, which
/// can be a transaction's alone, ends with the network's patience.
pub(super) async fn is_done(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    // Ready at once, and without a word to the server, where nothing is to come.
    let Ok(flushed) = timeout(REST, connection.flush()).await else {
        return Ok(false);
    };
    flushed?;
    // The pool asks next, and waits for an answer without an end (`return_to_pool` of sqlx 0.9.0).
    // This is true but in a transaction: the driver does not know of one whose BEGIN was abandoned.
    let asked = connection.fetch_one(sqlx::raw_sql("SELECT now() = statement_timestamp()"));
    Ok(match timeout(ANSWER, asked).await {
        Ok(Ok(row)) => row.try_get(0).unwrap_or(false),
        _ => false,
    })
}
