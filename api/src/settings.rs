//! What a server is told about how to serve, whatever the transport.

use std::time::Duration;

use crate::{Limits, address::Proxy, admission::RateLimit, auth::Auth, document::Manifest};

/// How requests are served; the default is what `repairshop serve` does without options.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting by itself")]
pub struct Settings {
    /// Whether the schema is told to who asks: introspection, `/schema.graphql`, the playground.
    pub introspection: bool,
    /// The trusted documents, which requests may name by their ids.
    pub documents: Option<Manifest>,
    /// Whether nothing but the trusted documents is run.
    pub documents_only: bool,
    /// How many requests an array of them may have; 0 for no arrays.
    pub batch: usize,
    /// How long a caller may take to send its request's body, or a `WebSocket`'s message.
    pub body_timeout: Duration,
    /// What a request may take.
    pub limits: Limits,
    /// Whether an error says what the caller may have meant: names of the schema.
    pub suggestions: bool,
    /// What access tokens are checked with; none where everybody may do everything.
    pub auth: Option<Auth>,
    /// How long a request may take to its answer.
    pub request_timeout: Duration,
    /// What each caller may spend.
    pub rate_limit: RateLimit,
    /// Who is believed about where a request comes from.
    pub trusted_proxies: Vec<Proxy>,
    /// How many requests may wait for their turn.
    pub max_waiting: usize,
    /// How many connections may be open; and of these, from one address.
    pub max_clients: usize,
    pub max_clients_per_address: usize,
    /// Whose pages may use the server from a browser, beside its own.
    pub cors_origins: Vec<String>,
    /// The names that the server goes by beside `localhost`, where it answers to no others: one that
    /// lets everybody do everything would be there for any web page else.
    pub hosts: Option<Vec<String>>,
    /// Whether the database refuses an email address that another customer has in other letters, as
    /// our migrations have it do; else each write of one looks first.
    pub unique_emails: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            introspection: true,
            documents: None,
            documents_only: false,
            batch: 0,
            body_timeout: Duration::from_secs(10),
            limits: Limits::default(),
            suggestions: false,
            auth: None,
            request_timeout: Duration::from_secs(30),
            rate_limit: RateLimit::default(),
            trusted_proxies: Vec::new(),
            max_waiting: 1_000,
            max_clients: 10_000,
            max_clients_per_address: 500,
            cors_origins: Vec::new(),
            hosts: None,
            unique_emails: true,
        }
    }
}
