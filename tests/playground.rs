//! GraphiQL: who gets the page, how its files travel, and what it does in a browser.

mod bundle;

use reqwest::{
    Client, Method, RequestBuilder, Response,
    header::{self, HeaderName},
};
use serde_json::json;

use crate::harness::{Answer, Serving, node};

/// What Chromium sends when it opens a page.
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,\
    image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7";

fn client() -> Client {
    let client = Client::builder().no_proxy().build();
    client.expect("an HTTP client")
}

fn get(serving: &Serving, path: &str) -> RequestBuilder {
    let url = reqwest::Url::parse(&serving.url).and_then(|url| url.join(path));
    client().get(url.expect("a URL"))
}

async fn send(request: RequestBuilder) -> Response {
    request.send().await.expect("an answer")
}

fn header(response: &Response, name: HeaderName) -> &str {
    let value = response.headers().get(name);
    value.map_or("", |value| value.to_str().expect("text"))
}

/// The paths of the files that the page asks for first.
async fn files(serving: &Serving) -> Vec<String> {
    let page = send(get(serving, "/").header(header::ACCEPT, BROWSER)).await;
    let page = page.text().await.expect("a page");
    let files: Vec<_> = (page.split(['"', '\'']))
        .filter_map(|it| it.strip_prefix("./playground/"))
        .map(|name| format!("/playground/{name}"))
        .collect();
    assert!(
        files.iter().any(|name| name.contains("/index-")),
        "the bundle is not part of the program: see the warnings of `touch api/build.rs; cargo build`\n{page}"
    );
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_can_do_everything_in_a_browser() {
    let serving = Serving::start(&[]);
    let screenshots = env!("CARGO_TARGET_TMPDIR");
    node("playground.mjs", &[&serving.url, screenshots]).await;
    // What was written there is in the database.
    let query = json!({ "query": "{ customerByEmail(email: \"ada@example.com\") { lastName } }" });
    let answer = Answer::to(&client(), &serving.url, &query).await;
    assert_eq!(answer.data("/customerByEmail/lastName"), "Lovelace");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_prefers_a_page_gets_it_and_others_the_api() {
    let serving = Serving::start(&[]);
    let (page, json) = ("text/html", "application/json");
    for (path, accept, media_type) in [
        ("/", BROWSER, page),
        ("/graphql", BROWSER, page),
        ("/graphql", "text/html", page),
        ("/graphql", "text/*", page),
        ("/graphql", "application/json;q=0.5, text/html;q=0.6", page),
        ("/graphql?", BROWSER, page),
        ("/graphql?tab=1", BROWSER, page),
        // As much as JSON is not more.
        ("/graphql", "*/*", json),
        ("/graphql", "text/html, application/json", json),
        ("/graphql", "application/json, text/html;q=0.9", json),
        ("/graphql", "text/html;q=0, */*", json),
        ("/graphql", "text/event-stream, */*;q=0.5", json),
        ("/", "*/*", json),
        // An operation is executed, whoever asks.
        ("/graphql?query={__typename}", BROWSER, json),
        ("/graphql?documentId=1", BROWSER, json),
        // Nothing else is there.
        ("/graphiql", BROWSER, json),
    ] {
        let request = get(&serving, path).header(header::ACCEPT, accept);
        let found = send(request).await;
        let found = header(&found, header::CONTENT_TYPE);
        assert_eq!(
            found,
            format!("{media_type}; charset=utf-8"),
            "{path} for {accept}"
        );
    }
    let post = client().post(&serving.url).header(header::ACCEPT, BROWSER);
    let answer = send(post.json(&json!({ "query": "{ __typename }" }))).await;
    assert_eq!(
        header(&answer, header::CONTENT_TYPE),
        "application/json; charset=utf-8"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_may_do_nothing_but_what_it_needs() {
    let serving = Serving::start(&[]);
    let answer = send(get(&serving, "/graphql").header(header::ACCEPT, BROWSER)).await;
    assert_eq!(header(&answer, header::CACHE_CONTROL), "no-cache");
    assert_eq!(header(&answer, header::VARY), "accept, accept-encoding");
    let policy = header(&answer, header::CONTENT_SECURITY_POLICY);
    let rules: Vec<_> = policy.split("; ").collect();
    for rule in [
        "default-src 'none'",
        "script-src 'self'",
        "connect-src 'self'",
        "worker-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'none'",
    ] {
        assert!(rules.contains(&rule), "{rule} is not in {policy}");
    }
    assert_eq!(header(&answer, header::X_CONTENT_TYPE_OPTIONS), "nosniff");
    assert_eq!(header(&answer, header::X_FRAME_OPTIONS), "DENY");
    assert_eq!(header(&answer, header::REFERRER_POLICY), "no-referrer");
    // Nor does it name another server.
    let page = answer.text().await.expect("a page");
    assert!(!page.contains("//"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_kept_for_ever_and_asked_for_once() {
    let serving = Serving::start(&[]);
    for path in files(&serving).await {
        let first = send(get(&serving, &path)).await;
        assert_eq!(first.status(), 200, "{path}");
        let cache = header(&first, header::CACHE_CONTROL);
        assert_eq!(cache, "public, max-age=31536000, immutable");
        assert_eq!(header(&first, header::X_CONTENT_TYPE_OPTIONS), "nosniff");
        let tag = header(&first, header::ETAG).to_owned();
        for (tags, status) in [
            (tag.clone(), 304),
            (format!("W/{tag}"), 304),
            (format!("\"other\", {tag}"), 304),
            ("*".to_owned(), 304),
            ("\"other\"".to_owned(), 200),
        ] {
            let again = get(&serving, &path).header(header::IF_NONE_MATCH, &tags);
            let again = send(again).await;
            assert_eq!(again.status(), status, "{path} for {tags}");
            assert_eq!(header(&again, header::ETAG), tag);
            let body = again.bytes().await.expect("a body");
            assert_eq!(body.is_empty(), status == 304);
        }
    }
    for path in [
        "/playground/index-of-yesterday.js",
        "/playground/%2e%2e%2findex.html",
    ] {
        assert_eq!(send(get(&serving, path)).await.status(), 404, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_as_small_as_the_caller_takes_them() {
    let serving = Serving::start(&[]);
    let script = files(&serving).await;
    let script = script.iter().find(|path| path.contains("/index-"));
    let script = script.expect("a script");
    let plain = send(get(&serving, script)).await;
    let (plain_tag, plain_size) = (
        header(&plain, header::ETAG).to_owned(),
        plain.content_length(),
    );
    for (accept, encoding) in [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, deflate", "gzip"),
        ("GZIP", "gzip"),
        ("*", "br"),
        ("br;q=0.5, gzip;q=0.6", "gzip"),
        ("br;q=0, *", "gzip"),
        ("", ""),
        ("identity", ""),
        ("deflate", ""),
        ("br;q=0", ""),
        ("br;q=0.5, identity", ""),
    ] {
        let request = get(&serving, script).header(header::ACCEPT_ENCODING, accept);
        let answer = send(request).await;
        assert_eq!(
            header(&answer, header::CONTENT_ENCODING),
            encoding,
            "for {accept:?}"
        );
        assert_eq!(header(&answer, header::VARY), "accept, accept-encoding");
        let size = answer.content_length();
        if encoding.is_empty() {
            assert_eq!(size, plain_size);
        } else {
            assert!(
                size < plain_size.map(|size| size / 3),
                "{encoding}: {size:?}"
            );
            assert_ne!(header(&answer, header::ETAG), plain_tag, "{encoding}");
        }
        let head = get(&serving, script).build().expect("a request");
        let head = client().request(Method::HEAD, head.url().clone());
        let head = send(head.header(header::ACCEPT_ENCODING, accept)).await;
        let length = size.map(|size| size.to_string()).unwrap_or_default();
        assert_eq!(header(&head, header::CONTENT_LENGTH), length);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_introspection_there_is_no_page() {
    let serving = Serving::start(&[("INTROSPECTION", "false")]);
    for path in ["/", "/graphql"] {
        let answer = send(get(&serving, path).header(header::ACCEPT, BROWSER)).await;
        assert!(header(&answer, header::CONTENT_TYPE).starts_with("application/json"));
    }
    for path in ["/playground/index.js", "/schema.graphql"] {
        assert_eq!(send(get(&serving, path)).await.status(), 404);
    }
}
