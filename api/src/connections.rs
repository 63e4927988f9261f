//! The connections that stay open: how many there may be, and how all are told that the server
//! stops. Knows no protocol.

use std::{future::Future, sync::Arc};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};

use crate::Limits;

/// The open connections of a server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Connections {
    limits: Limits,
    room: Arc<Semaphore>,
    stop: CancellationToken,
    sockets: TaskTracker,
}

impl Connections {
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            room: Arc::new(Semaphore::new(limits.sockets)),
            stop: CancellationToken::default(),
            sockets: TaskTracker::default(),
        }
    }

    /// Tells all of them that the server stops. Streams end; sockets finish what they have begun,
    /// and close.
    pub fn stop(&self) {
        self.stop.cancel();
        self.sockets.close();
    }

    /// Waits for the sockets, which the HTTP server does not: for it an upgraded connection is done.
    pub fn stopped(&self) -> impl Future<Output = ()> + '_ {
        self.sockets.wait()
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Cancelled once the server stops.
    pub(crate) fn stopping(&self) -> &CancellationToken {
        &self.stop
    }

    /// To be held as long as a socket is open; none where there is no room for one more.
    pub(crate) fn socket(&self) -> Option<(TaskTrackerToken, OwnedSemaphorePermit)> {
        let room = self.stream()?;
        Some((self.sockets.token(), room))
    }

    /// To be held as long as a stream of events is open; none where there is no room for one more.
    pub(crate) fn stream(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.room).try_acquire_owned().ok()
    }
}

impl Default for Connections {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}
