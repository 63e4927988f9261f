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

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Repairshop,
    Yoga,
    PostGraphile,
    Mercurius,
    MercuriusTuned,
}

/// Ours first.
pub(crate) const PEERS: [Kind; 5] = [
    Kind::Repairshop,
    Kind::Yoga,
    Kind::PostGraphile,
    Kind::Mercurius,
    Kind::MercuriusTuned,
];

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Repairshop => "repairshop",
            Self::Yoga => "Yoga + Drizzle",
            Self::PostGraphile => "PostGraphile",
            Self::Mercurius => "Mercurius",
            Self::MercuriusTuned => "Mercurius, tuned",
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

/// Installs the peers where that has not been done since their lock file changed.
pub(crate) fn install() {
    let changed = |path: &str| -> Option<SystemTime> {
        let path = Path::new(DIRECTORY).join(path);
        fs::metadata(path).ok()?.modified().ok()
    };
    if changed("node_modules/.package-lock.json") >= changed("package-lock.json") {
        return;
    }
    println!("installing the peers, once: npm ci");
    let status = Command::new("npm")
        .args(["ci", "--no-audit", "--no-fund", "--loglevel=error"])
        .current_dir(DIRECTORY)
        .status();
    let installed = status.is_ok_and(|status| status.success());
    assert!(
        installed,
        "the peers need npm and its registry: apt-get install npm, then try `npm ci` in {DIRECTORY}"
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
        if self.kind != Kind::PostGraphile {
            return bodies(operation, size);
        }
        let body = |n| {
            let mut variables = (operation.variables)(size, n);
            if let Some(after) = variables["after"].as_str() {
                let cursor = json!([self.order, decoded(after)[1]]).to_string();
                variables["after"] = BASE64_STANDARD.encode(cursor).into();
            }
            json!({ "query": POSTGRAPHILE[index], "variables": variables }).to_string()
        };
        (0..1_000).map(body).collect()
    }
}

/// The cursors of all of them are JSON in base64, padded or not.
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
