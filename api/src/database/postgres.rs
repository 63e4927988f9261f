//! PostgreSQL: how its pools are made, and the settings of their sessions; whether there is a pooler
//! in between, and what goes past it.

use std::{
    io::{self, ErrorKind},
    sync::Arc,
    time::Duration,
};

use sea_orm::{
    DatabaseConnection, DbErr,
    sqlx::{self, Connection, Executor, PgConnection, PgPool, Row, postgres::PgConnectOptions},
};
use tokio::time::timeout;

use super::{
    ACQUIRE_TIMEOUT, ConnectError, Database, Options, StatementLog, abandoned,
    address::{self, past_pooler},
    for_reading, for_writing,
    kept::Kept,
    outage::Outage,
    pool,
    readers::Readers,
    refusal::{one_line, postgres_refused, sqlx_error, unprepared, unreachable},
    replica::Replica,
    two_per_core,
    writer::Writer,
};

/// How long a database may take to wake up at the start.
const START: Duration = Duration::from_secs(10);

/// How long a statement's or a transaction's answer is waited for: longer than PostgreSQL gives a
/// statement.
const SILENCE: Duration = Duration::from_secs(35);
/// How long a replica's is: the primary can have what takes longer.
const REPLICA_SILENCE: Duration = Duration::from_secs(5);

/// In a statement, for a pooler in between refuses most start-up parameters. The third guard against
/// a transaction that nobody ends is [`abandoned::is_done`]. The page cost is that of memory and flash; by
/// that of disks, PostgreSQL's default, the planner sorts all tickets of who has very many.
const SESSION: &str = "SET TimeZone = 'UTC'; \
     SET idle_in_transaction_session_timeout = '10s'; \
     SET statement_timeout = '30s'; \
     SET lock_timeout = '2s'; \
     SET search_path = public; \
     SET random_page_cost = 1.1";

/// What goes to PostgreSQL itself, past any pooler: LISTEN, and migrations.
#[derive(Clone, Debug)]
pub(crate) enum Direct {
    /// There is no pooler.
    Pool,
    At(Box<PgConnectOptions>),
    /// There is a pooler, and nobody knows what is behind it.
    Unknown,
}

pub(super) async fn connect(
    options: &Options<'_>,
    log: Option<&StatementLog>,
) -> Result<Database, ConnectError> {
    let address = address::postgres(options.url)?;
    let direct = options.direct_url.map(address::postgres).transpose();
    let direct = direct.map_err(|error| error.of("DATABASE_DIRECT_URL"))?;
    let is_pooled = match probe(&address).await {
        Ok(Some(is_pooled)) => is_pooled,
        Ok(None) => return Err(unprepared(&address)),
        Err(error) => return Err(postgres_refused(&address, &error)),
    };
    let direct = match direct.or_else(|| past_pooler(&address)) {
        Some(direct) => Direct::At(Box::new(direct)),
        None if is_pooled => Direct::Unknown,
        None => Direct::Pool,
    };
    let outage = Arc::new(Outage::new("the database"));
    let way = Way {
        is_pooled,
        is_lazy: false,
        acquire_timeout: ACQUIRE_TIMEOUT,
        silence: SILENCE,
    };
    let db = open(address.clone(), way, options, log, &outage).await;
    let db = db.map_err(|error| refused(&address, &error))?;
    if is_pooled {
        warn_of_locks(db.pool()).await;
    }
    Ok(Database {
        read: db.part(for_reading).into(),
        write: db.part(for_writing).into(),
        direct,
        readers: Readers::default(),
        writer: Writer::default(),
    })
}

/// Behind a pooler, where sessions are not ours to set, a row that somebody locks would hold writes
/// for ever; the role's own settings do it there.
async fn warn_of_locks(pool: &PgPool) {
    let shown = pool.fetch_one(sqlx::raw_sql(
        "SELECT current_setting('lock_timeout'), quote_ident(current_user)",
    ));
    let Ok(row) = shown.await else { return };
    let (Ok(limit), Ok(role)) = (row.try_get::<String, _>(0), row.try_get::<String, _>(1)) else {
        return;
    };
    if limit == "0" {
        tracing::warn!(
            "behind the pooler nothing limits how long a write waits for a lock: \
             ALTER ROLE {role} SET lock_timeout = '2s'; ALTER ROLE {role} SET statement_timeout = '30s'; \
             ALTER ROLE {role} SET idle_in_transaction_session_timeout = '10s'"
        );
    }
}

/// The database with a replica for the queries.
pub(super) async fn with_replica(
    database: Database,
    options: &Options<'_>,
    url: &str,
    log: Option<&StatementLog>,
) -> Result<Database, ConnectError> {
    let variable = |error: ConnectError| error.of("DATABASE_REPLICA_URL");
    let address = address::postgres(url).map_err(variable)?;
    let is_pooled = match probe(&address).await {
        Ok(Some(is_pooled)) => is_pooled,
        Ok(None) => return Err(variable(unprepared(&address))),
        // It may be away: nobody can look whether there is a pooler.
        Err(_) => past_pooler(&address).is_some(),
    };
    let way = Way {
        is_pooled,
        is_lazy: true,
        // The primary can have what the replica is too busy for.
        acquire_timeout: ACQUIRE_TIMEOUT / 3,
        silence: REPLICA_SILENCE,
    };
    let outage = Arc::new(Outage::new("the replica"));
    let refused = |error| variable(refused(&address, &error));
    // It has nothing but queries.
    let options = Options {
        max_connections: options.max_connections.or_else(|| Some(two_per_core())),
        ..options.clone()
    };
    let db = open(address.clone(), way, &options, log, &outage).await;
    let replica = Replica::attend(db.map_err(refused)?).await;
    let read = database.read.behind(replica.map_err(refused)?);
    Ok(Database { read, ..database })
}

/// A pool of one connection, for migrations.
pub(super) async fn past(direct: &PgConnectOptions) -> Result<DatabaseConnection, ConnectError> {
    let way = Way {
        is_pooled: false,
        is_lazy: false,
        acquire_timeout: ACQUIRE_TIMEOUT,
        silence: SILENCE,
    };
    let options = Options {
        max_connections: Some(1),
        ..Options::new("")
    };
    let outage = Arc::new(Outage::new("the database"));
    let db = open(direct.clone(), way, &options, None, &outage).await;
    match db {
        Ok(db) => Ok(db.given_back().clone()),
        Err(error) => Err(refused(direct, &error).of("DATABASE_DIRECT_URL")),
    }
}

fn refused(address: &PgConnectOptions, error: &DbErr) -> ConnectError {
    match sqlx_error(error) {
        Some(error) => postgres_refused(address, error),
        None => unreachable(address, &one_line(error)),
    }
}

/// Connects once, for the pool would try a refused connection again until its time is up, and then
/// only say so. Whether there is a pooler in between that shares its connections; none where it is
/// one that we cannot use.
async fn probe(address: &PgConnectOptions) -> Result<Option<bool>, sqlx::Error> {
    let probe = async {
        let mut one = PgConnection::connect_with(address).await?;
        let mut other = PgConnection::connect_with(address).await?;
        let is_pooled = is_shared(&mut one, &mut other).await?;
        let keeps = !is_pooled || keeps_prepared(&mut one, &mut other).await?;
        let _ = one.close().await;
        let _ = other.close().await;
        Ok(keeps.then(|| is_pooled || past_pooler(address).is_some()))
    };
    let silence = |_| sqlx::Error::Io(io::Error::new(ErrorKind::TimedOut, "it does not answer"));
    timeout(START, probe).await.map_err(silence)?
}

/// Whether two connections that are open at the same time are served by the same process, or one by
/// several.
async fn is_shared(one: &mut PgConnection, other: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let first = process(one).await?;
    let second = process(other).await?;
    Ok(first == second || first != process(one).await?)
}

async fn process(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    let row = connection
        .fetch_one(sqlx::raw_sql("SELECT pg_backend_pid()"))
        .await?;
    row.try_get(0)
}

/// Whether two connections may give the same name to different statements, as the driver does.
async fn keeps_prepared(
    one: &mut PgConnection,
    other: &mut PgConnection,
) -> Result<bool, sqlx::Error> {
    for (connection, sql) in [(one, "SELECT 1"), (other, "SELECT 2")] {
        match connection.fetch_one(sqlx::query(sql)).await {
            // Something of that name is there already, or nothing is any more.
            Err(sqlx::Error::Database(error))
                if matches!(error.code().as_deref(), Some("42P05" | "26000")) =>
            {
                return Ok(false);
            }
            done => drop(done?),
        }
    }
    Ok(true)
}

/// How a pool is made.
#[derive(Clone, Copy)]
struct Way {
    is_pooled: bool,
    is_lazy: bool,
    acquire_timeout: Duration,
    silence: Duration,
}

async fn open(
    address: PgConnectOptions,
    way: Way,
    options: &Options<'_>,
    log: Option<&StatementLog>,
    outage: &Arc<Outage>,
) -> Result<Kept, DbErr> {
    // The URL is only for SeaORM to choose the driver by: the options are already made.
    let connections = options
        .max_connections
        .unwrap_or_else(|| 2 * two_per_core());
    let mut pool = pool("postgres://localhost", connections);
    let watched = Arc::clone(outage);
    pool.map_sqlx_postgres_opts(move |_| address.clone())
        .connect_lazy(way.is_lazy)
        .acquire_timeout(way.acquire_timeout)
        .test_before_acquire(false)
        .map_sqlx_postgres_before_acquire(move |connection, idle| {
            let outage = Arc::clone(&watched);
            Box::pin(async move { Ok(outage.is_usable(connection, idle.age, idle.idle_for).await) })
        });
    pool.map_sqlx_postgres_pool_opts(move |pool| {
        let pool = pool.after_release(|connection, _| Box::pin(abandoned::is_done(connection)));
        // Behind a pooler, the session belongs to others, too.
        if way.is_pooled {
            return pool;
        }
        pool.after_connect(|connection, _| {
            Box::pin(async move {
                connection.execute(SESSION).await?;
                connection.execute(abandoned::NOTICE).await.map(drop)
            })
        })
    });
    let mut db = sea_orm::Database::connect(pool).await?;
    if let Some(log) = log.cloned() {
        db.set_metric_callback(move |info| log(info));
    }
    Ok(Kept::new(
        db,
        Arc::clone(outage),
        log.cloned(),
        way.silence,
        options.unused,
    ))
}
