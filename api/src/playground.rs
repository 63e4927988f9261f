//! GraphiQL for browsers: the page and its files, which `build.rs` has put into the program.
//!
//! Knows who wants a page and how files are served; nothing of GraphQL, and does no I/O. Where the
//! program was built without the files, a page says how to get them.
//!
//! Source of the rules: RFC 9110 (negotiation, conditional requests), RFC 8246 (immutable), CSP 3.

use axum::{
    Router,
    body::Body,
    extract::{Path, Request, State},
    http::{
        HeaderMap, HeaderValue, Method, StatusCode,
        header::{
            CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, VARY,
        },
    },
    middleware::Next,
    response::{IntoResponse, Response},
    routing::get,
};

use crate::http::negotiate::{GRAPHQL, IDENTITY, JSON, coding, has, weight};

include!(concat!(env!("OUT_DIR"), "/playground.rs"));

/// A file of the bundle, as it is and compressed where that is worth it.
struct File {
    /// Its path beside the page; all but the page's has a hash of what is in it.
    name: &'static str,
    media_type: &'static str,
    identity: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

/// What a program has that was built without the bundle.
static WITHOUT: File = File {
    name: "index.html",
    media_type: "text/html; charset=utf-8",
    identity: include_bytes!("playground/missing.html"),
    brotli: None,
    gzip: None,
};

/// Nothing but this server's own files and its API. Monaco, the editor, sets styles of its own.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    font-src 'self' data:; img-src 'self' data:; worker-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The files that the page asks for; none where it is switched off.
pub(crate) fn files<S: Clone + Send + Sync + 'static>(on: bool) -> Router<S> {
    if on {
        Router::new().route("/playground/{name}", get(file))
    } else {
        Router::new()
    }
}

/// Answers with the page who would rather have one than JSON and asks no operation; the others go
/// on, and all of them where it is switched off.
pub(crate) async fn to_browsers(State(on): State<bool>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let reads = [Method::GET, Method::HEAD].contains(request.method());
    if on && reads && !has_operation(request.uri().query()) && prefers_a_page(headers) {
        let page = FILES.iter().find(|file| file.name == WITHOUT.name);
        return page.unwrap_or(&WITHOUT).to(headers, "no-cache");
    }
    next.run(request).await
}

async fn file(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let named = |file: &&File| file.name.strip_prefix("playground/") == Some(&name);
    let Some(file) = FILES.iter().find(named) else {
        let message = "Expected a file of the playground as it is now: load its page again.";
        return (StatusCode::NOT_FOUND, message).into_response();
    };
    file.to(&headers, "public, max-age=31536000, immutable")
}

/// Whether a URL has what the API would execute: a query, or the id of one.
fn has_operation(query: Option<&str>) -> bool {
    let names = query.unwrap_or_default().split('&');
    let mut names = names.map(|it| it.split('=').next().unwrap_or_default());
    names.any(|name| ["query", "documentId", "extensions"].contains(&name))
}

fn prefers_a_page(headers: &HeaderMap) -> bool {
    let page = weight(headers, "text/html");
    [JSON, GRAPHQL]
        .iter()
        .all(|json| page > weight(headers, json))
}

impl File {
    fn to(&self, headers: &HeaderMap, cache: &'static str) -> Response {
        let (encoding, bytes) = self.encoded(headers);
        let tag = (!VERSION.is_empty()).then(|| format!("\"{VERSION}-{encoding}\""));
        let same = tag.as_deref().is_some_and(|tag| has(headers, tag));
        let mut response = if same {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            Body::from(bytes).into_response()
        };
        let mut set = |name, value| response.headers_mut().insert(name, value);
        let fixed = HeaderValue::from_static;
        if !same {
            set(CONTENT_TYPE, fixed(self.media_type));
            if encoding != IDENTITY {
                set(CONTENT_ENCODING, fixed(encoding));
            }
        }
        if let Some(Ok(tag)) = tag.map(HeaderValue::try_from) {
            set(ETAG, tag);
        }
        set(CACHE_CONTROL, fixed(cache));
        set(VARY, fixed("accept, accept-encoding"));
        set(CONTENT_SECURITY_POLICY, fixed(POLICY));
        response
    }

    /// In the encoding that the caller likes best, the smallest of those that it likes as much.
    fn encoded(&self, headers: &HeaderMap) -> (&'static str, &'static [u8]) {
        let all = [("gzip", self.gzip), ("br", self.brotli)];
        let there = || {
            all.iter()
                .filter_map(|(name, bytes)| Some((*name, (*bytes)?)))
        };
        let best = coding(headers, there().map(|(name, _)| name));
        let best = there().find(|(name, _)| Some(*name) == best);
        best.unwrap_or((IDENTITY, self.identity))
    }
}
