//! Where the keys of an issuer are had: its discovery document says where.
//!
//! Source of the rules: `OpenID` Connect Discovery 1.0, sections 3 and 4.

use std::{net::IpAddr, time::Duration};

use axum::{
    body::Bytes,
    http::{Request, StatusCode, Uri, header::ACCEPT},
};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde::Deserialize;
use tokio::time::timeout;

use super::keys::Keys;

/// How long an issuer has for both of its documents.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest of its documents, in bytes.
const LONGEST: usize = 256 * 1024;

pub(super) struct Issuer {
    name: String,
    discovery: Uri,
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
}

/// What is needed of a discovery document.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

impl Issuer {
    /// # Errors
    /// Where it is no URL that keys can be trusted from.
    pub(super) fn new(name: &str) -> Result<Self, String> {
        let discovery = format!(
            "{}/.well-known/openid-configuration",
            name.trim_end_matches('/')
        );
        let discovery = Uri::try_from(discovery)
            .ok()
            .filter(|uri| is_safe(uri) && !name.contains(['?', '#']));
        let discovery = discovery.ok_or_else(|| {
            format!("expected the https: URL of an OpenID issuer, as in https://shop.kinde.com, found {name}")
        })?;
        let tls = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())
            .map_err(|error| error.to_string())?
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self {
            name: name.to_owned(),
            discovery,
            client: Client::builder(TokioExecutor::new())
                // Asked for every few minutes: nothing is worth being kept open.
                .pool_max_idle_per_host(0)
                .build(tls),
        })
    }

    /// The keys that it has now.
    ///
    /// # Errors
    /// Why there are none, for the log.
    pub(super) async fn keys(&self) -> Result<Keys, String> {
        let keys = timeout(PATIENCE, self.discover()).await;
        keys.unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs())))
    }

    async fn discover(&self) -> Result<Keys, String> {
        let text = self.get(&self.discovery).await?;
        let discovery: Discovery = serde_json::from_slice(&text)
            .map_err(|_| format!("{} is no discovery document", self.discovery))?;
        if discovery.issuer != self.name {
            return Err(format!(
                "its discovery document is of the issuer {:?}: set AUTH_ISSUER to exactly that if it is who you mean",
                discovery.issuer
            ));
        }
        let uri = Uri::try_from(discovery.jwks_uri).ok().filter(is_safe);
        let uri = uri.filter(|uri| uri.scheme() == self.discovery.scheme() || is_https(uri));
        let uri = uri.ok_or("the jwks_uri of its discovery document is no https: URL")?;
        let text = self.get(&uri).await?;
        Keys::from_json(text).map_err(|error| format!("{uri}: {error}"))
    }

    async fn get(&self, uri: &Uri) -> Result<Vec<u8>, String> {
        let request = Request::get(uri)
            .header(ACCEPT, "application/json")
            .body(Empty::new());
        let request = request.map_err(|error| error.to_string())?;
        let response = self.client.request(request).await;
        let response = response.map_err(|error| format!("{uri} does not answer ({error})"))?;
        // Redirections are not followed: discovery has none.
        if response.status() != StatusCode::OK {
            return Err(format!("{uri} answers with {}", response.status()));
        }
        let body = Limited::new(response.into_body(), LONGEST).collect().await;
        let body = body.map_err(|error| format!("{uri} cannot be read ({error})"))?;
        Ok(body.to_bytes().into())
    }
}

/// Whether nobody between can have changed what is there.
fn is_safe(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    let address: Result<IpAddr, _> = host.trim_matches(['[', ']']).parse();
    let is_here = host == "localhost" || address.is_ok_and(|it| it.is_loopback());
    is_https(uri) || (uri.scheme_str() == Some("http") && is_here)
}

fn is_https(uri: &Uri) -> bool {
    uri.scheme_str() == Some("https") && uri.host().is_some()
}
