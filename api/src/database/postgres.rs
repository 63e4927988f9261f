//! PostgreSQL: one pool, the settings of its sessions, and when its connections are closed.

use std::{
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use sea_orm::sqlx::{
    self, ConnectOptions as _, Connection, Executor, PgConnection, postgres::PgConnectOptions,
};

use super::{
    ACQUIRE_TIMEOUT, ConnectError, Database,
    address::{redacted, without_channel_binding},
    pool,
    refusal::{one_line, postgres_refused, sqlx_error, unreachable},
};

/// How long a connection to PostgreSQL stays open that nobody uses, at most one and a half times.
const UNUSED: Duration = Duration::from_mins(1);

pub(super) async fn connect(
    url: &str,
    max_connections: Option<u32>,
) -> Result<Database, ConnectError> {
    let options = PgConnectOptions::from_str(&without_channel_binding(url)).map_err(|_| {
        ConnectError(format!(
            "DATABASE_URL is {}: it cannot be understood; write postgres://user:password@host:5432/name, \
             with %40 for an @ in the password",
            redacted(url)
        ))
    })?;
    let options = options
        .application_name("repairshop")
        .disable_statement_logging();

    // The pool would try a refused connection again until its time is up, and then only say so.
    let probe = tokio::time::timeout(ACQUIRE_TIMEOUT, PgConnection::connect_with(&options));
    match probe.await {
        Ok(Ok(connection)) => drop(connection.close().await),
        Ok(Err(error)) => return Err(postgres_refused(&options, &error)),
        Err(_) => return Err(unreachable(&options, "it does not answer")),
    }

    let failed = options.clone();
    let use_of = Arc::new(Use::default());
    let seen = Arc::clone(&use_of);
    // The URL is only for SeaORM to choose the driver by: the options are already made.
    let mut pool = pool("postgres://localhost", max_connections);
    pool.map_sqlx_postgres_opts(move |_| options.clone())
        .map_sqlx_postgres_pool_opts(|pool| {
            // In a statement, for a pooler in between refuses most start-up parameters. The third
            // guard against a transaction that nobody ends, a ROLLBACK in `after_release`, would
            // cost each read a round trip: mutations run in tasks that no client can cancel.
            pool.after_connect(|connection, _| {
                Box::pin(async move {
                    let session = "SET TimeZone = 'UTC'; \
                                   SET idle_in_transaction_session_timeout = '10s'; \
                                   SET statement_timeout = '30s'; \
                                   SET lock_timeout = '2s'";
                    connection.execute(session).await.map(drop)
                })
            })
        })
        .map_sqlx_postgres_before_acquire(move |_, _| {
            seen.now();
            Box::pin(async { Ok(true) })
        })
        .test_before_acquire_if_idle_for(Duration::from_secs(30));
    let both =
        sea_orm::Database::connect(pool)
            .await
            .map_err(|error| match sqlx_error(&error) {
                Some(error) => postgres_refused(&failed, error),
                None => unreachable(&failed, &one_line(&error)),
            })?;
    tokio::spawn(close_unused(
        both.get_postgres_connection_pool().clone(),
        use_of,
    ));
    Ok(Database {
        read: both.clone(),
        write: both,
    })
}

/// When a connection was last asked for.
struct Use {
    since: Instant,
    /// Seconds after `since`.
    last: AtomicU64,
}

impl Default for Use {
    fn default() -> Self {
        Self {
            since: Instant::now(),
            last: AtomicU64::new(0),
        }
    }
}

impl Use {
    fn now(&self) {
        (self.last).store(self.since.elapsed().as_secs(), Ordering::Relaxed);
    }

    fn ago(&self) -> Duration {
        let last = Duration::from_secs(self.last.load(Ordering::Relaxed));
        self.since.elapsed().saturating_sub(last)
    }
}

/// Closes the connections once nobody has asked for one for a while: Neon sleeps after five minutes
/// without any, and a connection from before that is dead.
async fn close_unused(pool: sqlx::PgPool, use_of: Arc<Use>) {
    while !pool.is_closed() {
        tokio::time::sleep(UNUSED / 2).await;
        if use_of.ago() >= UNUSED {
            while let Some(connection) = pool.try_acquire() {
                let _ = connection.close().await;
            }
        }
    }
}
