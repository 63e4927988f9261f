//! The servers that are compared: how each is started, and how each is asked.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use base64::{Engine, prelude::*};
use serde_json::{Value, json};

use super::{
    load::Client,
    operations::{OPERATIONS, Size, bodies},
    server::{Server, start},
};

const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers");

/// Where Seaography is built: beside the product, in none of its folders.
const SEAOGRAPHY_TARGET: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/../peers/seaography");

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Repairshop,
    Yoga,
    PostGraphile,
    Mercurius,
    MercuriusTuned,
    Seaography,
}

/// Ours first.
pub(crate) const PEERS: [Kind; 6] = [
    Kind::Repairshop,
    Kind::Yoga,
    Kind::PostGraphile,
    Kind::Mercurius,
    Kind::MercuriusTuned,
    Kind::Seaography,
];

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Repairshop => "repairshop",
            Self::Yoga => "Yoga + Drizzle",
            Self::PostGraphile => "PostGraphile",
            Self::Mercurius => "Mercurius",
            Self::MercuriusTuned => "Mercurius, tuned",
            Self::Seaography => "Seaography",
        }
    }

    /// Whether it is what its documentation leads to, and not what an expert made of it.
    pub(crate) fn is_documented(self) -> bool {
        self != Self::MercuriusTuned
    }

    /// What runs it, on a free port, as one process each.
    fn command(self) -> Command {
        let arguments = match self {
            Self::Repairshop => {
                let mut command = Command::new(env!("CARGO_BIN_EXE_repairshop"));
                command.args(["serve", "--listen", "127.0.0.1:0"]);
                return command;
            }
            Self::Yoga => &["yoga.js"][..],
            Self::PostGraphile => &["postgraphile.js"],
            Self::Mercurius => &["mercurius.js"],
            Self::MercuriusTuned => &["mercurius.js", "--tuned"],
            Self::Seaography => {
                return Command::new(
                    Path::new(SEAOGRAPHY_TARGET).join("release/repairshop-seaography"),
                );
            }
        };
        let mut command = Command::new(node());
        command.args(arguments).current_dir(DIRECTORY);
        command.env("NODE_ENV", "production");
        command
    }
}

/// The registry's Node.js, of the version in `package.json`, where it has one for this machine.
fn node() -> PathBuf {
    let ours = Path::new(DIRECTORY).join("node_modules/.bin/node");
    if ours.exists() { ours } else { "node".into() }
}

/// Installs the peers where that has not been done since their lock files changed.
pub(crate) fn install() {
    install_from_npm();
    // Cargo finds out by itself what is to be done, and says it.
    let status = Command::new(env!("CARGO"))
        .args(["build", "--release", "--locked", "--target-dir"])
        .arg(SEAOGRAPHY_TARGET)
        .current_dir(Path::new(DIRECTORY).join("seaography"))
        .status();
    let built = status.is_ok_and(|status| status.success());
    assert!(
        built,
        "try `cargo build --release --locked` in {DIRECTORY}/seaography"
    );
}

fn install_from_npm() {
    let changed = |path: &str| -> Option<SystemTime> {
        let path = Path::new(DIRECTORY).join(path);
        fs::metadata(path).ok()?.modified().ok()
    };
    if changed("node_modules/.package-lock.json") >= changed("package-lock.json") {
        return;
    }
    println!("installing the peers that npm has, once: npm ci");
    let status = Command::new("npm")
        .args(["ci", "--no-audit", "--no-fund", "--loglevel=error"])
        .current_dir(DIRECTORY)
        .status();
    let installed = status.is_ok_and(|status| status.success());
    assert!(
        installed,
        "those peers need npm and its registry: apt-get install npm, then try `npm ci` in {DIRECTORY}"
    );
}

pub(crate) struct Peer {
    pub(crate) kind: Kind,
    pub(crate) server: Server,
    /// What the cursors of `PostGraphile` begin with: a name for the order.
    order: Value,
}

impl Peer {
    pub(crate) async fn start(kind: Kind, url: &str) -> Self {
        let server = start(kind.command().env("DATABASE_URL", url));
        let mut order = Value::Null;
        if kind == Kind::PostGraphile {
            let query = json!({ "query": "{ allTickets(first: 1) { edges { cursor } } }" });
            let mut client = Client::connect(&server.address).await;
            let answer: Value =
                serde_json::from_slice(client.post(&query.to_string()).await).expect("JSON");
            let cursor = answer["data"]["allTickets"]["edges"][0]["cursor"].as_str();
            order = decoded(cursor.expect("a cursor"))[0].take();
        }
        Self {
            kind,
            server,
            order,
        }
    }

    /// A round of requests for an operation.
    pub(crate) fn bodies(&self, index: usize, size: Size) -> Vec<String> {
        let operation = &OPERATIONS[index];
        let query = match self.kind {
            Kind::PostGraphile => POSTGRAPHILE[index],
            Kind::Seaography => SEAOGRAPHY[index],
            _ => return bodies(operation, size),
        };
        let body = |n| {
            let mut variables = (operation.variables)(size, n);
            if let Some(after) = variables["after"].as_str() {
                variables["after"] = self.cursor(&decoded(after)[1]).into();
            }
            json!({ "query": query, "variables": variables }).to_string()
        };
        (0..1_000).map(body).collect()
    }

    /// The peer's own cursor behind a ticket.
    fn cursor(&self, number: &Value) -> String {
        if self.kind == Kind::Seaography {
            let number = number.to_string();
            return format!("Int[{}]:{number}", number.len());
        }
        BASE64_STANDARD.encode(json!([self.order, number]).to_string())
    }

    /// An answer in the contract's shape: Seaography has no payloads, updates all that a filter finds,
    /// and has the count in an object of its own.
    pub(crate) fn shaped(&self, index: usize, mut answer: Value) -> Value {
        if self.kind != Kind::Seaography {
            return answer;
        }
        let data = answer["data"].as_object_mut();
        for value in data.into_iter().flat_map(|data| data.values_mut()) {
            if OPERATIONS[index].mutates() {
                let ticket = match value.take() {
                    Value::Array(tickets) if tickets.len() == 1 => tickets.into_iter().next(),
                    ticket => Some(ticket),
                };
                *value = json!({ "ticket": ticket });
            } else if let Some(total) = value.get_mut("totalCount") {
                *total = total["total"].take();
            }
        }
        answer
    }
}

/// The cursors of all but Seaography are JSON in base64, padded or not.
fn decoded(cursor: &str) -> Value {
    let json = BASE64_URL_SAFE_NO_PAD.decode(cursor.trim_end_matches('='));
    serde_json::from_slice(&json.expect("base64")).expect("JSON")
}

/// The operations in `PostGraphile`'s schema, in their order; the others have the contract's. Aliases
/// give the answers the same names.
const POSTGRAPHILE: [&str; OPERATIONS.len()] = [
    "query Ticket($id: Int!) { ticket: ticketByRowId(rowId: $id) { number: rowId title completed tech customer: customerByCustomerId { number: rowId firstName lastName email } } }",
    "query Customers($above: Int!) { customers: allCustomers(first: 50, filter: {rowId: {greaterThan: $above}}) { nodes { number: rowId firstName lastName tickets: ticketsByCustomerId(first: 10) { nodes { number: rowId title completed } } } } }",
    "{ tickets: allTickets(first: 100, condition: {completed: false}, orderBy: [CREATED_AT_DESC, ROW_ID_DESC]) { nodes { number: rowId title tech createdAt customer: customerByCustomerId { number: rowId firstName lastName } } } }",
    "query Page($after: Cursor!) { tickets: allTickets(first: 50, after: $after) { nodes { number: rowId title completed tech } pageInfo { hasNextPage endCursor } } }",
    "{ tickets: allTickets(first: 20, filter: {completed: {equalTo: false}, title: {includesInsensitive: \"screen\"}}) { totalCount nodes { number: rowId title tech } } }",
    "mutation Create($customer: Int!) { createTicket(input: {ticket: {customerId: $customer, title: \"Battery swollen\", tech: \"nobody\"}}) { ticket { number: rowId title createdAt } } }",
    "mutation Update($id: Int!, $done: Boolean!) { updateTicket: updateTicketByRowId(input: {rowId: $id, ticketPatch: {completed: $done}}) { ticket { number: rowId completed updatedAt } } }",
];

/// The operations in Seaography's schema, with what costs it least: a page by cursor, which is always
/// in the order of the primary key, counts no rows, one by number does. There is no first N of each
/// parent: all of a customer's tickets are read, and the page is cut from them in memory.
const SEAOGRAPHY: [&str; OPERATIONS.len()] = [
    "query Ticket($id: Int!) { ticket(id: $id) { number: id title completed tech customer { number: id firstName lastName email } } }",
    "query Customers($above: Int!) { customers(filters: {id: {gt: $above}}, pagination: {cursor: {limit: 50}}) { nodes { number: id firstName lastName tickets(orderBy: {id: ASC}, pagination: {page: {page: 0, limit: 10}}) { nodes { number: id title completed } } } } }",
    "{ tickets(filters: {completed: {eq: false}}, orderBy: {createdAt: DESC}, pagination: {page: {page: 0, limit: 100}}) { nodes { number: id title tech createdAt customer { number: id firstName lastName } } } }",
    "query Page($after: String!) { tickets(pagination: {cursor: {cursor: $after, limit: 50}}) { nodes { number: id title completed tech } pageInfo { hasNextPage endCursor } } }",
    "{ tickets(filters: {completed: {eq: false}, title: {ilike: \"%screen%\"}}, orderBy: {id: ASC}, pagination: {page: {page: 0, limit: 20}}) { totalCount: paginationInfo { total } nodes { number: id title tech } } }",
    "mutation Create($customer: Int!) { createTicket: ticketCreateOne(data: {customerId: $customer, title: \"Battery swollen\", tech: \"nobody\"}) { number: id title createdAt } }",
    "mutation Update($id: Int!, $done: Boolean!) { updateTicket: ticketUpdate(filter: {id: {eq: $id}}, data: {completed: $done}) { number: id completed updatedAt } }",
];
