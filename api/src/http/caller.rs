//! Who sends an HTTP request: told from its headers and its connection.

use std::{
    convert::Infallible,
    net::{IpAddr, Ipv6Addr, SocketAddr},
};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{HeaderName, request::Parts},
};

use super::{Server, negotiate::listed};
use crate::{
    address::{Proxy, origin},
    viewer::Caller,
};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

impl FromRequestParts<Server> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Infallible> {
        let proxies = &server.app.settings().trusted_proxies;
        Ok(Self::anybody(address(parts, proxies)))
    }
}

/// Where the request comes from; nowhere where there is no connection.
fn address(parts: &Parts, proxies: &[Proxy]) -> IpAddr {
    let connection = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let connection = connection.map_or(Ipv6Addr::UNSPECIFIED.into(), |it| it.0.ip());
    if proxies.is_empty() {
        return connection.to_canonical();
    }
    let forwarded: Vec<&str> = listed(&parts.headers, &X_FORWARDED_FOR).collect();
    origin(proxies, connection, forwarded.into_iter())
}
