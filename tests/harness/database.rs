//! A database for one test: an SQLite file, or one in the throw-away PostgreSQL.

use std::sync::atomic::{AtomicUsize, Ordering};

use migration::Command;
use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseConnection, QueryResult, Statement, TryGetableMany,
};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::postgres::Cluster;

/// The shop's tables as `drizzle-kit generate` writes them, which a test compares with what it writes.
pub(crate) const DRIZZLE: &str = include_str!("../migrations/drizzle.sql");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

pub(crate) struct TestDatabase {
    pub(crate) kind: Kind,
    pub(crate) url: String,
    place: Place,
}

enum Place {
    /// Removed when dropped.
    Directory { _dir: TempDir },
    /// By its name; removed by [`TestDatabase::remove`], at the latest with the whole cluster.
    Cluster(String),
    /// Gone with its cluster.
    Own,
}

impl TestDatabase {
    /// Without any table.
    pub(crate) async fn empty(kind: Kind) -> Self {
        match kind {
            Kind::Sqlite => {
                let dir = tempfile::tempdir().expect("a temporary directory");
                let file = dir.path().join("shop.db");
                Self {
                    kind,
                    url: format!("sqlite://{}?mode=rwc", file.display()),
                    place: Place::Directory { _dir: dir },
                }
            }
            Kind::Postgres => Self::created("TEMPLATE template0").await,
        }
    }

    /// With the shop's tables, and the customers and tickets of `fixture.sql` in them.
    pub(crate) async fn stocked(kind: Kind) -> Self {
        match kind {
            Kind::Sqlite => {
                let database = Self::empty(kind).await;
                database.stock().await;
                database
            }
            Kind::Postgres => {
                // Migrated once, then copied: a copy is several times faster.
                static TEMPLATE: OnceCell<String> = OnceCell::const_new();
                let template = TEMPLATE
                    .get_or_init(|| async {
                        let database = Self::empty(kind).await;
                        database.stock().await;
                        let Place::Cluster(name) = database.place else {
                            unreachable!("PostgreSQL's databases live in the cluster")
                        };
                        name
                    })
                    .await;
                Self::created(&format!("TEMPLATE {template}")).await
            }
        }
    }

    /// PostgreSQL: likewise, but with the tables as Drizzle makes them, and nothing of ours.
    pub(crate) async fn of_drizzle() -> Self {
        static TEMPLATE: OnceCell<String> = OnceCell::const_new();
        let template = TEMPLATE
            .get_or_init(|| async {
                let database = Self::empty(Kind::Postgres).await;
                let connection = database.connect().await;
                database.fill(&connection, DRIZZLE).await;
                connection.close().await.expect("the connection closes");
                let Place::Cluster(name) = database.place else {
                    unreachable!("PostgreSQL's databases live in the cluster")
                };
                name
            })
            .await;
        Self::created(&format!("TEMPLATE {template}")).await
    }

    /// Likewise, in a cluster that is this test's own.
    pub(crate) async fn stocked_in(cluster: &Cluster) -> Self {
        let database = Self {
            kind: Kind::Postgres,
            url: cluster.url("postgres"),
            place: Place::Own,
        };
        database.stock().await;
        database
    }

    async fn created(options: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("shop_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        administer(&format!("CREATE DATABASE {name} {options}")).await;
        Self {
            kind: Kind::Postgres,
            url: Cluster::get().url(&name),
            place: Place::Cluster(name),
        }
    }

    async fn stock(&self) {
        let connection = self.connect().await;
        migration::execute(&connection, &Command::Up { num: None })
            .await
            .expect("the migrations apply");
        self.fill(&connection, "").await;
        connection.close().await.expect("the connection closes");
    }

    /// Puts the fixture into tables that `tables` makes, where they are not there.
    async fn fill(&self, connection: &DatabaseConnection, tables: &str) {
        let mut script = tables.to_owned();
        script.push_str(include_str!("fixture.sql"));
        if self.kind == Kind::Postgres {
            script.push_str("SELECT setval(pg_get_serial_sequence('customers', 'id'), 6);");
            script.push_str("SELECT setval(pg_get_serial_sequence('tickets', 'id'), 14);");
        }
        connection
            .execute_unprepared(&script)
            .await
            .expect("the fixture fits the tables");
    }

    /// Another program's connection: one, straight to the database, that says nothing.
    pub(crate) async fn connect(&self) -> DatabaseConnection {
        connect(&self.url).await
    }

    /// Where the test went well. Otherwise the database goes with the whole cluster.
    pub(crate) async fn remove(self) {
        if let Place::Cluster(name) = self.place {
            administer(&format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }
}

/// A connection of its own, straight to the database.
pub(crate) async fn connect(url: &str) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    // Without the pool's own maintenance, which may never end (sqlx 0.9.0).
    options.idle_timeout(None).max_lifetime(None);
    // A pooler refuses it.
    options.map_sqlx_postgres_opts(|options| options.extra_float_digits(None));
    sea_orm::Database::connect(options)
        .await
        .expect("the test's own connection")
}

/// Runs a statement that PostgreSQL takes outside of the test's database only.
pub(crate) async fn administer(sql: &str) {
    let connection = connect(&Cluster::get().url("postgres")).await;
    connection
        .execute_unprepared(sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
    connection.close().await.expect("the connection closes");
}

/// What a statement reads: `rows::<(i32, String)>(&connection, "SELECT id, title …")`.
pub(crate) async fn rows<T: TryGetableMany>(connection: &DatabaseConnection, sql: &str) -> Vec<T> {
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let rows = connection.query_all_raw(statement).await;
    rows.and_then(|rows| {
        rows.iter()
            .map(QueryResult::try_get_many_by_index)
            .collect()
    })
    .unwrap_or_else(|error| panic!("{sql}: {error}"))
}
