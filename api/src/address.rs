//! Addresses: what tells callers apart, and who is believed about where a request comes from.
//!
//! Source of the rules: RFC 7239, section 7.4, for `X-Forwarded-For`, whose entries anybody may have
//! written but those that our own proxies have added.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

use ipnet::IpNet;

/// What is counted as one caller: an IPv4 address; of an IPv6 address the network of 64 bits, of
/// which each household has at least one to choose addresses from.
pub(crate) fn caller(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) & (u128::MAX << 64);
            Ipv6Addr::from(network).into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Proxies that are believed: `10.0.0.0/8`, or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proxy(IpNet);

impl FromStr for Proxy {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let network = text
            .parse()
            .or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        let network = network.map_err(|_| "expected a network as in 10.0.0.0/8, or an address")?;
        Ok(Self(network))
    }
}

/// Whether `address` is one of the proxies.
pub(crate) fn is_proxy(proxies: &[Proxy], address: IpAddr) -> bool {
    let address = address.to_canonical();
    proxies.iter().any(|proxy| proxy.0.contains(&address))
}

/// Where a request comes from: the last address of connection and `forwarded` that is not a proxy's.
/// `forwarded` is `X-Forwarded-For`, of which each proxy has added the last entry.
pub(crate) fn origin<'a>(
    proxies: &[Proxy],
    connection: IpAddr,
    forwarded: impl DoubleEndedIterator<Item = &'a str>,
) -> IpAddr {
    let mut address = connection.to_canonical();
    for entry in forwarded.rev() {
        if !is_proxy(proxies, address) {
            break;
        }
        // What is no address was not written by a proxy of ours; it is the last that is known.
        let Some(next) = address_of(entry) else { break };
        // Nobody comes from the proxy's own machine, whatever somebody has written.
        if next.is_loopback() || next.is_unspecified() {
            break;
        }
        address = next;
    }
    address
}

/// Some proxies write the port, too.
fn address_of(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let bare = entry.trim_start_matches('[').trim_end_matches(']');
    let address: Option<IpAddr> = bare.parse().ok();
    let address = address.or_else(|| entry.parse::<SocketAddr>().ok().map(|it| it.ip()));
    address.map(|it| it.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_household_is_one_caller() {
        assert_eq!(caller(ip("2001:db8:1:2:3:4:5:6")), ip("2001:db8:1:2::"));
        assert_ne!(caller(ip("2001:db8:1:2::1")), caller(ip("2001:db8:1:3::1")));
        assert_eq!(caller(ip("::ffff:192.0.2.7")), ip("192.0.2.7"));
        assert_ne!(caller(ip("192.0.2.7")), caller(ip("192.0.2.8")));
    }

    #[test]
    fn only_what_a_proxy_of_ours_says_is_believed() {
        let proxies = ["10.0.0.0/8", "::1", "2001:db8::/32"].map(|it| it.parse().expect("one"));
        let from = |connection: &str, forwarded: &str| {
            origin(&proxies, ip(connection), forwarded.split(',')).to_string()
        };
        assert_eq!(from("192.0.2.1", "203.0.113.9"), "192.0.2.1");
        assert_eq!(from("10.0.0.1", "203.0.113.9"), "203.0.113.9");
        assert_eq!(from("::ffff:10.0.0.1", "203.0.113.9"), "203.0.113.9");
        // The first was made up by the second.
        assert_eq!(from("10.0.0.1", "198.51.100.1, 203.0.113.9"), "203.0.113.9");
        assert_eq!(
            from("::1", "203.0.113.9, 10.1.2.3, 10.4.5.6"),
            "203.0.113.9"
        );
        assert_eq!(from("10.0.0.1", "10.1.2.3"), "10.1.2.3");
        assert_eq!(from("10.0.0.1", "203.0.113.9:4711"), "203.0.113.9");
        assert_eq!(from("10.0.0.1", "[2001:470::1]:4711"), "2001:470::1");
        assert_eq!(from("10.0.0.1", "2001:470::1"), "2001:470::1");
        for nobody in ["", "unknown", "203.0.113.9, , ", "203.0.113.9, _hidden"] {
            assert_eq!(from("10.0.0.1", nobody), "10.0.0.1", "{nobody:?}");
        }
    }

    #[test]
    fn a_proxy_is_a_network_or_an_address() {
        for right in ["10.0.0.0/8", "10.1.2.3", "::1", "fd00::/8"] {
            assert!(right.parse::<Proxy>().is_ok(), "{right}");
        }
        for wrong in ["", "10.0.0.0/33", "proxy", "10.0.0", "*", "10.0.0.1:80"] {
            assert!(wrong.parse::<Proxy>().is_err(), "{wrong}");
        }
    }
}
