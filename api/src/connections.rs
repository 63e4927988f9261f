//! The connections that stay open: how many there may be, and how all are told that the server
//! stops. Knows no protocol.

use std::{future::Future, net::IpAddr};

use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};

use crate::{
    Limits,
    address::Proxy,
    clients::{Client, Clients},
};

/// One address may have this part of all sockets and streams, so that no one caller takes them all.
const PART: usize = 20;
/// It may have as many in any case: an office shares an address.
const SOME: usize = 100;

/// The open connections of a server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Connections {
    limits: Limits,
    open: Clients,
    stop: CancellationToken,
    sockets: TaskTracker,
}

impl Connections {
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            open: Clients::new(limits.sockets, (limits.sockets / PART).max(SOME)),
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

    /// To be held as long as a socket is open; none where there is no room for one more, at all or
    /// from this address.
    pub(crate) fn socket(
        &self,
        address: IpAddr,
        proxies: &[Proxy],
    ) -> Option<(TaskTrackerToken, Client)> {
        let client = self.stream(address, proxies)?;
        Some((self.sockets.token(), client))
    }

    /// To be held as long as a stream of events is open; none where there is no room for one more, at
    /// all or from this address.
    pub(crate) fn stream(&self, address: IpAddr, proxies: &[Proxy]) -> Option<Client> {
        self.open.enter(address, proxies)
    }
}

impl Default for Connections {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}
