//! The operations of one socket: told apart by their ids, run side by side, dropped at any time.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use async_graphql::{
    Response,
    futures_util::{
        Stream, StreamExt,
        stream::{AbortHandle, Abortable, BoxStream, FuturesUnordered, StreamFuture},
    },
};

/// One operation: the responses that it will have.
pub(super) struct Operation {
    pub(super) id: Arc<str>,
    pub(super) kind: Kind,
    responses: Abortable<BoxStream<'static, Response>>,
}

/// Whether an operation ends with its first response.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Single,
    Subscription,
}

impl Stream for Operation {
    type Item = Response;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Response>> {
        self.responses.poll_next_unpin(cx)
    }
}

#[derive(Default)]
pub(super) struct Operations {
    /// By id, those that the client takes for active.
    active: HashMap<Arc<str>, (Kind, AbortHandle)>,
    running: FuturesUnordered<StreamFuture<Operation>>,
    /// Those that have more to say, when there is room for it.
    waiting: Vec<Operation>,
}

impl Operations {
    pub(super) fn len(&self) -> usize {
        self.active.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.active.is_empty()
    }

    pub(super) fn contains(&self, id: &str) -> bool {
        self.active.contains_key(id)
    }

    pub(super) fn start(&mut self, id: &str, kind: Kind, responses: BoxStream<'static, Response>) {
        let id: Arc<str> = id.into();
        let (handle, registration) = AbortHandle::new_pair();
        self.active.insert(Arc::clone(&id), (kind, handle));
        self.running.push(
            Operation {
                id,
                kind,
                responses: Abortable::new(responses, registration),
            }
            .into_future(),
        );
    }

    /// Drops an operation: nothing more is heard of it. Unknown ids are those of operations that
    /// have ended meanwhile.
    pub(super) fn stop(&mut self, id: &str) {
        if let Some((_, handle)) = self.active.remove(id) {
            handle.abort();
            self.drop_stopped();
        }
    }

    /// Drops the subscriptions, which would go on for ever.
    pub(super) fn stop_subscriptions(&mut self) {
        self.active.retain(|_, (kind, handle)| {
            let stays = *kind == Kind::Single;
            if !stays {
                handle.abort();
            }
            stays
        });
        self.drop_stopped();
    }

    fn drop_stopped(&mut self) {
        (self.waiting).retain(|operation| !operation.responses.is_aborted());
    }

    /// Lets an operation that has said something wait until there is room for more.
    pub(super) fn wait(&mut self, operation: Operation) {
        self.waiting.push(operation);
    }

    /// Runs those that wait.
    pub(super) fn resume(&mut self) {
        let waiting = self.waiting.drain(..).map(StreamExt::into_future);
        self.running.extend(waiting);
    }

    /// What an operation says next; none at its end. Those that were stopped say nothing.
    pub(super) fn poll_response(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<(Operation, Option<Response>)> {
        while let Poll::Ready(Some((response, operation))) = self.running.poll_next_unpin(cx) {
            if !operation.responses.is_aborted() {
                return Poll::Ready((operation, response));
            }
        }
        Poll::Pending
    }
}
