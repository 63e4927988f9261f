//! What clients have open, connections or sockets and streams: how many in all, and from one address.
//!
//! Each takes memory and a file descriptor while it is silent, so that somebody who only opens them
//! could keep everybody else out.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use crate::address::{self, Proxy, is_proxy};

#[derive(Clone, Debug)]
pub(crate) struct Clients {
    most: usize,
    most_per_address: usize,
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// One that is open; it counts until it is dropped.
#[derive(Debug)]
pub(crate) struct Client {
    /// None where its address is not counted.
    address: Option<IpAddr>,
    open: Arc<Mutex<Open>>,
}

impl Clients {
    pub(crate) fn new(most: usize, most_per_address: usize) -> Self {
        Self {
            most,
            most_per_address,
            open: Arc::default(),
        }
    }

    /// One more from this address; none where there are too many.
    ///
    /// From this machine, from trusted proxies and from nowhere as many come as there are.
    pub(crate) fn enter(&self, address: IpAddr, proxies: &[Proxy]) -> Option<Client> {
        let address = address.to_canonical();
        let near = address.is_loopback() || address.is_unspecified();
        let counts = !near && !is_proxy(proxies, address);
        let address = counts.then(|| address::caller(address));
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.all >= self.most {
            return None;
        }
        if let Some(address) = address {
            let here = open.by_address.entry(address).or_default();
            if *here >= self.most_per_address {
                return None;
            }
            *here += 1;
        }
        open.all += 1;
        drop(open);
        let open = Arc::clone(&self.open);
        Some(Client { address, open })
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all -= 1;
        if let Some(address) = self.address
            && let Some(here) = open.by_address.get_mut(&address)
        {
            *here -= 1;
            if *here == 0 {
                open.by_address.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_counted_in_all_and_by_address() {
        let proxies = ["10.0.0.1".parse().expect("an address")];
        let clients = Clients::new(5, 2);
        let enter = |address: &str| clients.enter(address.parse().expect("an address"), &proxies);
        let one = enter("2001:db8::1").expect("room");
        let _two = enter("2001:db8::2").expect("room");
        assert!(enter("2001:db8::3").is_none(), "the same network");
        drop(one);
        let _one = enter("2001:db8::3").expect("room again");
        let _proxy = ["10.0.0.1"; 3].map(|it| enter(it).expect("a proxy has more"));
        assert!(enter("192.0.2.1").is_none(), "five are open");
        assert!(enter("127.0.0.1").is_none(), "five are open");
    }
}
