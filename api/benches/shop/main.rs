//! What GraphQL costs over its SQL: `cargo bench --bench shop` starts a throw-away PostgreSQL, seeds
//! it, sends each operation to the server and to the limit (`limit.rs`), runs its SQL by pgbench,
//! all in turn, and prints the ratios. Nothing here is asserted: time is for people to judge.
//!
//! `cargo bench --bench shop -- --customers 1000000 --tickets 10000000 --seconds 5 --rounds 3`

mod database;
mod limit;
mod load;
mod operations;
mod server;

use std::{
    env, fs,
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use clap::Parser;
use load::{Client, Processes, Run, median};
use operations::{OPERATIONS, Operation, Size, bodies};
use serde_json::Value;
use server::{Server, start};

/// The limit is this program, too (`limit.rs`), and has what the server has.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[derive(Parser)]
struct Arguments {
    #[arg(long, default_value_t = 10_000)]
    customers: u32,
    #[arg(long, default_value_t = 100_000)]
    tickets: u32,
    /// How long each measurement takes.
    #[arg(long, default_value_t = 3)]
    seconds: u32,
    /// How often all of it is done, in turn; the median counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Only operations with this in their name.
    #[arg(long, default_value = "")]
    only: String,
    /// In place of all that: sends this many requests, and tells the server's memory on the way.
    #[arg(long)]
    memory: Option<f64>,
    /// Serves the limit on this database; how the benchmark calls itself.
    #[arg(long)]
    limit: Option<String>,
    /// Passed by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What the three had of one operation, round by round.
#[derive(Default)]
struct Figures {
    server: Vec<Run>,
    limit: Vec<Run>,
    pgbench: Vec<f64>,
}

fn main() {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    match &arguments.limit {
        Some(url) => runtime.block_on(limit::serve(url)),
        None => compare(arguments, &runtime),
    }
}

fn compare(arguments: Arguments, runtime: &tokio::runtime::Runtime) {
    let size = Size {
        customers: arguments.customers,
        tickets: arguments.tickets,
    };
    let url = runtime.block_on(database::seeded("shop", size));
    let postmaster = runtime.block_on(database::postmaster(&url));

    let repairshop = env!("CARGO_BIN_EXE_repairshop");
    let begin = Instant::now();
    let server = start(
        Command::new(repairshop)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env("DATABASE_URL", &url),
    );
    println!("listening {:?} after exec", begin.elapsed());
    let processes = |server: &Server| Processes {
        server: server.child.id(),
        postmaster,
    };
    if let Some(requests) = arguments.memory {
        return memory(requests, size, &server, &processes(&server));
    }
    let this = env::current_exe().expect("this program");
    let limit = start(Command::new(this).args(["--limit", &url]));

    let operations: Vec<&Operation> = (OPERATIONS.iter())
        .filter(|operation| operation.name.contains(&arguments.only))
        .collect();
    for operation in &operations {
        runtime.block_on(same_rows(operation, size, &server, &limit));
    }
    println!("resident before: {:.1} MiB", processes(&server).resident());

    let mut figures: Vec<Figures> = operations.iter().map(|_| Figures::default()).collect();
    let time = Duration::from_secs(arguments.seconds.into());
    for _ in 0..arguments.rounds {
        for (operation, figures) in operations.iter().zip(&mut figures) {
            for (server, runs) in [(&server, &mut figures.server), (&limit, &mut figures.limit)] {
                let connections = arguments.connections;
                let bodies = bodies(operation, size);
                let processes = processes(server);
                runs.push(load::run(
                    &server.address,
                    connections,
                    time,
                    &bodies,
                    &processes,
                ));
            }
            let rate = pgbench(operation, "prepared", size, &url, &arguments);
            figures.pgbench.push(rate);
            if operation.mutates() {
                runtime.block_on(database::restore(&url, size));
            }
        }
    }
    table(&operations, &figures);

    let bodies = bodies(&OPERATIONS[0], size);
    let one = load::run(&server.address, 1, time, &bodies, &processes(&server));
    let arguments = Arguments {
        connections: 1,
        ..arguments
    };
    // psql speaks the simple one.
    let alone = |protocol| 1_000.0 / pgbench(&OPERATIONS[0], protocol, size, &url, &arguments);
    println!(
        "\none connection, {}: median {:.3} ms; pgbench {:.3} ms, by the simple protocol {:.3} ms",
        OPERATIONS[0].name,
        one.median,
        alone("prepared"),
        alone("simple"),
    );
    println!("resident after: {:.1} MiB", processes(&server).resident());
}

/// Single tickets, and among each thousand of them one answer of 2,000 rows.
fn memory(requests: f64, size: Size, server: &Server, processes: &Processes) {
    let rows: Vec<String> = (0..20)
        .map(|page| {
            format!("p{page}: tickets(first: 100, offset: {}) {{ nodes {{ id title description tech }} }} ", page * 100)
        })
        .collect();
    let large = serde_json::json!({ "query": format!("{{ {}}}", rows.concat()) });
    let mut bodies = bodies(&OPERATIONS[0], size);
    bodies.truncate(1_000);
    bodies.push(large.to_string());
    println!("resident before: {:.1} MiB", processes.resident());
    let mut sent = 0.0;
    while sent < requests {
        let time = Duration::from_secs(5);
        let run = load::run(&server.address, 32, time, &bodies, processes);
        sent += run.per_second * time.as_secs_f64();
        let resident = processes.resident();
        println!("resident after {sent:.0} requests: {resident:.1} MiB");
    }
}

fn table(operations: &[&Operation], figures: &[Figures]) {
    println!(
        "\n| operation | server CPU ms | limit CPU ms | ratio (target) | PostgreSQL CPU ms, server / limit | requests/s | limit's | pgbench's | part of pgbench (target) |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for (operation, figures) in operations.iter().zip(figures) {
        let of = |runs: &[Run], field: fn(&Run) -> f64| median(runs.iter().map(field));
        let server = of(&figures.server, |run| run.server);
        let limit = of(&figures.limit, |run| run.server);
        let rate = of(&figures.server, |run| run.per_second);
        let pgbench = median(figures.pgbench.iter().copied());
        println!(
            "| {} | {server:.3} | {limit:.3} | {:.2} ({}) | {:.3} / {:.3} | {rate:.0} | {:.0} | {pgbench:.0} | {:.2} ({}) |",
            operation.name,
            server / limit,
            operation.cpu_target,
            of(&figures.server, |run| run.database),
            of(&figures.limit, |run| run.database),
            of(&figures.limit, |run| run.per_second),
            rate / pgbench,
            operation
                .rate_target
                .map_or("–".to_owned(), |rate| rate.to_string()),
        );
    }
}

/// Both answer with the same rows in the same order, or nothing is worth measuring.
async fn same_rows(operation: &Operation, size: Size, server: &Server, limit: &Server) {
    if operation.mutates() {
        return;
    }
    let body = &bodies(operation, size)[0];
    let mut answers = Vec::new();
    for server in [server, limit] {
        let mut client = Client::connect(&server.address).await;
        let answer: Value = serde_json::from_slice(client.post(body).await).expect("JSON");
        let mut numbers = Vec::new();
        collect_numbers(&answer, &mut numbers);
        answers.push(numbers);
    }
    assert!(!answers[0].is_empty(), "{}: no rows", operation.name);
    assert_eq!(answers[0], answers[1], "{}", operation.name);
}

fn collect_numbers(value: &Value, numbers: &mut Vec<i64>) {
    match value {
        Value::Object(object) => {
            numbers.extend(object.get("number").and_then(Value::as_i64));
            object
                .values()
                .for_each(|value| collect_numbers(value, numbers));
        }
        Value::Array(list) => list
            .iter()
            .for_each(|value| collect_numbers(value, numbers)),
        _ => {}
    }
}

/// The rate of an operation's ideal SQL, in transactions a second.
fn pgbench(
    operation: &Operation,
    protocol: &str,
    size: Size,
    url: &str,
    arguments: &Arguments,
) -> f64 {
    let mut script = tempfile::NamedTempFile::new().expect("a file");
    let text = operation
        .pgbench
        .replace(":customers", &size.customers.to_string())
        .replace(":tickets", &size.tickets.to_string());
    script.write_all(text.as_bytes()).expect("written");
    let output = Command::new(program("pgbench"))
        .arg("--no-vacuum")
        .arg(format!("--protocol={protocol}"))
        .arg(format!("--client={}", arguments.connections))
        .arg(format!("--jobs={}", arguments.connections.min(2)))
        .arg(format!("--time={}", arguments.seconds))
        .arg("--file")
        .arg(script.path())
        .arg(url)
        .stderr(Stdio::inherit())
        .output()
        .expect("pgbench runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let rate = text.lines().find_map(|line| {
        let rest = line.strip_prefix("tps = ")?;
        rest.split_whitespace().next()?.parse().ok()
    });
    rate.unwrap_or_else(|| panic!("pgbench says no rate: {text}"))
}

/// A program of PostgreSQL's: Debian keeps some off the PATH.
fn program(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    versions
        .filter_map(|entry| Some(entry.ok()?.path().join("bin").join(name)))
        .find(|path| path.exists())
        .unwrap_or_else(|| name.into())
}
