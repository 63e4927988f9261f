//! Futures that are finished, whether anybody waits for them or not.
//!
//! A task for each would do that too, at the price of two changes of the thread for each.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use async_graphql::futures_util::future::BoxFuture;
use tokio::runtime::Handle;
use tokio_util::task::{TaskTracker, task_tracker::TaskTrackerToken};

/// The same future; where it is dropped before its end, it goes on in a task of its own. `tracker`
/// counts it until it has ended, in either way.
pub(crate) fn finished<T: Send + 'static>(
    tracker: &TaskTracker,
    future: impl Future<Output = T> + Send + 'static,
) -> impl Future<Output = T> + Send {
    Finished {
        future: Some(Box::pin(future)),
        tracker: tracker.clone(),
        _open: tracker.token(),
    }
}

struct Finished<T: Send + 'static> {
    /// None once it has ended.
    future: Option<BoxFuture<'static, T>>,
    tracker: TaskTracker,
    _open: TaskTrackerToken,
}

impl<T: Send + 'static> Future for Finished<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let Some(future) = &mut self.future else {
            return Poll::Pending;
        };
        let ready = future.as_mut().poll(cx);
        if ready.is_ready() {
            self.future = None;
        }
        ready
    }
}

impl<T: Send + 'static> Drop for Finished<T> {
    fn drop(&mut self) {
        // Without a runtime the process is at its end.
        if let (Some(future), Ok(runtime)) = (self.future.take(), Handle::try_current()) {
            self.tracker.spawn_on(future, &runtime);
        }
    }
}
