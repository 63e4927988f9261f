//! repairshop beside other GraphQL servers: `cargo bench --bench peers` starts a throw-away
//! PostgreSQL, seeds it, installs the peers where they are not (most come from the npm registry;
//! Seaography is a Rust package of its own, which Cargo builds with the product's release profile),
//! checks that all answer with the same rows, sends each operation to each server in turn, and prints
//! what a request costs. Nothing here is asserted but the rows: time is for people to judge.
//!
//! `cargo bench --bench peers -- --customers 10000 --tickets 100000 --seconds 3 --rounds 3`

mod answers;
#[path = "../shop/database.rs"]
mod database;
#[path = "../shop/load.rs"]
mod load;
#[expect(
    dead_code,
    reason = "what the limit and pgbench need is for the other one"
)]
#[path = "../shop/operations.rs"]
mod operations;
mod peer;
#[path = "../shop/server.rs"]
mod server;

use std::time::Duration;

use clap::Parser;
use load::{Processes, Run, median};
use operations::{OPERATIONS, Size};
use peer::{PEERS, Peer};

#[derive(Parser)]
struct Arguments {
    #[arg(long, default_value_t = 10_000)]
    customers: u32,
    #[arg(long, default_value_t = 100_000)]
    tickets: u32,
    /// How long each measurement takes.
    #[arg(long, default_value_t = 3)]
    seconds: u32,
    /// How long each server gets each operation before it is measured.
    #[arg(long, default_value_t = 2)]
    warm: u32,
    /// How often all of it is done, in turn; the median counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Only operations with this in their name.
    #[arg(long, default_value = "")]
    only: String,
    /// Passed by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

/// At most so much of the CPU of the best peer as documented, in the operations' order.
const TARGETS: [f64; OPERATIONS.len()] = [0.5, 0.5, 0.5, 0.8, 0.8, 0.8, 0.8];

fn main() {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let size = Size {
        customers: arguments.customers,
        tickets: arguments.tickets,
    };
    peer::install();
    let url = runtime.block_on(database::seeded("shop", size));
    let postmaster = runtime.block_on(database::postmaster(&url));
    let peers: Vec<Peer> = PEERS
        .into_iter()
        .map(|kind| runtime.block_on(Peer::start(kind, &url)))
        .collect();

    let operations: Vec<usize> = (0..OPERATIONS.len())
        .filter(|index| OPERATIONS[*index].name.contains(&arguments.only))
        .collect();
    for index in &operations {
        runtime.block_on(answers::same(*index, size, &peers, &url));
    }
    println!("all answer with the same rows");
    runtime.block_on(database::restore(&url, size));

    let measure = |index: usize, peer: &Peer, seconds: u32| {
        let run = load::run(
            &peer.server.address,
            arguments.connections,
            Duration::from_secs(seconds.into()),
            &peer.bodies(index, size),
            &processes(peer, postmaster),
        );
        if OPERATIONS[index].mutates() {
            runtime.block_on(database::restore(&url, size));
        }
        run
    };
    // By operation and peer, round by round.
    let mut runs: Vec<Vec<Vec<Run>>> = vec![vec![Vec::new(); peers.len()]; operations.len()];
    for round in 0..arguments.rounds {
        for (index, runs) in operations.iter().zip(&mut runs) {
            for (peer, runs) in peers.iter().zip(runs) {
                if round == 0 && arguments.warm > 0 {
                    measure(*index, peer, arguments.warm);
                }
                runs.push(measure(*index, peer, arguments.seconds));
            }
        }
    }
    table(&operations, &peers, &runs);

    let resident = |peer: &Peer| format!("{:.0}", processes(peer, postmaster).resident());
    println!("\nresident, MiB: {}", each(&peers, resident));
}

fn processes(peer: &Peer, postmaster: u32) -> Processes {
    Processes {
        server: peer.server.child.id(),
        postmaster,
    }
}

/// The first peer is ours; the ratio is to the best of the others.
fn table(operations: &[usize], peers: &[Peer], runs: &[Vec<Vec<Run>>]) {
    let names: Vec<&str> = peers.iter().map(|peer| peer.kind.name()).collect();
    println!(
        "\nCPU of the server, in ms a request; of PostgreSQL, and requests/s, in the same order:\n"
    );
    println!(
        "| operation | {} | ratio to the best as documented (target), to the best of all | median, ms | PostgreSQL CPU ms | requests/s |",
        names.join(" | ")
    );
    println!("|{}", "---|".repeat(names.len() + 5));
    for (index, runs) in operations.iter().zip(runs) {
        let of = |field: fn(&Run) -> f64| -> Vec<f64> {
            runs.iter()
                .map(|runs| median(runs.iter().map(field)))
                .collect()
        };
        let server = of(|run| run.server);
        let ratio = |among: fn(&Peer) -> bool| {
            let others = peers.iter().zip(&server).skip(1);
            let costs = others.filter(|(peer, _)| among(peer)).map(|(_, cost)| cost);
            server[0] / costs.copied().fold(f64::INFINITY, f64::min)
        };
        println!(
            "| {} | {} | {:.2} ({}), {:.2} | {} | {} | {} |",
            OPERATIONS[*index].name,
            each(&server, |it| format!("{it:.3}")).replace(" / ", " | "),
            ratio(|peer| peer.kind.is_documented()),
            TARGETS[*index],
            ratio(|_| true),
            each(&of(|run| run.median), |it| format!("{it:.2}")),
            each(&of(|run| run.database), |it| format!("{it:.3}")),
            each(&of(|run| run.per_second), |it| format!("{it:.0}")),
        );
    }
}

fn each<T>(values: &[T], text: impl Fn(&T) -> String) -> String {
    let texts: Vec<String> = values.iter().map(text).collect();
    texts.join(" / ")
}
