//! Load over HTTP/1.1, cheap enough not to be what is measured, and what the processes under it
//! cost.

use std::{
    cell::Cell,
    fs,
    time::{Duration, Instant},
};

use async_graphql::futures_util::future::join_all;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// What one run of an operation showed.
#[derive(Clone, Copy, Default)]
pub(crate) struct Run {
    pub(crate) per_second: f64,
    /// CPU of the server, in milliseconds a request.
    pub(crate) server: f64,
    /// CPU of PostgreSQL, in milliseconds a request.
    pub(crate) database: f64,
    /// Of one request, in milliseconds.
    pub(crate) median: f64,
}

/// Sends `bodies` in turn over `connections` for a while. In one thread: the load must not take
/// from the servers what it measures.
pub(crate) fn run(
    address: &str,
    connections: usize,
    time: Duration,
    bodies: &[String],
    processes: &Processes,
) -> Run {
    let requests: Vec<Vec<u8>> = bodies.iter().map(|body| request(body)).collect();
    let next = Cell::new(0);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build();
    let before = processes.cpu();
    let start = Instant::now();
    let client = async || {
        let mut times = Vec::new();
        let mut client = Client::connect(address).await;
        while start.elapsed() < time {
            next.set((next.get() + 1) % requests.len());
            let begin = Instant::now();
            client.send(&requests[next.get()]).await;
            times.push(begin.elapsed());
        }
        times
    };
    let clients = join_all((0..connections).map(|_| client()));
    let mut times = runtime.expect("a runtime").block_on(clients).concat();
    let seconds = start.elapsed().as_secs_f64();
    let after = processes.cpu();
    times.sort_unstable();
    let requests = f64::from(u32::try_from(times.len()).unwrap_or(u32::MAX));
    Run {
        per_second: requests / seconds,
        server: (after.0 - before.0) / requests,
        database: (after.1 - before.1) / requests,
        median: times[times.len() / 2].as_secs_f64() * 1_000.0,
    }
}

pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

pub(crate) fn request(body: &str) -> Vec<u8> {
    let head = format!(
        "POST /graphql HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    (head + body).into_bytes()
}

/// One connection.
pub(crate) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address)
            .await
            .expect("the server listens");
        stream.set_nodelay(true).expect("no delay");
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    /// The body of the answer to a request, which has to be a success.
    pub(crate) async fn post(&mut self, body: &str) -> &[u8] {
        self.send(&request(body)).await
    }

    async fn send(&mut self, request: &[u8]) -> &[u8] {
        self.stream.write_all(request).await.expect("sent");
        self.buffer.clear();
        let (start, end) = loop {
            let read = self.stream.read_buf(&mut self.buffer).await.expect("read");
            assert!(read > 0, "the server closed the connection");
            if let Some(range) = whole(&self.buffer) {
                break range;
            }
        };
        let answer = &self.buffer[start..end];
        let text = String::from_utf8_lossy(&self.buffer[..start.min(12)]);
        assert!(
            text == "HTTP/1.1 200" && !answer.starts_with(b"{\"errors\""),
            "{}",
            String::from_utf8_lossy(&self.buffer)
        );
        answer
    }
}

/// Where the body is, if it is there.
pub(crate) fn whole(buffer: &[u8]) -> Option<(usize, usize)> {
    let start = buffer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&buffer[..start]).ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>().ok())?
    })?;
    (buffer.len() >= start + length).then_some((start, start + length))
}

/// The processes whose CPU is counted.
pub(crate) struct Processes {
    pub(crate) server: u32,
    /// The parent of PostgreSQL's processes.
    pub(crate) postmaster: u32,
}

impl Processes {
    /// Milliseconds that the server and PostgreSQL have used.
    pub(crate) fn cpu(&self) -> (f64, f64) {
        let living: f64 = fs::read_dir("/proc")
            .expect("/proc")
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter(|pid| parent(*pid) == Some(self.postmaster))
            .map(|pid| cpu(pid, [11, 12]))
            .sum();
        // And what connections that were closed have used.
        let database = living + cpu(self.postmaster, [13, 14]);
        (cpu(self.server, [11, 12]), database)
    }

    /// Resident memory of the server, in MiB.
    pub(crate) fn resident(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.server)).expect("status");
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .expect("VmRSS");
        let kib: f64 = line
            .split_whitespace()
            .nth(1)
            .and_then(|it| it.parse().ok())
            .expect("KiB");
        kib / 1024.0
    }
}

fn stat(pid: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

pub(crate) fn parent(pid: u32) -> Option<u32> {
    stat(pid)?.get(1)?.parse().ok()
}

/// User and system time in milliseconds, from their places in `stat`; the kernel counts in
/// hundredths of a second.
fn cpu(pid: u32, places: [usize; 2]) -> f64 {
    let stat = stat(pid).unwrap_or_default();
    let ticks = |place: usize| stat.get(place)?.parse::<f64>().ok();
    places.into_iter().filter_map(ticks).sum::<f64>() * 10.0
}
