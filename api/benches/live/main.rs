//! What live changes cost: `cargo bench --bench live` starts the server on SQLite and on a throw-away
//! PostgreSQL, opens thousands of sockets with a subscription each, makes one change, and prints how
//! long it takes until the last has heard of it, and the server's memory for each. Nothing here is
//! asserted: time is for people to judge.
//!
//! `cargo bench --bench live -- --subscriptions 5000 --changes 5`. Each takes a file descriptor on
//! either side: `ulimit -n 12000` first, where it is less.

#[expect(dead_code, reason = "only tests run commands beside PostgreSQL")]
#[path = "../../../tests/harness/postgres.rs"]
mod postgres;
#[path = "../shop/server.rs"]
mod server;

use std::{
    fs,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use async_graphql::futures_util::{SinkExt, StreamExt};
use clap::Parser;
use sea_orm::sqlx::{Connection, Executor, PgConnection};
use serde_json::json;
use server::{Server, start};
use tokio::{net::TcpStream, sync::mpsc, task::JoinSet, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        Message, client::IntoClientRequest, http::HeaderValue, protocol::WebSocketConfig,
    },
};

#[derive(Clone, Copy, Parser)]
struct Arguments {
    #[arg(long, default_value_t = 5_000)]
    subscriptions: usize,
    /// How many changes are made, one after another.
    #[arg(long, default_value_t = 5)]
    changes: usize,
    /// Passed by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let directory = tempfile::tempdir().expect("a directory");
    let sqlite = format!("sqlite://{}", directory.path().join("shop.db").display());
    println!(
        "| database | {} subscriptions opened in | KiB for each | a change reaches all in (each time) |",
        arguments.subscriptions
    );
    println!("|---|---|---|---|");
    for (name, url) in [
        ("SQLite", sqlite),
        ("PostgreSQL", runtime.block_on(database())),
    ] {
        for command in [
            ["migrate", "up"].as_slice(),
            &["seed", "--customers", "10", "--tickets", "10"],
        ] {
            let status = repairshop(command, &url).stdout(Stdio::null()).status();
            assert!(status.expect("the program runs").success());
        }
        let server = start(&mut repairshop(
            &["serve", "--listen", "127.0.0.1:0", "--max-sockets=100000"],
            &url,
        ));
        runtime.block_on(measure(name, &server, arguments));
    }
}

fn repairshop(arguments: &[&str], url: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_repairshop"));
    command.args(arguments).env("DATABASE_URL", url);
    command
}

async fn database() -> String {
    let cluster = postgres::Cluster::get();
    let connection = PgConnection::connect(&cluster.url("postgres")).await;
    let mut connection = connection.expect("the throw-away PostgreSQL");
    connection
        .execute("CREATE DATABASE shop")
        .await
        .expect("a database");
    cluster.url("shop")
}

async fn measure(name: &str, server: &Server, arguments: Arguments) {
    let mut writer = Socket::connect(&server.address).await;
    let before = resident(server.child.id());
    let begin = Instant::now();
    let (heard, mut news) = mpsc::unbounded_channel();
    let mut sockets = JoinSet::new();
    for _ in 0..arguments.subscriptions {
        let mut socket = Socket::connect(&server.address).await;
        let heard = heard.clone();
        sockets.spawn(async move {
            socket
                .subscribe("subscription { ticketChanged { kind id ticket { title } } }")
                .await;
            loop {
                let event = socket.next().await;
                let (_, number) = event.split_once("change ").expect("its title");
                let digits = number.split(|it: char| !it.is_ascii_digit()).next();
                let number: usize = digits.and_then(|it| it.parse().ok()).expect("a number");
                if heard.send(number).is_err() {
                    return;
                }
            }
        });
    }
    let opened = begin.elapsed();
    // Changes are made until all have heard of one: there is no other sign that all listen.
    let mut change = 0;
    loop {
        change += 1;
        writer.change(change).await;
        let all = all_hear(&mut news, change, arguments.subscriptions);
        if timeout(Duration::from_secs(5), all).await.is_ok() {
            break;
        }
    }
    let memory = resident(server.child.id()) - before;
    let mut times = Vec::new();
    for _ in 0..arguments.changes {
        change += 1;
        let begin = Instant::now();
        writer.change(change).await;
        all_hear(&mut news, change, arguments.subscriptions).await;
        times.push(format!("{:.0} ms", begin.elapsed().as_secs_f64() * 1_000.0));
    }
    println!(
        "| {name} | {:.1} s | {} | {} |",
        opened.as_secs_f64(),
        memory / arguments.subscriptions,
        times.join(", ")
    );
}

/// Returns once so many have heard of a change.
async fn all_hear(news: &mut mpsc::UnboundedReceiver<usize>, change: usize, all: usize) {
    let mut count = 0;
    while count < all {
        if news.recv().await.expect("a socket is open") == change {
            count += 1;
        }
    }
}

/// Resident memory of a process, in KiB.
fn resident(process: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    kib.and_then(|it| it.parse().ok()).expect("VmRSS")
}

struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    async fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address)
            .await
            .expect("a connection: see `ulimit -n`");
        let request = format!("ws://{address}/graphql").into_client_request();
        let mut request = request.expect("a request");
        let protocol = HeaderValue::from_static("graphql-transport-ws");
        request
            .headers_mut()
            .insert("sec-websocket-protocol", protocol);
        let small = WebSocketConfig::default().read_buffer_size(1_024);
        let socket = client_async_with_config(request, stream, Some(small)).await;
        let mut socket = Self(socket.expect("a WebSocket").0);
        socket.send(&json!({ "type": "connection_init" })).await;
        assert!(socket.next().await.contains("connection_ack"));
        socket
    }

    async fn send(&mut self, message: &serde_json::Value) {
        let message = Message::text(message.to_string());
        self.0.send(message).await.expect("an open socket");
    }

    async fn subscribe(&mut self, query: &str) {
        let payload = json!({ "query": query });
        self.send(&json!({ "id": "1", "type": "subscribe", "payload": payload }))
            .await;
    }

    /// Changes a ticket's title to `change <number>`.
    async fn change(&mut self, number: usize) {
        let query = format!(
            "mutation {{ updateTicket(input: {{id: 1, title: \"change {number}\"}}) {{ ticket {{ id }} }} }}"
        );
        self.subscribe(&query).await;
        while !self.next().await.contains("complete") {}
    }

    async fn next(&mut self) -> String {
        loop {
            if let Message::Text(text) = self
                .0
                .next()
                .await
                .expect("an open socket")
                .expect("a frame")
            {
                return text.to_string();
            }
        }
    }
}
