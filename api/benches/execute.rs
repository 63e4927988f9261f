//! What a request costs in process, on an SQLite file and without a transport: `cargo bench --bench
//! execute` measures time, for people to judge.
//!
//! `--requests 10` runs each operation that often and ends, for `tests/instructions` to count what
//! that takes; one of them alone with `--operation "a list of 100 rows"`, for a profiler.

use std::{
    env,
    fmt::{self, Display},
    hint::black_box,
    path::{Path, PathBuf},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use api::{App, database::Database, response::json};
use async_graphql::{Request, Response, Variables};
use clap::Parser;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

#[path = "shop/operations.rs"]
#[expect(dead_code, reason = "the other benchmark has more to ask of them")]
mod operations;

use operations::{OPERATIONS, Operation, Size, cursor};

/// As the program has it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const SIZE: Size = Size {
    customers: 200,
    tickets: 2_000,
};

const INTROSPECTION: &str = "{ __schema { types { kind name description fields { name description type { kind name ofType { kind name } } } } } }";

const TICKET: &str =
    "($id: ID!) { ticket(id: $id) { number title customer { number firstName lastName email } } }";

/// Which operation of a document runs, where the others are only to be read.
const NEXT_TO_NOTHING: &str = "Nothing";

#[derive(Parser)]
struct Arguments {
    #[arg(long)]
    requests: u32,
    /// By its name.
    #[arg(long)]
    operation: Option<String>,
    /// The SQLite file; made where there is none.
    #[arg(long)]
    database: Option<PathBuf>,
}

struct Work {
    name: &'static str,
    query: String,
    variables: fn(Size, u32) -> Value,
    /// Whether no document of before is like it, as far as the server can know.
    is_new: bool,
}

impl Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Work {
    fn new(name: &'static str, query: impl Into<String>) -> Self {
        Self {
            name,
            query: query.into(),
            variables: |_, _| json!({}),
            is_new: false,
        }
    }

    /// Reads that many operations and validates them.
    fn reading(name: &'static str, operations: u32) -> Self {
        let operations = (0..operations).map(|n| format!("query Ticket{n}{TICKET}"));
        let operations: String = operations.collect();
        Self {
            is_new: true,
            ..Self::new(
                name,
                format!("query {NEXT_TO_NOTHING} {{ __typename }} {operations}"),
            )
        }
    }

    fn measured(operation: &Operation) -> Self {
        Self {
            variables: operation.variables,
            ..Self::new(operation.name, operation.query)
        }
    }
}

fn works() -> Vec<Work> {
    let mut works = vec![
        Work::new("{ __typename }", "{ __typename }"),
        Work::reading("a new document", 1),
        Work::reading("a new, large document", 40),
    ];
    let (mutations, reads): (Vec<_>, Vec<_>) = OPERATIONS.iter().partition(|it| it.mutates());
    works.extend(reads.into_iter().map(Work::measured));
    works.push(Work {
        variables: |size, n| json!({ "before": cursor(size.tickets / 2 + n % 100) }),
        ..Work::new(
            "the page before a cursor",
            "query Page($before: String!) { tickets(last: 20, before: $before) { edges { cursor node { id title } } pageInfo { hasPreviousPage startCursor } } }",
        )
    });
    works.extend([
        Work::new(
            "a rich filter",
            "{ tickets(first: 20, where: {or: [{title: {contains: \"screen\"}, completed: {eq: false}}, {not: {tech: {in: [\"unassigned\", \"nobody\"]}}, number: {gte: 100, lt: 1900}}], customer: {lastName: {startsWith: \"S\"}, email: {isNull: false}}, createdAt: {gt: \"2001-01-01T00:00:00Z\"}}, orderBy: [{field: TITLE}, {field: CREATED_AT, direction: DESC}]) { nodes { number title } } }",
        ),
        Work::new(
            "a list of 100 rows",
            "{ tickets(first: 100) { nodes { id number title description completed tech createdAt updatedAt } } }",
        ),
        Work::new("introspection", INTROSPECTION),
    ]);
    // Last, for what they add would cost the others something.
    works.extend(mutations.into_iter().map(Work::measured));
    works
}

struct Shop {
    runtime: Runtime,
    app: App,
    requests: AtomicU32,
}

static SHOP: OnceLock<Shop> = OnceLock::new();

impl Shop {
    /// In one thread, so that the same is done in each run; SQLite has one for each connection.
    fn open(file: &Path) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let app = App::new(runtime.block_on(database(file)));
        Self {
            runtime,
            app,
            requests: AtomicU32::new(0),
        }
    }

    fn get() -> &'static Self {
        SHOP.get().expect("`main` has opened it")
    }

    fn execute(&self, work: &Work) -> Response {
        let n = self.requests.fetch_add(1, Ordering::Relaxed);
        let query = if work.is_new {
            format!("{}#{n}", work.query)
        } else {
            work.query.clone()
        };
        let variables = Variables::from_json((work.variables)(SIZE, n));
        let mut request = Request::new(query).variables(variables);
        if work.is_new {
            request = request.operation_name(NEXT_TO_NOTHING);
        }
        let response = self.runtime.block_on(self.app.execute(request, true));
        let response = response.expect("it may write");
        assert!(response.is_ok(), "{}: {:?}", work.name, response.errors);
        response
    }
}

async fn database(file: &Path) -> Database {
    let url = format!("sqlite://{}", file.display());
    let connect = async || {
        let database = Database::connect(&url, Some(2), None).await;
        database.expect("the database")
    };
    if !file.exists() {
        let new = connect().await;
        let up = migration::Command::Up { num: None };
        let migrated = migration::execute(new.write.connection(), &up).await;
        migrated.expect("the migrations apply");
        let seeded = api::seed::seed(new.write.connection(), SIZE.customers, SIZE.tickets).await;
        seeded.expect("the rows fit the tables");
        new.close().await;
    }
    connect().await
}

fn main() {
    let counts = env::args().any(|argument| argument == "--requests");
    let arguments = counts.then(Arguments::parse);
    let directory = tempfile::tempdir().expect("a directory");
    let file = arguments.as_ref().and_then(|it| it.database.clone());
    let file = file.unwrap_or_else(|| directory.path().join("shop.db"));
    SHOP.get_or_init(|| Shop::open(&file));
    match arguments {
        Some(arguments) => run(&arguments),
        None => divan::main(),
    }
}

#[divan::bench(args = works())]
fn execute(bencher: divan::Bencher<'_, '_>, work: &Work) {
    let shop = Shop::get();
    bencher.bench_local(|| shop.execute(work));
}

#[divan::bench]
fn response_to_json(bencher: divan::Bencher<'_, '_>) {
    let response = introspected();
    bencher.bench_local(|| json(&response));
}

/// The one that has most to write: lists of rows are JSON before.
fn introspected() -> Response {
    Shop::get().execute(&Work::new("introspection", INTROSPECTION))
}

/// Says the name of each operation when it has run, with a [`mark`] before and behind what counts.
fn run(arguments: &Arguments) {
    let work = |work: Work| -> (&str, Box<dyn Fn()>) {
        let name = work.name;
        let run = move || drop(black_box(Shop::get().execute(&work)));
        (name, Box::new(run))
    };
    let mut all: Vec<_> = works().into_iter().map(work).collect();
    let response = introspected();
    let to_json = move || drop(black_box(json(&response)));
    all.push(("response to JSON", Box::new(to_json)));

    let wanted = |name| (arguments.operation.as_deref()).is_none_or(|wanted| wanted == name);
    for (name, run) in all.into_iter().filter(|(name, _)| wanted(*name)) {
        // Fills the caches.
        run();
        mark();
        (0..arguments.requests).for_each(|_| run());
        mark();
        println!("{name}");
    }
}

/// Where `tests/instructions` has the count written down.
#[inline(never)]
fn mark() {
    black_box(());
}
