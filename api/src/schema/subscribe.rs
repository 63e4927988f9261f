//! How one subscription is executed: a response for each event.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_graphql::{
    Request, Response, ServerError,
    futures_util::{Stream, StreamExt, stream},
    parser::types::OperationType,
};

use super::{App, Prepared, refused};
use crate::{
    error::{Error, classify},
    live,
    viewer::Caller,
};

impl App {
    /// Begins a subscription: a response for each event, in their order. A request that is refused
    /// is one response, whose errors have no path. Nothing happens before the first is asked for,
    /// and to drop the stream is to unsubscribe.
    pub fn subscribe(&self, mut request: Request) -> impl Stream<Item = Response> + use<> {
        let cost = match self.to_subscribe(&mut request) {
            Ok(cost) => cost,
            Err(mut errors) => {
                for error in &mut errors {
                    error.path.clear();
                }
                let refusal = Response::from_errors(errors);
                return stream::once(async { refusal }).boxed();
            }
        };
        let begun = Arc::new(AtomicBool::new(false));
        let subscription = live::Subscription {
            live: self.live.clone(),
            begun: Arc::clone(&begun),
            admission: Arc::clone(&self.admission),
            caller: Caller::of(&request).cloned(),
            cost: u32::try_from(cost).unwrap_or(u32::MAX),
        };
        let request = request.data(subscription);
        let responses = AssertUnwindSafe(self.schema.execute_stream(request)).catch_unwind();
        let app = self.clone();
        let responses = responses.map(move |response| {
            let mut response = response.unwrap_or_else(|panic| refused(Error::panicked(&*panic)));
            for error in &mut response.errors {
                classify(error);
                if !begun.load(Ordering::Relaxed) {
                    error.path.clear();
                }
            }
            app.cut(&mut response);
            response
        });
        responses.boxed()
    }

    /// Gives a request that subscribes its document; returns what each event costs.
    fn to_subscribe(&self, request: &mut Request) -> Result<u64, Vec<ServerError>> {
        let Prepared { kind, cost, .. } = self.admit(request)?;
        if kind != OperationType::Subscription {
            let message = format!("Expected a subscription, found a {kind}.");
            return Err(vec![Error::bad_user_input(message).into_server_error()]);
        }
        Ok(cost)
    }
}
