//! Who sends an HTTP request: told from its headers and its connection.

use std::{
    convert::Infallible,
    net::{IpAddr, Ipv6Addr, SocketAddr},
};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::request::Parts,
};

use super::Server;
use crate::viewer::Caller;

impl FromRequestParts<Server> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Server) -> Result<Self, Infallible> {
        Ok(Self::anybody(address(parts)))
    }
}

/// Where the connection comes from; nowhere where there is none.
fn address(parts: &Parts) -> IpAddr {
    let connection = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    connection.map_or(Ipv6Addr::UNSPECIFIED.into(), |it| it.0.ip().to_canonical())
}
