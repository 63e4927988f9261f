//! What growth costs: `cargo bench --bench growth` makes a small and a large shop in a throw-away
//! PostgreSQL, sends the same operations to a server on each, in turn, and prints what a request
//! costs on both; then how long searches of the large one take. Needs some 8 GB of disk, 4 GB of
//! memory and, for the rows, a few minutes. Nothing here is asserted: time is for people to judge.
//!
//! `cargo bench --bench growth -- --customers 1000000 --tickets 10000000 --rounds 5`

#[path = "../shop/database.rs"]
mod database;
mod growing;
#[expect(dead_code, reason = "answers and memory are for the other ones")]
#[path = "../shop/load.rs"]
mod load;
#[expect(
    dead_code,
    reason = "what pgbench and the limit need is for the other one"
)]
#[path = "../shop/operations.rs"]
mod operations;
mod rows;
#[path = "../shop/server.rs"]
mod server;

use std::{process::Command, time::Duration};

use clap::Parser;
use growing::{GROWING, SEARCHES};
use load::{Processes, Run, median};
use operations::{OPERATIONS, Operation, Size, bodies};
use server::{Server, start};

#[derive(Parser)]
struct Arguments {
    /// Of the large shop; the small one has a hundredth of both.
    #[arg(long, default_value_t = 1_000_000)]
    customers: u32,
    #[arg(long, default_value_t = 10_000_000)]
    tickets: u32,
    /// How long each measurement takes.
    #[arg(long, default_value_t = 2)]
    seconds: u32,
    /// How often all of it is done, in turn; the median counts.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Only operations with this in their name.
    #[arg(long, default_value = "")]
    only: String,
    /// Passed by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

/// A shop of some size, with a server of its own.
struct Shop {
    size: Size,
    url: String,
    server: Server,
    postmaster: u32,
}

impl Shop {
    async fn open(name: &str, size: Size) -> Self {
        let url = rows::made(name, size).await;
        let server = start(
            Command::new(env!("CARGO_BIN_EXE_repairshop"))
                .args(["serve", "--listen", "127.0.0.1:0"])
                .env("DATABASE_URL", &url),
        );
        let postmaster = database::postmaster(&url).await;
        Self {
            size,
            url,
            server,
            postmaster,
        }
    }

    fn run(&self, operation: &Operation, connections: usize, time: Duration) -> Run {
        let processes = Processes {
            server: self.server.child.id(),
            postmaster: self.postmaster,
        };
        let bodies = bodies(operation, self.size);
        load::run(&self.server.address, connections, time, &bodies, &processes)
    }
}

fn main() {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let large = Size {
        customers: arguments.customers,
        tickets: arguments.tickets,
    };
    let small = Size {
        customers: large.customers / 100,
        tickets: large.tickets / 100,
    };
    let shops = [("small", small), ("large", large)];
    let shops = shops.map(|(name, size)| runtime.block_on(Shop::open(name, size)));
    let time = Duration::from_secs(arguments.seconds.into());

    let operations: Vec<&Operation> = (OPERATIONS.iter().chain(GROWING))
        .filter(|operation| operation.name.contains(&arguments.only))
        .collect();
    let mut figures: Vec<[Vec<Run>; 2]> = operations.iter().map(|_| Default::default()).collect();
    for _ in 0..arguments.rounds {
        for (operation, figures) in operations.iter().zip(&mut figures) {
            for (shop, runs) in shops.iter().zip(figures) {
                runs.push(shop.run(operation, 8, time));
                if operation.mutates() {
                    runtime.block_on(database::restore(&shop.url, shop.size));
                }
            }
        }
    }
    println!(
        "\n| operation | server CPU ms, small / large | ratio | PostgreSQL CPU ms, small / large | ratio |"
    );
    println!("|---|---|---|---|---|");
    for (operation, figures) in operations.iter().zip(&figures) {
        let of =
            |field: fn(&Run) -> f64| [0, 1].map(|shop| median(figures[shop].iter().map(field)));
        let ([small, large], [below, above]) = (of(|run| run.server), of(|run| run.database));
        println!(
            "| {} | {small:.3} / {large:.3} | {:.2} | {below:.3} / {above:.3} | {:.2} |",
            operation.name,
            large / small,
            above / below
        );
    }

    println!("\n| search of the large shop, 20 rows | median ms |");
    println!("|---|---|");
    for search in SEARCHES
        .iter()
        .filter(|it| it.name.contains(&arguments.only))
    {
        let run = shops[1].run(search, 1, time);
        println!("| {} | {:.1} |", search.name, run.median);
    }
}
