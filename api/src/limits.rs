//! What requests and connections may take: every figure, with its default. The command line has an
//! option for each (`config::limits`); whoever holds something against one says so in
//! an error with both figures.

use std::time::Duration;

/// The most groups that `technicians` and `ticketCounts` list.
pub(crate) const MAX_GROUPS: i32 = 1_000;
/// How many records `nodes` fetches at most.
pub(crate) const MAX_NODES: usize = 100;

/// How long an answer may be, in bytes, by and large: few rows may have long texts.
pub(crate) const MAX_ANSWER: usize = 32 * 1024 * 1024;

/// What requests and connections may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The objects that the answer to a request may have, and what else the database has to do for
    /// it; `document::cost` says how they are counted.
    pub cost: u64,
    /// The largest page; 100 by the schema, and less where a server says so.
    pub page: i32,
    /// Words, numbers, strings and signs of a document.
    pub tokens: usize,
    /// Selections of a document, each fragment written out wherever it is spread.
    pub selections: usize,
    /// Fields nested in each other.
    pub depth: usize,
    /// Fields at the root of an operation, those that are written twice counted twice.
    pub root_fields: usize,
    /// Aliases in a document.
    pub aliases: usize,
    /// Directives in a document.
    pub directives: usize,
    /// Directives at one place of a document. Two can be there.
    pub directives_at_once: usize,
    /// Brackets nested in each other, in a document, fragments written out, and in variables. What
    /// reads them goes down as deep on the stack: serde ends at 127.
    pub nesting: usize,
    /// Values in the variables of a request: lists and objects, and what is in them.
    pub values: usize,
    /// Errors in a response; the last says how many more there are.
    pub errors: usize,
    /// Bytes of a body, or of a WebSocket's message.
    pub message: usize,
    /// Bytes of all long bodies that are read or being answered at a time.
    pub bodies: usize,
    /// Operations that run at a time on a WebSocket.
    pub operations: usize,
    /// Sockets and event streams of the process.
    pub sockets: usize,
    /// Until a WebSocket's `connection_init`.
    pub init: Duration,
    /// Silence until a sign of life: a ping, a comment, an empty part.
    pub heartbeat: Duration,
    /// Until a client has read a message, or answered a ping.
    pub patience: Duration,
    /// Until a client has read some of what it was sent, whatever that is. More than `patience`: the
    /// reason why a socket is closed waits for the rest of it.
    pub unread: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cost: 25_000,
            page: 100,
            tokens: 10_000,
            selections: 5_000,
            depth: 15,
            root_fields: 50,
            aliases: 50,
            directives: 100,
            directives_at_once: 4,
            nesting: 64,
            values: 10_000,
            errors: 20,
            message: 1024 * 1024,
            bodies: 128 * 1024 * 1024,
            operations: 100,
            sockets: 5_000,
            init: Duration::from_secs(10),
            // Proxies cut silent connections after a minute, some after half of one.
            heartbeat: Duration::from_secs(12),
            patience: Duration::from_secs(20),
            unread: Duration::from_secs(30),
        }
    }
}

impl Limits {
    /// For who wrote the documents down when the client was built: they may be as large as they
    /// like, and what they ask for is held against the limits all the same.
    pub(crate) fn of_trusted(self) -> Self {
        Self {
            tokens: usize::MAX,
            depth: self.nesting,
            root_fields: usize::MAX,
            aliases: usize::MAX,
            directives: usize::MAX,
            directives_at_once: usize::MAX,
            ..self
        }
    }
}
