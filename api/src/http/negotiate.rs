//! What a caller accepts, and whether a body is what the server takes: RFC 9110, sections 8 and 12.

use axum::http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, IF_NONE_MATCH},
};

pub(super) const GRAPHQL: &str = "application/graphql-response+json";
pub(super) const JSON: &str = "application/json";

/// How much a caller wants [`JSON`] and [`GRAPHQL`]; none where it does not say.
pub(super) fn wanted(headers: &HeaderMap) -> Option<(f32, f32)> {
    let accept: Vec<&str> = listed(headers, &ACCEPT)
        .filter(|range| !range.is_empty())
        .collect();
    (!accept.is_empty()).then(|| (quality(&accept, JSON), quality(&accept, GRAPHQL)))
}

/// How much a caller wants a media type: the quality of the most specific range that has it (RFC
/// 9110, section 12.5.1). A range with another `charset` than UTF-8 does not have it.
fn quality(accept: &[&str], media_type: &str) -> f32 {
    let mut best = (0, 0.0);
    for range in accept {
        let mut parts = range.split(';').map(str::trim);
        let found = parts.next().unwrap_or_default();
        let specificity = if found.eq_ignore_ascii_case(media_type) {
            3
        } else if found.eq_ignore_ascii_case("application/*") {
            2
        } else if found == "*/*" {
            1
        } else {
            continue;
        };
        let mut quality = 1.0;
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            match name.trim() {
                name if name.eq_ignore_ascii_case("q") => {
                    quality = value.trim().parse().unwrap_or(0.0);
                }
                name if name.eq_ignore_ascii_case("charset") && !is_utf8(value) => quality = 0.0,
                _ => {}
            }
        }
        if specificity > best.0 {
            best = (specificity, quality);
        }
    }
    best.1
}

/// Whether a body is JSON in UTF-8, and nothing that would have to be unpacked.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let mut parts = header(headers, &CONTENT_TYPE).split(';').map(str::trim);
    let coding = header(headers, &CONTENT_ENCODING);
    (parts.next()).is_some_and(|found| found.eq_ignore_ascii_case(JSON))
        && (parts.filter_map(|part| part.split_once('=')))
            .all(|(name, value)| !name.trim().eq_ignore_ascii_case("charset") || is_utf8(value))
        && (coding.is_empty() || coding.eq_ignore_ascii_case("identity"))
}

fn is_utf8(charset: &str) -> bool {
    let charset = charset.trim().trim_matches('"');
    charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
}

/// What a header lists, which may be in several lines.
pub(crate) fn listed<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).into_iter();
    let items = lines.filter_map(|line| line.to_str().ok());
    items.flat_map(|line| line.split(',').map(str::trim))
}

/// Whether the caller has what the tag is of: the weak comparison of RFC 9110, section 8.8.3.2.
pub(crate) fn has(headers: &HeaderMap, tag: &str) -> bool {
    let opaque = |tag: &str| tag.trim_start_matches("W/").to_owned();
    listed(headers, &IF_NONE_MATCH).any(|known| known == "*" || opaque(known) == opaque(tag))
}

pub(super) fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    let value = headers.get(name).map(HeaderValue::to_str);
    value.and_then(Result::ok).unwrap_or_default()
}
