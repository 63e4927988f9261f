//! What a browser may do for a web page, and what it is told about answers: pages of other origins
//! use the server only where that is allowed.
//!
//! Who may send what: mutations take a POST of `application/json` ([`super::post`]), which no browser
//! sends for a page of another origin without asking first; that question, and who may read answers,
//! is CORS. For sockets browsers do not ask: their `Origin` is looked at. A name that leads to this
//! machine makes a page of the same origin (DNS rebinding): a server that knows no callers answers to
//! the machine's own names alone.
//!
//! Source of the rules: the Fetch standard; RFC 6454 and RFC 6455, section 10.2; CSP 3.

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri,
        header::{
            ACCEPT, AUTHORIZATION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HOST,
            IF_NONE_MATCH, ORIGIN, REFERRER_POLICY, RETRY_AFTER, UPGRADE, WWW_AUTHENTICATE,
            X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
        },
        uri::Authority,
    },
    middleware::Next,
    response::Response,
};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::{answer::Answer, negotiate::header};
use crate::{
    error::{Code, coded, excerpt},
    settings::Settings,
};

/// How long a browser may remember what it was allowed: as long as Chromium does at most.
const REMEMBERED: Duration = Duration::from_hours(2);

/// What every answer says. An answer that is a page has a policy of its own.
const SAID: [(HeaderName, &str); 5] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'",
    ),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// What the pages of the listed origins may do; none where none are.
///
/// Without credentials: who is asking is told by a header, which a page has to have the token for.
pub(super) fn cors(settings: &Settings) -> Option<CorsLayer> {
    let origins = settings.cors_origins.iter();
    let origins: Vec<_> = origins
        .filter_map(|it| HeaderValue::try_from(it).ok())
        .collect();
    let headers = [
        ACCEPT,
        AUTHORIZATION,
        CONTENT_TYPE,
        IF_NONE_MATCH,
        // Apollo's clients send these.
        HeaderName::from_static("apollo-require-preflight"),
        HeaderName::from_static("apollographql-client-name"),
        HeaderName::from_static("apollographql-client-version"),
    ];
    (!origins.is_empty()).then(|| {
        CorsLayer::new()
            .allow_origin(AllowOrigin::list(origins))
            .allow_methods([Method::GET, Method::POST])
            .allow_headers(headers)
            .expose_headers([ETAG, RETRY_AFTER, WWW_AUTHENTICATE])
            .max_age(REMEMBERED)
    })
}

/// Refuses what no other page may do, and says of each answer what it is not for.
pub(super) async fn guard(
    State(settings): State<Arc<Settings>>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = match refusal(&settings, &request) {
        None => next.run(request).await,
        Some(refusal) => refusal,
    };
    let headers = response.headers_mut();
    for (name, value) in SAID {
        let value = HeaderValue::from_static(value);
        headers.entry(name).or_insert(value);
    }
    response
}

fn refusal(settings: &Settings, request: &Request) -> Option<Response> {
    let headers = request.headers();
    if let Some(hosts) = &settings.hosts
        && let Some(host) = host(headers, request.uri())
        && !is_local(hosts, host)
    {
        let message = format!(
            "Expected the host to be `localhost` or an address, found `{}`: name it in HOSTS, if it is yours.",
            excerpt(host)
        );
        let error = coded(Code::Forbidden, message, None);
        return Some(Answer::Json.errors(StatusCode::MISDIRECTED_REQUEST, vec![error]));
    }
    let socket = *request.method() == Method::CONNECT
        || header(headers, &UPGRADE).eq_ignore_ascii_case("websocket");
    if socket && let Some(origin) = headers.get(ORIGIN) {
        let origin = origin.to_str().unwrap_or("null");
        if !may_connect(settings, origin, host(headers, request.uri())) {
            let message = format!(
                "Expected a page of this server or of one of CORS_ORIGINS, found one of `{}`.",
                excerpt(origin)
            );
            let error = coded(Code::Forbidden, message, None);
            return Some(Answer::Json.errors(StatusCode::FORBIDDEN, vec![error]));
        }
    }
    None
}

/// Which host a request asks for; with HTTP/2 it is a part of the URI.
fn host<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Option<&'a str> {
    let named = uri.authority().map(Authority::as_str);
    named.or_else(|| headers.get(HOST).map(|it| it.to_str().unwrap_or_default()))
}

/// Whether a page of `origin` may open a socket to `host`: its own server's page may, and those that
/// are listed.
fn may_connect(settings: &Settings, origin: &str, host: Option<&str>) -> bool {
    let same = origin.split_once("://").is_some_and(|(scheme, from)| {
        let port = match scheme {
            "https" => ":443",
            _ => ":80",
        };
        let bare = |host: &str| host.strip_suffix(port).unwrap_or(host).to_ascii_lowercase();
        host.is_some_and(|host| bare(host) == bare(from))
    });
    same || settings.cors_origins.iter().any(|it| it == origin)
}

/// Whether a host is an address, to which a browser goes without asking for a name; or a name that
/// nobody gives out: one of `localhost`, or one without a dot, or one that was listed.
fn is_local(hosts: &[String], host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|it| it.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    !name.contains('.')
        || name.ends_with(".localhost")
        || bare.parse::<IpAddr>().is_ok()
        || hosts.iter().any(|it| it.eq_ignore_ascii_case(&name))
}
