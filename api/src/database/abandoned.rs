//! Statements whose callers have gone away, on PostgreSQL: they are ended, and not waited for.
//!
//! The driver has no way to cancel a statement, and waits for its end before the next user gets the
//! connection. So the connection is closed, and PostgreSQL told to look after closed connections while
//! it works. A cancel request by process id would be wrong behind a pooler, which lends processes.

use std::time::Duration;

use sea_orm::sqlx::{self, Connection, PgConnection};
use tokio::time::timeout;

use super::outage::answers;

/// How long the rest of an answer that is not wanted any more is waited for: most statements end
/// sooner than a new connection is made.
const REST: Duration = Duration::from_millis(50);

/// Has PostgreSQL notice within half a second that a connection is closed under a statement; there is
/// such a setting since version 14, on systems that can tell.
pub(super) const NOTICE: &str = "SELECT set_config('client_connection_check_interval', '500ms', false) \
     WHERE current_setting('client_connection_check_interval', true) IS NOT NULL \
     AND version() !~* 'windows|mingw|visual c|msvc'";

/// Called with each connection that comes back: says whether it is kept. One that still has a
/// statement to finish, or is silent, is closed.
pub(super) async fn end(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    // Ready at once, and without a word to the server, where nothing is to come.
    let Ok(flushed) = timeout(REST, connection.flush()).await else {
        return Ok(false);
    };
    flushed?;
    // The pool asks next, and waits for an answer without an end (`return_to_pool` of sqlx 0.9.0).
    Ok(answers(connection).await)
}
