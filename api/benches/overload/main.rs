//! What a server does that is asked for more than it can do: `cargo bench --bench overload` starts it
//! on a throw-away PostgreSQL, finds the rate that it can carry, asks for twice as much for a minute,
//! whether it keeps up or not, and prints what became of it, and how soon it is as before. Nothing
//! here is asserted: time is for people to judge.
//!
//! All of it runs on one machine, and so to ask for more takes from the server what it could answer
//! with. So the rate is measured twice: alone, which says how much is asked for; and while the surplus
//! is sent to somebody who refuses everything at once and does nothing else, which is what remains to
//! be held against. What the server is below that is what its own refusals cost.
//!
//! `cargo bench --bench overload -- --seconds 60 --times 2 --only "50 customers"`

#[path = "../shop/database.rs"]
#[expect(dead_code, reason = "the other benchmarks use all of it")]
mod database;
#[path = "../shop/load.rs"]
#[expect(dead_code, reason = "the other benchmarks use all of it")]
mod load;
#[path = "../shop/operations.rs"]
#[expect(dead_code, reason = "the other benchmarks use all of it")]
mod operations;
#[path = "../shop/server.rs"]
mod server;

use std::{
    cell::RefCell,
    process::Command,
    rc::Rc,
    thread,
    time::{Duration, Instant},
};

use clap::Parser;
use operations::{OPERATIONS, Size, bodies};
use server::start;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::{LocalSet, spawn_local},
    time::{MissedTickBehavior, interval, timeout},
};

#[derive(Parser)]
struct Arguments {
    #[arg(long, default_value_t = 10_000)]
    customers: u32,
    #[arg(long, default_value_t = 100_000)]
    tickets: u32,
    /// How long it is asked for too much.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// How many times what it can carry.
    #[arg(long, default_value_t = 2.0)]
    times: f64,
    /// The first operation with this in its name.
    #[arg(long, default_value = "50 customers")]
    only: String,
    /// Connections that find the rate, each with one request at a time.
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Passed by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

/// How long the rate is measured.
const RATING: Duration = Duration::from_secs(10);
/// How often requests are sent.
const TICK: Duration = Duration::from_millis(2);
/// A caller does not wait any longer.
const PATIENCE: Duration = Duration::from_secs(10);
/// So many good answers in a row are no luck.
const IN_A_ROW: u32 = 20;

/// What became of requests: how long each took that was answered, and each that was refused.
#[derive(Default)]
struct Outcome {
    answered: Vec<Duration>,
    refused: Vec<Duration>,
    lost: u32,
}

fn main() {
    let arguments = Arguments::parse();
    let size = Size {
        customers: arguments.customers,
        tickets: arguments.tickets,
    };
    let operation = OPERATIONS
        .iter()
        .find(|it| it.name.contains(&arguments.only));
    let operation = operation.expect("an operation of this name");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let url = runtime.block_on(database::seeded("overload", size));
    let mut command = Command::new(env!("CARGO_BIN_EXE_repairshop"));
    command
        .args(["serve", "--listen", "127.0.0.1:0"])
        .env("DATABASE_URL", &url);
    let server = start(&mut command);
    let processes = load::Processes {
        server: server.child.id(),
        postmaster: runtime.block_on(database::postmaster(&url)),
    };
    drop(runtime);

    let bodies = bodies(operation, size);
    let run =
        |connections, time| load::run(&server.address, connections, time, &bodies, &processes);
    let alone = run(1, RATING / 5);
    let rated = run(arguments.connections, RATING);
    let asked = rated.per_second * arguments.times;
    let requests: Vec<Vec<u8>> = bodies.iter().map(|body| load::request(body)).collect();
    let surplus = thread::spawn({
        let (requests, sink, rate) = (requests.clone(), sink(), asked - rated.per_second);
        move || local(async move { overload(&sink, &requests.into(), rate, RATING).await })
    });
    let beside = run(arguments.connections, RATING);
    let surplus = surplus.join().expect("it was sent").refused.len();
    println!("{}", operation.name);
    println!(
        "rated: {:.0} answers a second over {} connections; {:.0} while {:.0} a second are refused by \
         somebody else; one at a time, median {:.2} ms",
        rated.per_second,
        arguments.connections,
        beside.per_second,
        f64::from(u32::try_from(surplus).unwrap_or(u32::MAX)) / RATING.as_secs_f64(),
        alone.median
    );

    let requests: Rc<[Vec<u8>]> = requests.into();
    let time = Duration::from_secs(arguments.seconds.into());
    let used = processes.cpu().0;
    let (mut outcome, normal, used) = local(async {
        let outcome = overload(&server.address, &requests, asked, time).await;
        let used = processes.cpu().0 - used;
        let enough = Duration::from_secs_f64((alone.median * 5.0).max(10.0) / 1_000.0);
        let normal = until_normal(&server.address, &requests, enough).await;
        (outcome, normal, used)
    });
    let per_second = |count: usize| {
        f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / f64::from(arguments.seconds)
    };
    let (answered, refused) = (&mut outcome.answered, &mut outcome.refused);
    println!(
        "\n| asked a second | answered | of what it can | answered in, median / p99 | refused | refused in, median / p99 | neither | as before after |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    println!(
        "| {asked:.0} | {:.0} | {:.2} | {} | {:.0} | {} | {} | {normal:.0?} |",
        per_second(answered.len()),
        per_second(answered.len()) / beside.per_second,
        quantiles(answered),
        per_second(refused.len()),
        quantiles(refused),
        outcome.lost,
    );
    let count = |times: &[Duration]| f64::from(u32::try_from(times.len()).unwrap_or(u32::MAX));
    let answers = count(answered) * rated.server;
    println!(
        "\nCPU of the server: {:.2} ms an answer as rated, and so {:.3} ms a refusal; resident: {:.1} MiB",
        rated.server,
        (used - answers) / count(refused),
        processes.resident()
    );
}

/// Runs it in this thread.
fn local<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    LocalSet::new().block_on(&runtime.expect("a runtime"), work)
}

/// Somebody who refuses each request as soon as it is there; where they listen.
fn sink() -> String {
    const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address").to_string();
    listener.set_nonblocking(true).expect("a socket");
    thread::spawn(move || {
        local(async move {
            let listener = TcpListener::from_std(listener).expect("a listener");
            while let Ok((mut stream, _)) = listener.accept().await {
                spawn_local(async move {
                    let mut buffer = Vec::with_capacity(16 * 1024);
                    while stream.read_buf(&mut buffer).await.is_ok_and(|it| it > 0) {
                        if load::whole(&buffer).is_some() {
                            buffer.clear();
                            if stream.write_all(REFUSAL).await.is_err() {
                                return;
                            }
                        }
                    }
                });
            }
        });
    });
    address
}

/// Sends `rate` requests a second for a while, each on a connection that has none under way.
async fn overload(address: &str, requests: &Rc<[Vec<u8>]>, rate: f64, time: Duration) -> Outcome {
    let outcome = Rc::new(RefCell::new(Outcome::default()));
    let free: Rc<RefCell<Vec<TcpStream>>> = Rc::default();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let start = Instant::now();
    let mut sent = 0_u32;
    let mut under_way = Vec::new();
    while start.elapsed() < time {
        ticks.tick().await;
        while f64::from(sent) < start.elapsed().as_secs_f64() * rate {
            let (outcome, free) = (Rc::clone(&outcome), Rc::clone(&free));
            let (address, requests) = (address.to_owned(), Rc::clone(requests));
            let request = sent as usize % requests.len();
            sent += 1;
            under_way.push(spawn_local(async move {
                let begin = Instant::now();
                let stream = free.borrow_mut().pop();
                let answer = timeout(PATIENCE, exchange(&address, stream, &requests[request]));
                let answer = answer.await.ok().flatten();
                let mut outcome = outcome.borrow_mut();
                match answer {
                    Some((200, stream)) => {
                        outcome.answered.push(begin.elapsed());
                        free.borrow_mut().extend(stream);
                    }
                    Some((503, stream)) => {
                        outcome.refused.push(begin.elapsed());
                        free.borrow_mut().extend(stream);
                    }
                    _ => outcome.lost += 1,
                }
            }));
        }
        under_way.retain(|it| !it.is_finished());
    }
    // What comes after the end is not counted as done in time.
    std::mem::take(&mut *outcome.borrow_mut())
}

/// How long after now a caller is answered as it was before, time and again.
async fn until_normal(address: &str, requests: &[Vec<u8>], enough: Duration) -> Duration {
    let start = Instant::now();
    let (mut since, mut good, mut stream) = (Duration::ZERO, 0, None);
    for request in requests.iter().cycle() {
        let begin = Instant::now();
        let answer = timeout(PATIENCE, exchange(address, stream.take(), request)).await;
        let is_good = matches!(answer, Ok(Some((200, _)))) && begin.elapsed() <= enough;
        if let Ok(Some((_, kept))) = answer {
            stream = kept;
        }
        good = if is_good { good + 1 } else { 0 };
        if !is_good {
            since = start.elapsed();
        }
        if good == IN_A_ROW {
            break;
        }
    }
    since
}

/// One request; the status of its answer, and the connection where the server keeps it.
async fn exchange(
    address: &str,
    stream: Option<TcpStream>,
    request: &[u8],
) -> Option<(u16, Option<TcpStream>)> {
    let mut stream = match stream {
        Some(stream) => stream,
        None => TcpStream::connect(address).await.ok()?,
    };
    stream.set_nodelay(true).ok()?;
    stream.write_all(request).await.ok()?;
    let mut buffer = Vec::with_capacity(16 * 1024);
    while load::whole(&buffer).is_none() {
        if stream.read_buf(&mut buffer).await.ok()? == 0 {
            return None;
        }
    }
    let head = String::from_utf8_lossy(buffer.get(..buffer.len().min(1_000))?).to_lowercase();
    let status = head.get(9..12)?.parse().ok()?;
    let stays = !head.contains("connection: close");
    Some((status, stays.then_some(stream)))
}

fn quantiles(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let at = |part: usize| {
        let index = (times.len() * part / 100).min(times.len().saturating_sub(1));
        let time = times.get(index).copied().unwrap_or_default();
        format!("{:.1} ms", time.as_secs_f64() * 1_000.0)
    };
    format!("{} / {}", at(50), at(99))
}
