//! Who sends an HTTP request: told from its headers and its connection.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{AUTHORIZATION, CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE},
        request::Parts,
    },
    response::{IntoResponse, Response},
};

use super::{Server, answer::Answer};
use crate::{
    auth::{Auth, PAUSE, Refused},
    viewer::Caller,
};

/// Somebody who is not let in.
pub(super) struct Unknown {
    refused: Refused,
    address: IpAddr,
    answer: Answer,
}

impl FromRequestParts<Server> for Caller {
    type Rejection = Unknown;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Unknown> {
        let address = address(parts);
        let Some(auth) = &server.app.settings().auth else {
            return Ok(Self::anybody(address));
        };
        let caller = known(auth, &parts.headers, address).await;
        caller.map_err(|refused| Unknown {
            refused,
            address,
            answer: Answer::accepted(&parts.headers).unwrap_or(Answer::Json),
        })
    }
}

async fn known(auth: &Auth, headers: &HeaderMap, address: IpAddr) -> Result<Caller, Refused> {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    match (lines.next(), lines.next()) {
        (None, _) => Err(Refused::Missing),
        (Some(line), None) => {
            let line = line.to_str().map_err(|_| Refused::Malformed)?;
            auth.caller(line, address).await
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
        let status = if self.refused == Refused::Unavailable {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            StatusCode::UNAUTHORIZED
        };
        let error = self.refused.error().into_server_error();
        let mut response = self.answer.errors(status, vec![error]);
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match self.refused.challenge().map(HeaderValue::try_from) {
            Some(Ok(challenge)) => {
                headers.insert(WWW_AUTHENTICATE, challenge);
            }
            _ => {
                headers.insert(RETRY_AFTER, PAUSE.as_secs().into());
            }
        }
        response
    }
}

/// Where the connection comes from; nowhere where there is none.
fn address(parts: &Parts) -> IpAddr {
    let connection = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    connection.map_or(Ipv6Addr::UNSPECIFIED.into(), |it| it.0.ip().to_canonical())
}
