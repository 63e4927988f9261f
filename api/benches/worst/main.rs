//! How long one request keeps the others waiting, at worst: `cargo bench --bench worst` sends what is
//! made to be deep, long or wide to the router, in process and on an SQLite file, in a runtime of one
//! thread, and prints for each request how long it takes in all, and the longest time that somebody
//! else has to wait for the thread. Of several runs the fastest counts: what other programs do only
//! adds to it. Nothing here is asserted: time is for people to judge.
//!
//! `cargo bench --bench worst -- --only "32 MiB"`

#[path = "../../../tests/limits/documents.rs"]
mod documents;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use api::{App, database::Database};
use axum::{
    Router,
    body::Body,
    http::{
        Request,
        header::{ACCEPT_ENCODING, CONTENT_TYPE},
    },
};
use clap::Parser;
use documents::{MANY, documents, each, times, wide};
use http_body_util::BodyExt;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tokio::{runtime::Builder, task::yield_now};
use tower::ServiceExt;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[derive(Parser)]
struct Arguments {
    #[arg(long, default_value_t = 5)]
    runs: u32,
    /// The requests with this in their name.
    #[arg(long, default_value = "")]
    only: String,
    /// Passed by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

struct Attempt {
    name: String,
    body: String,
    /// Compressions that are accepted.
    accepts: &'static str,
}

impl Attempt {
    fn new(name: impl Into<String>, query: &str, variables: &Value) -> Self {
        Self {
            name: name.into(),
            body: json!({ "query": query, "variables": variables }).to_string(),
            accepts: "identity",
        }
    }

    fn accepting(self, accepts: &'static str) -> Self {
        Self {
            name: format!("{}, {accepts}", self.name),
            accepts,
            ..self
        }
    }
}

fn main() {
    let arguments = Arguments::parse();
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    let directory = tempfile::tempdir().expect("a directory");
    let router = runtime.block_on(async {
        let database = shop(&directory.path().join("shop.db")).await;
        api::app(App::new(database))
    });
    println!("| request | bytes | answer | in all | others wait |");
    println!("|---|---|---|---|---|");
    let chosen = attempts().into_iter();
    for attempt in chosen.filter(|it| it.name.contains(&arguments.only)) {
        let attempt = Arc::new(attempt);
        let (mut whole, mut longest, mut answer) = (Duration::MAX, Duration::MAX, 0);
        for run in 0..arguments.runs {
            let (router, attempt) = (router.clone(), Arc::clone(&attempt));
            let (bytes, all, others) = runtime.block_on(async {
                let ended = Arc::new(AtomicBool::new(false));
                let others = tokio::spawn(innocent(Arc::clone(&ended)));
                let begin = Instant::now();
                let bytes = tokio::spawn(send(router, attempt, run)).await;
                let all = begin.elapsed();
                ended.store(true, Ordering::Relaxed);
                (
                    bytes.expect("an answer"),
                    all,
                    others.await.expect("a time"),
                )
            });
            whole = whole.min(all);
            longest = longest.min(others);
            answer = bytes;
        }
        println!(
            "| {} | {} | {answer} | {} | {} |",
            attempt.name,
            attempt.body.len(),
            milliseconds(whole),
            milliseconds(longest)
        );
    }
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1_000.0)
}

/// 100 customers with 100 tickets each, whose texts are as long as a form takes.
async fn shop(file: &Path) -> Database {
    let url = format!("sqlite://{}", file.display());
    let database = Database::connect(&url, Some(2), None).await;
    let database = database.expect("the database");
    let db = database.write.connection();
    let up = migration::Command::Up { num: None };
    (migration::execute(db, &up).await).expect("the migrations apply");
    (api::seed::seed(db, 100, 10_000).await).expect("the rows fit the tables");
    db.execute_unprepared(
        "UPDATE tickets SET customer_id = 1 + id % 100; \
         UPDATE tickets SET description = hex(zeroblob(5000)) WHERE id <= 100",
    )
    .await
    .expect("other texts");
    database
}

fn attempts() -> Vec<Attempt> {
    let documents = documents().into_iter();
    let mut all: Vec<_> = documents
        .map(|(what, text)| Attempt::new(what, &text, &json!({})))
        .collect();
    let wide = wide().into_iter();
    all.extend(wide.map(|text| Attempt::new(format!("wide: {}", &text[..30]), &text, &json!({}))));
    all.extend(values());
    all.extend(answers());
    all
}

/// In variables.
fn values() -> Vec<Attempt> {
    let by_filter = "query($a: [TicketFilter!]) { tickets(where: { or: $a }) { totalCount } }";
    let aliases = each(50, |it| {
        format!("a{it}: tickets(first: 1, where: {{ and: $a }}) {{ nodes {{ id }} }}")
    });
    let nested = |open: &str, close: &str| Attempt {
        name: format!("variables in {open}"),
        body: format!(
            "{{\"query\":\"{by_filter}\",\"variables\":{{\"a\":{}1{}}}}}",
            times(MANY, open),
            times(MANY, close)
        ),
        accepts: "identity",
    };
    vec![
        nested("[", "]"),
        nested("{\"not\":", "}"),
        Attempt::new(
            "as many values as there may be",
            by_filter,
            &json!({ "a": vec![json!({}); 9_990] }),
        ),
        Attempt::new(
            "as many values as a body has room for",
            by_filter,
            &json!({ "a": vec![1; 500_000] }),
        ),
        Attempt::new(
            "filters in 50 aliases",
            &format!("query($a: [TicketFilter!]) {{ {aliases} }}"),
            &json!({ "a": vec![json!({ "number": { "gt": 0 } }); 40] }),
        ),
    ]
}

/// Whose answers are long.
fn answers() -> Vec<Attempt> {
    let rows = "{ customers(first: 100) { nodes { tickets(first: 100) { nodes { id number title \
         completed tech createdAt updatedAt customer { id firstName lastName email } } } } } }";
    let aliases = each(32, |it| format!("a{it}: description"));
    let texts = format!("{{ tickets(first: 100) {{ nodes {{ {aliases} }} }} }}");
    let merged = format!(
        "{{ tickets(first: 100) {{ nodes {{ {aliases} }} }} tickets(first: 100) {{ nodes {{ id }} }} }}"
    );
    let edges = "{ customers(first: 100) { edges { cursor node { tickets(first: 100) { edges { cursor \
         node { id } } } } } } }";
    let long = |name: &str, query: &str| Attempt::new(name, query, &json!({}));
    let mut all = vec![
        long("10,000 rows", rows),
        long("10,000 cursors", edges),
        long("32 MiB, merged", &merged),
        long("32 MiB", &texts),
    ];
    for accepts in ["gzip", "br", "zstd"] {
        all.push(long("10,000 rows", rows).accepting(accepts));
        all.push(long("32 MiB", &texts).accepting(accepts));
    }
    all
}

/// Sends it; how long the answer is.
async fn send(router: Router, attempt: Arc<Attempt>, run: u32) -> usize {
    // Blanks make it a text that was not read before.
    let (query, blanks) = ("\"query\":\"", " ".repeat(1 + run as usize));
    let body = attempt
        .body
        .replacen(query, &(query.to_owned() + &blanks), 1);
    let request = Request::post("/graphql")
        .header(CONTENT_TYPE, "application/json")
        .header(ACCEPT_ENCODING, attempt.accepts)
        .body(Body::from(body));
    let Ok(answer) = router.oneshot(request.expect("a request")).await;
    let (mut body, mut bytes) = (answer.into_body(), 0);
    while let Some(frame) = body.frame().await {
        let frame = frame.expect("a part of the body");
        bytes += frame.data_ref().map_or(0, axum::body::Bytes::len);
        // As the connection does that sends it.
        yield_now().await;
    }
    bytes
}

/// Somebody else, who wants the thread all the time; the longest that they wait for it.
async fn innocent(ended: Arc<AtomicBool>) -> Duration {
    let (mut last, mut longest) = (Instant::now(), Duration::ZERO);
    while !ended.load(Ordering::Relaxed) {
        yield_now().await;
        longest = longest.max(last.elapsed());
        last = Instant::now();
    }
    longest
}
