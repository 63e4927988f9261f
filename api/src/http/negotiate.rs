//! What a caller accepts, and whether a body is what the server takes: RFC 9110, sections 8 and 12.

use axum::http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, IF_NONE_MATCH},
};

pub(crate) const GRAPHQL: &str = "application/graphql-response+json";
pub(crate) const JSON: &str = "application/json";

/// One of the things that a caller lists as welcome, and how welcome it is (RFC 9110, section
/// 12.4.2).
pub(crate) struct Preference<'a> {
    /// A media range, or a content coding.
    pub(crate) range: &'a str,
    /// 0 to 1; 0 for what is not accepted.
    pub(crate) weight: f32,
    parameters: &'a str,
}

impl<'a> Preference<'a> {
    fn read(item: &'a str) -> Self {
        let (range, parameters) = item.split_once(';').unwrap_or((item, ""));
        let weight = parameter(parameters, "q").map_or(Ok(1.0), str::parse);
        Self {
            range: range.trim(),
            weight: weight.unwrap_or(0.0),
            parameters,
        }
    }

    pub(crate) fn is(&self, range: &str) -> bool {
        self.range.eq_ignore_ascii_case(range)
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<&'a str> {
        parameter(self.parameters, name)
    }
}

fn parameter<'a>(parameters: &'a str, name: &str) -> Option<&'a str> {
    let mut parameters = parameters.split(';').filter_map(|it| it.split_once('='));
    let found = parameters.find(|(it, _)| it.trim().eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.trim().trim_matches('"'))
}

/// What a caller accepts, as `Accept` and its like have it.
pub(crate) fn accepted<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = Preference<'a>> {
    let items = listed(headers, name).filter(|item| !item.is_empty());
    items.map(Preference::read)
}

/// How much a caller wants [`JSON`] and [`GRAPHQL`]; none where it does not say.
pub(super) fn wanted(headers: &HeaderMap) -> Option<(f32, f32)> {
    accepted(headers, &ACCEPT).next()?;
    Some((weight(headers, JSON), weight(headers, GRAPHQL)))
}

/// How much a caller wants a media type: the weight of the most specific range that has it (RFC
/// 9110, section 12.5.1). A range with another `charset` than UTF-8 does not have it.
pub(crate) fn weight(headers: &HeaderMap, media_type: &str) -> f32 {
    let (group, _) = media_type.split_once('/').unwrap_or((media_type, ""));
    let mut best = (0, 0.0);
    for found in accepted(headers, &ACCEPT) {
        let specificity = if found.is(media_type) {
            3
        } else if found
            .range
            .strip_suffix("/*")
            .is_some_and(|it| it.eq_ignore_ascii_case(group))
        {
            2
        } else if found.is("*/*") {
            1
        } else {
            continue;
        };
        if specificity > best.0 {
            let other = found.parameter("charset").is_some_and(|it| !is_utf8(it));
            best = (specificity, if other { 0.0 } else { found.weight });
        }
    }
    best.1
}

/// No content coding at all.
pub(crate) const IDENTITY: &str = "identity";

/// Of the content codings that are offered the one that a caller likes best, and of those that it
/// likes as much the last; none where it would rather have the bytes as they are (RFC 9110, section
/// 12.5.3).
pub(crate) fn coding(
    headers: &HeaderMap,
    offered: impl IntoIterator<Item = &'static str>,
) -> Option<&'static str> {
    let weight = |coding| {
        let of = |name| accepted(headers, &ACCEPT_ENCODING).find(|it| it.is(name));
        of(coding).or_else(|| of("*")).map(|it| it.weight)
    };
    // Acceptable unless it says otherwise, but no reason to send more bytes.
    let mut best = (None, weight(IDENTITY).unwrap_or(0.001));
    for coding in offered {
        let weight = weight(coding).unwrap_or(0.0);
        if weight > 0.0 && weight >= best.1 {
            best = (Some(coding), weight);
        }
    }
    best.0
}

/// Whether a body is JSON in UTF-8, and nothing that would have to be unpacked.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let found = Preference::read(header(headers, &CONTENT_TYPE));
    let coding = header(headers, &CONTENT_ENCODING);
    found.is(JSON)
        && found.parameter("charset").is_none_or(is_utf8)
        && (coding.is_empty() || coding.eq_ignore_ascii_case("identity"))
}

fn is_utf8(charset: &str) -> bool {
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
