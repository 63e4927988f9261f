//! Who sends an HTTP request: told from its headers and its connection.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{
        HeaderMap, HeaderName, HeaderValue,
        header::{AUTHORIZATION, CACHE_CONTROL, WWW_AUTHENTICATE},
        request::Parts,
    },
    response::{IntoResponse, Response},
};

use super::{Server, answer::Answer, negotiate::listed};
use crate::{
    App,
    address::{Proxy, origin},
    auth::{Auth, Refused},
    viewer::Caller,
};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Somebody who is not let in.
pub(super) struct Unknown {
    refused: Refused,
    address: IpAddr,
    answer: Answer,
}

impl FromRequestParts<Arc<Server>> for Caller {
    type Rejection = Unknown;

    async fn from_request_parts(parts: &mut Parts, server: &Arc<Server>) -> Result<Self, Unknown> {
        let settings = server.app.settings();
        let address = address(parts, &settings.trusted_proxies);
        let Some(auth) = &settings.auth else {
            return Ok(Self::anybody(address));
        };
        let caller = known(&server.app, auth, &parts.headers, address).await;
        caller.map_err(|refused| Unknown {
            refused,
            address,
            answer: Answer::accepted(&parts.headers).unwrap_or(Answer::Json),
        })
    }
}

async fn known(
    app: &App,
    auth: &Auth,
    headers: &HeaderMap,
    address: IpAddr,
) -> Result<Caller, Refused> {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    match (lines.next(), lines.next()) {
        (None, _) => Err(Refused::Missing),
        (Some(line), None) => {
            let line = line.to_str().map_err(|_| Refused::Malformed)?;
            let pay = |cost| app.charge(&Caller::anybody(address), cost);
            auth.caller(line, address, pay).await
        }
        // Which of them is meant is not guessed.
        _ => Err(Refused::Malformed),
    }
}

impl Unknown {
    /// The address of who has sent no token at all.
    pub(super) fn without_token(&self) -> Option<IpAddr> {
        (self.refused == Refused::Missing).then_some(self.address)
    }
}

impl IntoResponse for Unknown {
    fn into_response(self) -> Response {
        let challenge = self.refused.challenge().map(HeaderValue::try_from);
        let error = self.refused.error().into_server_error();
        let mut response = self.answer.request_error(error);
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(Ok(challenge)) = challenge {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        response
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
