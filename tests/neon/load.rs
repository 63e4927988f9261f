//! Requests that go on while something happens to the database, and the account of what became of
//! them.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use reqwest::Client;
use sea_orm::DatabaseConnection;
use serde_json::{Value, json};
use tokio::{sync::Semaphore, task::JoinSet};

use crate::harness::{Answer, Serving, rows};

const READ: &str = "{ customers(first: 3, orderBy: [{field: NUMBER}]) { totalCount nodes {
    lastName tickets(first: 2) { totalCount nodes { title customer { email } } } } } }";
const CREATE_TICKET: &str = "mutation($i: String!) {
    createTicket(input: {customerId: 5, title: $i}) {
        ticket { title customer { lastName } } userErrors { code } } }";
const CREATE_CUSTOMER: &str = r#"mutation($i: String!, $email: String!) {
    createCustomer(input: {
        firstName: "Lo", lastName: $i, email: $email, phone: "1", address1: "1", city: "X",
        state: "TX", zipCode: "1", tickets: [{title: $i}, {title: $i}, {title: $i}]
    }) { customer { lastName } userErrors { code } } }"#;

pub(crate) struct Load {
    stopped: Arc<AtomicBool>,
    answered: Arc<Semaphore>,
    callers: JoinSet<()>,
    writes: Arc<Mutex<Vec<(u32, Answer)>>>,
}

impl Load {
    /// Callers that read, and some that write: each the next request once the last is answered.
    pub(crate) fn on(serving: &Serving, readers: u32, writers: u32) -> Self {
        let mut load = Self {
            stopped: Arc::default(),
            answered: Arc::new(Semaphore::new(0)),
            callers: JoinSet::new(),
            writes: Arc::default(),
        };
        let next = Arc::new(AtomicU32::new(0));
        for caller in 0..readers + writers {
            let client = Client::builder().no_proxy().build().expect("a client");
            let (url, next) = (serving.url.clone(), Arc::clone(&next));
            let (stopped, answered) = (Arc::clone(&load.stopped), Arc::clone(&load.answered));
            let written = Arc::clone(&load.writes);
            load.callers.spawn(async move {
                while !stopped.load(Ordering::Relaxed) {
                    if caller < readers {
                        let answer = Answer::to(&client, &url, &json!({ "query": READ })).await;
                        assert!(answer.data("/customers/nodes/0").is_object());
                    } else {
                        let i = next.fetch_add(1, Ordering::Relaxed);
                        let answer = Answer::to(&client, &url, &write(i)).await;
                        written
                            .lock()
                            .expect("nobody panics here")
                            .push((i, answer));
                    }
                    answered.add_permits(1);
                }
            });
        }
        load
    }

    /// Waits until so many more requests are answered.
    pub(crate) async fn answers(&self, count: u32) {
        let enough = self.answered.acquire_many(count).await;
        enough.expect("it is never closed").forget();
    }

    /// No read has failed; of the writes, each is there as often as its answer says.
    pub(crate) async fn account(mut self, database: &DatabaseConnection) -> Account {
        self.stopped.store(true, Ordering::Relaxed);
        while let Some(caller) = self.callers.join_next().await {
            caller.expect("no read fails");
        }
        let mut account = Account::default();
        let writes = std::mem::take(&mut *self.writes.lock().expect("nobody panics here"));
        for (i, answer) in writes {
            let count = rows::<i64>(database, &written(i)).await[0];
            let whole = if i.is_multiple_of(2) { 1 } else { 4 };
            if answer.errors().is_empty() {
                let payload = answer
                    .data("")
                    .as_object()
                    .and_then(|it| it.values().next());
                let user_errors = payload.map(|payload| payload["userErrors"].clone());
                assert_eq!(user_errors, Some(json!([])), "{:#}", answer.body);
                assert_eq!(count, whole, "an acknowledged write is there, once: {i}");
                account.acknowledged += 1;
            } else {
                assert_eq!(answer.code(), "UNAVAILABLE");
                assert!(
                    count == 0 || count == whole,
                    "whole or not at all, and once: {i}"
                );
                account.unknown += 1;
            }
        }
        account
    }
}

#[derive(Debug, Default)]
pub(crate) struct Account {
    pub(crate) acknowledged: u32,
    /// What the callers could not be told of.
    pub(crate) unknown: u32,
}

/// What the i-th request writes: a ticket, or a customer with three.
fn write(i: u32) -> Value {
    let mark = format!("load-{i}");
    let email = format!("{mark}@example.com");
    if i.is_multiple_of(2) {
        json!({ "query": CREATE_TICKET, "variables": { "i": mark } })
    } else {
        json!({ "query": CREATE_CUSTOMER, "variables": { "i": mark, "email": email } })
    }
}

/// How many rows there are of the i-th write.
fn written(i: u32) -> String {
    format!(
        "SELECT (SELECT count(*) FROM tickets WHERE title = 'load-{i}') \
         + (SELECT count(*) FROM customers WHERE last_name = 'load-{i}')"
    )
}
