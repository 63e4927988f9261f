//! The connections that stay open: how much each may hold, how long it is waited for, and how all
//! are told that the server stops. Knows no protocol.

use std::{future::Future, time::Duration};

use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};

/// What one connection may hold, and how long it is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Operations that run at a time on a WebSocket.
    pub operations: usize,
    /// Bytes of a message from a client.
    pub message: usize,
    /// Until a WebSocket's `connection_init`.
    pub init: Duration,
    /// Silence until a sign of life: a ping, a comment, an empty part.
    pub heartbeat: Duration,
    /// Until a client has read a message, or answered a ping.
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            operations: 100,
            message: 1024 * 1024,
            init: Duration::from_secs(10),
            // Proxies cut silent connections after a minute, some after half of one.
            heartbeat: Duration::from_secs(12),
            patience: Duration::from_secs(20),
        }
    }
}

/// The open connections of a server. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Connections {
    limits: Limits,
    stop: CancellationToken,
    sockets: TaskTracker,
}

impl Connections {
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            ..Self::default()
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

    /// To be held as long as a socket is open.
    pub(crate) fn socket(&self) -> TaskTrackerToken {
        self.sockets.token()
    }
}
