//! What a server is told about how to serve, whatever the transport.

use std::time::Duration;

use crate::{Limits, auth::Auth, document::Manifest};

/// How requests are served; the default is what `repairshop serve` does without options.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether the schema is told to who asks: introspection, `/schema.graphql`, the playground.
    pub introspection: bool,
    /// The trusted documents, which requests may name by their ids.
    pub documents: Option<Manifest>,
    /// Whether nothing but the trusted documents is run.
    pub documents_only: bool,
    /// How many requests an array of them may have; 0 for no arrays.
    pub batch: usize,
    /// How long a caller may take to send its request's body.
    pub body_timeout: Duration,
    /// What a request may take.
    pub limits: Limits,
    /// Whether an error says what the caller may have meant: names of the schema.
    pub suggestions: bool,
    /// What access tokens are checked with; none where everybody may do everything.
    pub auth: Option<Auth>,
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
        }
    }
}
