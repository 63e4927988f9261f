//! The options that say who may reach the server, from where, and how much they may ask of it.

use clap::Args;

use crate::address::Proxy;

#[derive(Debug, Clone, Args)]
pub struct Reach {
    /// How long a request may take to its answer, in seconds; a change is finished even so
    #[arg(long, env, value_name = "SECONDS", default_value_t = 30)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=3600))]
    pub request_timeout: u16,

    /// How many requests may wait for their turn; more are refused at once
    #[arg(long, env, value_name = "N", default_value_t = 1000)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub max_waiting: u32,

    /// What a caller may spend a minute, a record costing about 1; 0 for no limit [default: 300000, but for callers on this machine]
    #[arg(long, env, value_name = "COST")]
    pub rate_limit: Option<u32>,

    /// Whose X-Forwarded-For is believed: the proxies' networks, as in `10.0.0.0/8,fd00::/8`
    #[arg(long, env, value_name = "NETWORKS", value_delimiter = ',')]
    pub trusted_proxies: Vec<Proxy>,

    /// How many connections clients may have open
    #[arg(long, env, value_name = "N", default_value_t = 10_000)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub max_clients: u32,

    /// How many of them from one address, trusted proxies and this machine aside
    #[arg(long, env, value_name = "N", default_value_t = 500)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub max_clients_per_address: u32,

    /// Whose pages may use the server from a browser: `https://shop.example,http://localhost:5173`
    #[arg(long, env, value_name = "ORIGINS", value_delimiter = ',', value_parser = origin)]
    pub cors_origins: Vec<String>,

    /// More names that a server without tokens goes by on its own machine, beside localhost
    #[arg(long, env, value_name = "NAMES", value_delimiter = ',')]
    pub hosts: Vec<String>,
}

/// An origin as browsers write it (RFC 6454, section 6.2): in small letters, without the port that
/// its scheme has anyway.
fn origin(text: &str) -> Result<String, &'static str> {
    let wrong = "expected an origin as in https://shop.example or http://localhost:5173";
    let text = text.trim().to_ascii_lowercase();
    let (scheme, authority) = text.split_once("://").ok_or(wrong)?;
    let is_of = |text: &str, more: &str| {
        let fits = |it: char| it.is_ascii_alphanumeric() || more.contains(it);
        !text.is_empty() && text.chars().all(fits)
    };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let is_host = match host.strip_prefix('[') {
        Some(address) => is_of(address, ":.]") && address.ends_with(']'),
        None => is_of(host, "-._"),
    };
    let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok());
    if !is_of(scheme, "+-.") || !is_host || !is_port {
        return Err(wrong);
    }
    let default = matches!(
        (scheme, port),
        ("http", Some("80")) | ("https", Some("443"))
    );
    Ok(match port {
        Some(port) if !default => format!("{scheme}://{host}:{port}"),
        _ => format!("{scheme}://{host}"),
    })
}

#[cfg(test)]
mod tests {
    use super::origin;

    #[test]
    fn an_origin_is_as_browsers_write_it() {
        for (text, written) in [
            ("https://shop.example", "https://shop.example"),
            (" HTTPS://Shop.Example:443", "https://shop.example"),
            ("http://localhost:80", "http://localhost"),
            ("http://localhost:443", "http://localhost:443"),
            ("http://127.0.0.1:5173", "http://127.0.0.1:5173"),
            ("http://[::1]:5173", "http://[::1]:5173"),
            ("http://[::1]", "http://[::1]"),
            ("capacitor://localhost", "capacitor://localhost"),
        ] {
            assert_eq!(origin(text).as_deref(), Ok(written), "{text}");
        }
        for wrong in [
            "",
            "*",
            "null",
            "shop.example",
            "https://",
            "https://shop.example/",
            "https://shop.example/path",
            "https://*.example",
            "https://joe@shop.example",
            "https://shop.example:",
            "https://shop.example:x",
            "https://shop.example:70000",
            "https://shop.example?",
            "https://shop example",
            "://shop.example",
        ] {
            assert!(origin(wrong).is_err(), "{wrong}");
        }
    }
}
