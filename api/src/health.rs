//! Whether the server can answer, as far as it knows without asking.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use async_graphql::Response;
use tokio::time::timeout;

use crate::{
    database::Database,
    error::{Code, has_code},
};

/// How long a database that was lost has to answer before it still is.
const PATIENCE: Duration = Duration::from_secs(1);

/// What was last seen of the parts that the server needs.
#[derive(Default)]
pub(crate) struct Health {
    database_lost: AtomicBool,
}

impl Health {
    /// Takes note of what a request met.
    pub(crate) fn note(&self, response: &Response) {
        // Nearly all have no errors at all.
        if response
            .errors
            .iter()
            .any(|it| has_code(it, Code::Unavailable))
        {
            self.database_lost.store(true, Ordering::Relaxed);
        }
    }

    /// What is not there. A database is asked only if a request has missed it: one that sleeps
    /// would wake, and stay awake for as long as somebody wants to know.
    pub(crate) async fn missing(&self, database: &Database) -> Vec<&'static str> {
        let mut missing = Vec::new();
        if self.database_lost.load(Ordering::Relaxed) {
            let answers = timeout(PATIENCE, database.answers()).await;
            if answers.is_ok_and(|answers| answers) {
                self.database_lost.store(false, Ordering::Relaxed);
            } else {
                missing.push("database");
            }
        }
        missing
    }
}
