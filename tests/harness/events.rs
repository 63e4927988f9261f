//! What a subscriber is sent, in its order.

use std::time::Duration;

use api::App;
use async_graphql::{
    Request, Response,
    futures_util::{StreamExt, poll, stream::BoxStream},
};
use serde_json::Value;
use std::task::Poll;
use tokio::time::timeout;

/// How long an event may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A subscription; dropped, it ends.
pub(crate) struct Events {
    stream: BoxStream<'static, Response>,
    /// What came before it was asked for.
    first: Option<Value>,
}

impl Events {
    /// Subscribes, and is in the queue when it returns.
    pub(crate) async fn of(app: &App, query: &str) -> Self {
        let mut stream = app.subscribe(Request::new(query)).boxed();
        let first = match poll!(stream.next()) {
            Poll::Ready(response) => response.map(json),
            Poll::Pending => None,
        };
        Self { stream, first }
    }

    /// The next response; none where it is over.
    pub(crate) async fn response(&mut self) -> Option<Value> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        let response = timeout(PATIENCE, self.stream.next()).await;
        response.expect("an event in time").map(json)
    }

    /// The next event, which has to be one: what is below the field at the root.
    pub(crate) async fn next(&mut self) -> Value {
        let mut response = self.response().await.expect("an event");
        let root = response["data"].as_object_mut();
        let root = root.and_then(|data| data.values_mut().next().map(Value::take));
        root.unwrap_or_else(|| panic!("no event: {response:#}"))
    }

    /// The next events, each in a line: `CREATED Ticket:15`.
    pub(crate) async fn lines(&mut self, count: usize) -> Vec<String> {
        let mut lines = Vec::with_capacity(count);
        for _ in 0..count {
            let event = self.next().await;
            let (kind, id) = (event["kind"].as_str(), event["id"].as_str());
            lines.push([kind, id].map(Option::unwrap_or_default).join(" "));
        }
        lines
    }

    /// The code of the error that is the last response.
    pub(crate) async fn ends_with(&mut self) -> Value {
        let response = self.response().await.expect("an error");
        assert_eq!(self.response().await, None);
        response["errors"][0].clone()
    }
}

fn json(response: Response) -> Value {
    let mut value = serde_json::to_value(response).expect("JSON");
    // As it goes over the wire.
    if value["errors"].as_array().is_some_and(Vec::is_empty) {
        value["errors"].take();
    }
    value
}
