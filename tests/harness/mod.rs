//! What the tests are written with: a shop open for one test, on a database of its own.
//!
//! A test is an `async fn` with a sentence for a name that takes a [`Shop`]; `on_both!` at the top
//! of its file runs it on SQLite and on PostgreSQL.

mod command;
mod database;
mod events;
mod issuer;
mod node;
mod postgres;
mod shell;
mod socket;

use std::{
    future::pending,
    sync::{Arc, Mutex},
    time::Duration,
};

use api::{App, Connections, Limits, Settings, database::Database};
use reqwest::header::HeaderMap;
use sea_orm::{ConnectionTrait, DatabaseConnection, TryGetableMany};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::yield_now, time::timeout};

pub(crate) use command::{Directory, Outcome, Serving, cargo, repairshop};
pub(crate) use database::{DRIZZLE, Kind, TestDatabase, administer, connect, rows};
pub(crate) use events::Events;
pub(crate) use issuer::{Issuer, Key, SECRET, now, signed, token};
pub(crate) use node::{node, node_with};
pub(crate) use postgres::{Cluster, free_port};
pub(crate) use shell::{curl, words};
pub(crate) use socket::{Socket, deaf, within};

/// Makes two tests of each behaviour: `a_behaviour::sqlite` and `a_behaviour::postgres`.
macro_rules! on_both {
    ($($behaviour:ident),+ $(,)?) => {$(
        mod $behaviour {
            #[tokio::test(flavor = "multi_thread")]
            async fn sqlite() {
                $crate::harness::Shop::run($crate::harness::Kind::Sqlite, super::$behaviour).await;
            }
            #[tokio::test(flavor = "multi_thread")]
            async fn postgres() {
                $crate::harness::Shop::run($crate::harness::Kind::Postgres, super::$behaviour).await;
            }
        }
    )+};
}
pub(crate) use on_both;

/// Makes a test of each behaviour of PostgreSQL alone: `a_behaviour::postgres`.
macro_rules! on_postgres {
    ($($behaviour:ident),+ $(,)?) => {$(
        mod $behaviour {
            #[tokio::test(flavor = "multi_thread")]
            async fn postgres() {
                $crate::harness::Shop::run($crate::harness::Kind::Postgres, super::$behaviour).await;
            }
        }
    )+};
}
pub(crate) use on_postgres;

/// Makes a test of each behaviour on tables that Drizzle made, without any migration of ours.
macro_rules! on_drizzles_tables {
    ($($behaviour:ident),+ $(,)?) => {
        mod on_drizzles_tables {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $behaviour() {
                    $crate::harness::Shop::run_on_drizzles_tables(super::$behaviour).await;
                }
            )+
        }
    };
}
pub(crate) use on_drizzles_tables;

/// Makes a test of each behaviour on all three.
macro_rules! on_all {
    ($($behaviour:ident),+ $(,)?) => {
        $crate::harness::on_both!($($behaviour),+);
        $crate::harness::on_drizzles_tables!($($behaviour),+);
    };
}
pub(crate) use on_all;

/// The real router behind a real socket, stocked with `fixture.sql`.
pub(crate) struct Shop {
    /// Of the GraphQL endpoint.
    pub(crate) url: String,
    kind: Kind,
    pub(crate) database_url: String,
    app: App,
    database: Database,
    client: reqwest::Client,
    other_program: DatabaseConnection,
    statements: Arc<Mutex<Vec<String>>>,
}

impl Shop {
    /// Opens a shop on a new database, and removes it where the behaviour is as expected.
    pub(crate) async fn run<F: Future<Output = ()>>(kind: Kind, behaviour: fn(Shop) -> F) {
        Self::run_on(TestDatabase::stocked(kind).await, behaviour).await;
    }

    pub(crate) async fn run_on_drizzles_tables<F: Future<Output = ()>>(behaviour: fn(Shop) -> F) {
        Self::run_on(TestDatabase::of_drizzle().await, behaviour).await;
    }

    async fn run_on<F: Future<Output = ()>>(database: TestDatabase, behaviour: fn(Shop) -> F) {
        let shop = Self::open(&database).await;
        Box::pin(behaviour(shop)).await;
        database.remove().await;
    }

    async fn open(test_database: &TestDatabase) -> Self {
        let statements = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&statements);
        let database = Database::connect(
            &test_database.url,
            None,
            Some(Arc::new(move |info: &sea_orm::metric::Info<'_>| {
                log.lock()
                    .expect("nobody panics here")
                    .push(info.statement.sql.clone());
            })),
        )
        .await
        .expect("the server's connection");
        // As `repairshop serve` does it.
        let unique_emails = migration::has_unique_emails(&database.write).await;
        let settings = Settings {
            unique_emails: unique_emails.expect("the database answers"),
            ..Settings::default()
        };
        let app = App::with(database.clone(), settings).expect("no trusted documents");
        statements.lock().expect("nobody panics here").clear();
        Self {
            url: serve(api::app(app.clone())).await,
            kind: test_database.kind,
            database_url: test_database.url.clone(),
            app,
            database,
            client: reqwest::Client::builder()
                .no_proxy()
                .build()
                .expect("an HTTP client"),
            other_program: test_database.connect().await,
            statements,
        }
    }

    /// Serves it at a second address, with other limits for what stays open.
    pub(crate) async fn with_limits(&self, limits: Limits) -> (String, Connections) {
        let connections = Connections::new(limits);
        let router = api::app_with(self.app.clone(), connections.clone());
        (serve(router).await, connections)
    }

    /// Serves the same database at another address, with other settings.
    pub(crate) async fn with_settings(&self, settings: Settings) -> String {
        let connections = Connections::new(settings.limits);
        let app = App::with(self.database.clone(), settings);
        let app = app.expect("no trusted documents");
        serve(api::app_with(app, connections)).await
    }

    /// Serves the same database at one more address, with other settings and so many connections to
    /// it, as the program does.
    pub(crate) async fn program_with(&self, settings: Settings, connections: u32) -> String {
        let database = Database::connect(&self.database_url, Some(connections), None);
        let database = database.await.expect("one more connection");
        let open = Connections::new(settings.limits);
        let app = App::with(database, settings).expect("no trusted documents");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let server = api::server::serve(listener, app, open, pending());
        tokio::spawn(server);
        format!("http://{address}/graphql")
    }

    /// Serves the same database at another address, where a statement with this word in it is the
    /// cause of a panic.
    pub(crate) async fn panicking_at(&self, word: &'static str) -> String {
        let log = Arc::new(move |info: &sea_orm::metric::Info<'_>| {
            assert!(!info.statement.sql.contains(word), "as the test has it");
        });
        let database = Database::connect(&self.database_url, Some(2), Some(log));
        let database = database.await.expect("one more connection");
        serve(api::app(App::new(database))).await
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// One request, whatever comes of it.
    pub(crate) async fn graphql(&self, query: &str, variables: Value) -> Answer {
        Answer::to(
            &self.client,
            &self.url,
            &json!({ "query": query, "variables": variables }),
        )
        .await
    }

    /// The data of a request that must have no errors.
    pub(crate) async fn ask(&self, query: &str) -> Value {
        self.graphql(query, json!({})).await.data("").clone()
    }

    /// The code of the one error that a request must have.
    pub(crate) async fn refusal(&self, query: &str, variables: Value) -> String {
        self.graphql(query, variables).await.code().to_owned()
    }

    /// The statements that the server has run since the last call.
    pub(crate) fn sql(&self) -> Vec<String> {
        std::mem::take(&mut *self.statements.lock().expect("nobody panics here"))
    }

    /// The statements that answer a query, which must have no errors.
    pub(crate) async fn sql_of(&self, query: &str) -> Vec<String> {
        self.sql();
        self.ask(query).await;
        self.sql()
    }

    /// Subscribes; what is changed from then on is told.
    pub(crate) async fn subscribe(&self, query: &str) -> Events {
        let events = self.subscribed(query).await;
        until(async || self.is_listening().await).await;
        events
    }

    /// Asks to subscribe, whatever comes of it.
    pub(crate) async fn subscribed(&self, query: &str) -> Events {
        Events::of(&self.app, query).await
    }

    /// Whether the database notes changes for somebody.
    pub(crate) async fn is_listening(&self) -> bool {
        if self.kind == Kind::Postgres {
            return self.count("repairshop.listeners").await > 0;
        }
        let statements = self.statements.lock().expect("nobody panics here");
        let begin = "TRIGGER IF NOT EXISTS repairshop_tickets_delete";
        let end = "TRIGGER IF EXISTS temp.repairshop_tickets_delete";
        (statements.iter().rev())
            .find(|sql| sql.contains(begin) || sql.contains(end))
            .is_some_and(|sql| sql.contains(begin))
    }

    /// What another program does to the database, behind the server's back.
    pub(crate) async fn execute(&self, sql: &str) {
        self.other_program
            .execute_unprepared(sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// One more program, with a connection of its own.
    pub(crate) async fn another_program(&self) -> OtherProgram {
        OtherProgram(connect(&self.database_url).await)
    }

    /// PostgreSQL: a role of this name for this shop, that may log in and no more.
    pub(crate) async fn role(&self, name: &str) -> String {
        let database = self.rows::<String>("SELECT current_database()::text").await;
        let role = format!("{name}_of_{}", database[0]);
        self.execute(&format!("CREATE ROLE {role} LOGIN")).await;
        role
    }

    /// PostgreSQL: ends all connections but our own and lets nobody in, or lets them in again.
    pub(crate) async fn lock_out(&self, out: bool) {
        let database = self.rows::<String>("SELECT current_database()::text").await;
        let name = &database[0];
        administer(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {}", !out)).await;
        if out {
            self.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity \
                 WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )
            .await;
        }
    }

    /// Waits until there are no rows in `from`.
    pub(crate) async fn until_none(&self, from: &str) {
        until(async || self.count(from).await == 0).await;
    }

    /// What another program reads: `shop.rows::<(i32, String)>("SELECT id, title …")`.
    pub(crate) async fn rows<T: TryGetableMany>(&self, sql: &str) -> Vec<T> {
        rows(&self.other_program, sql).await
    }

    /// How many rows there are in `from`: a table, and a condition if you like.
    pub(crate) async fn count(&self, from: &str) -> i64 {
        self.rows::<i64>(&format!("SELECT count(*) FROM {from}"))
            .await[0]
    }

    /// Compares the response and the SQL that made it with `snapshots/<name>@<database>.snap`.
    pub(crate) async fn snapshot(&self, name: &str, query: &str, variables: Value) {
        self.sql();
        let answer = self.graphql(query, variables).await;
        let mut sql = self.sql();
        sql.sort(); // Those of one level run side by side.
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/snapshots"));
        settings.set_snapshot_suffix(self.kind.name());
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.set_description(query);
        let text = format!("{:#}\n\n{}", answer.body, sql.join("\n\n"));
        settings.bind(|| insta::assert_snapshot!(name, text));
    }
}

async fn serve(router: axum::Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    let server = axum::serve(listener, router);
    tokio::spawn(async move { server.await });
    format!("http://{address}/graphql")
}

/// Waits for what comes to be so sooner or later.
pub(crate) async fn until(condition: impl AsyncFn() -> bool) {
    let wait = async {
        while !condition().await {
            yield_now().await;
        }
    };
    let waited = timeout(Duration::from_mins(1), wait).await;
    waited.expect("what the test waits for");
}

/// A program beside the server.
pub(crate) struct OtherProgram(DatabaseConnection);

impl OtherProgram {
    pub(crate) async fn execute(&self, sql: &str) {
        let done = self.0.execute_unprepared(sql).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) async fn to(client: &reqwest::Client, url: &str, request: &Value) -> Self {
        let response = client
            .post(url)
            .header("accept", "application/json")
            .json(request)
            .send()
            .await
            .unwrap_or_else(|error| panic!("no answer from {url} to {request}: {error}"));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("a body");
        let body = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{status}, but no JSON ({error}): {text}"));
        Self {
            status,
            headers,
            body,
        }
    }

    /// A part of the data: `/ticket/title`. There must be no errors.
    pub(crate) fn data(&self, pointer: &str) -> &Value {
        assert!(self.errors().is_empty(), "{:#}", self.body);
        self.body
            .pointer(&format!("/data{pointer}"))
            .unwrap_or_else(|| panic!("no {pointer:?} in the data of {:#}", self.body))
    }

    pub(crate) fn errors(&self) -> &[Value] {
        self.body["errors"].as_array().map_or(&[], Vec::as_slice)
    }

    /// The code of the one error that there must be.
    pub(crate) fn code(&self) -> &str {
        match self.errors() {
            [error] => error["extensions"]["code"].as_str(),
            _ => None,
        }
        .unwrap_or_else(|| panic!("not one error with a code: {:#}", self.body))
    }

    /// The `userErrors` of the payload at `pointer`, sorted: `BLANK input.tickets.0.title`.
    pub(crate) fn user_errors(&self, pointer: &str) -> Vec<String> {
        let errors = self.data(pointer)["userErrors"].as_array();
        let mut found: Vec<String> = errors
            .unwrap_or_else(|| panic!("no userErrors: {:#}", self.body))
            .iter()
            .map(|error| {
                let message = error["message"].as_str().unwrap_or_default();
                assert!(!message.is_empty(), "a sentence for the person: {error:#}");
                let field = error["field"].as_array().expect("a path");
                let path: Vec<_> = field.iter().filter_map(Value::as_str).collect();
                let code = error["code"].as_str().expect("a code");
                format!("{code} {}", path.join("."))
            })
            .collect();
        found.sort();
        found
    }
}

/// The numbers in `/…/nodes` of a connection, in its order.
pub(crate) fn numbers(connection: &Value) -> Vec<i64> {
    connection["nodes"]
        .as_array()
        .unwrap_or_else(|| panic!("no nodes: {connection:#}"))
        .iter()
        .map(|node| node["number"].as_i64().expect("a number"))
        .collect()
}
