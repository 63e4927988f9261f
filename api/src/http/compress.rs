//! Compression, for answers that are worth it: gzip, Brotli or Zstandard, as the caller accepts.

use std::{convert::Infallible, future::ready};

use axum::{
    body::{Body, HttpBody},
    http::{
        HeaderMap, HeaderValue, Request,
        header::{ACCEPT_ENCODING, VARY},
    },
    response::Response,
};
use tower::{ServiceExt, service_fn};
use tower_http::{CompressionLevel, compression::Compression};

use super::negotiate::coding;

/// What fits into one packet as it is gains nothing.
const WORTH_IT: u64 = 1400;
/// The last is taken by who takes them all. Not Zstandard: the HTTP client of code generators accepts
/// it also on Node.js before 22.15, which cannot unpack it.
const CODINGS: [&str; 3] = ["zstd", "gzip", "br"];

/// The answer, compressed if it is long enough and the caller accepts that.
///
/// Not a layer around the routes: that would wrap and box the body of every answer, and event
/// streams with them.
pub(super) async fn compressed(asked: &HeaderMap, response: Response) -> Response {
    if response.body().size_hint().lower() < WORTH_IT {
        return response;
    }
    let Some(coding) = coding(asked, CODINGS) else {
        return varying(response);
    };
    let mut request = Request::new(response);
    (request.headers_mut()).insert(ACCEPT_ENCODING, HeaderValue::from_static(coding));
    let answer = service_fn(|it: Request<Response>| ready(Ok::<_, Infallible>(it.into_body())));
    let Ok(response) = Compression::new(answer)
        .quality(CompressionLevel::Fastest)
        .oneshot(request)
        .await;
    response.map(Body::new)
}

/// Who would have been given other bytes has to be told, if it is a cache.
fn varying(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("accept-encoding"));
    response
}
