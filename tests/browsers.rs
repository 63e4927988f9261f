//! What a browser is told about answers, and what it may do for a page of somebody else's.

use api::Settings;
use reqwest::{Method, RequestBuilder, Response, header};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::harness::{Directory, Serving, Shop, on_both, within};

on_both!(
    every_answer_says_what_it_is_not_for,
    pages_of_other_origins_are_told_nothing,
    pages_of_listed_origins_are_told_what_they_may,
    errors_are_told_to_listed_origins_too,
);

const SHOP: &str = "https://shop.example";
const QUERY: &str = "{ ticket(id: 1) { number } }";

fn client() -> reqwest::Client {
    let client = reqwest::Client::builder().no_proxy();
    let client = client.redirect(reqwest::redirect::Policy::none()).build();
    client.expect("a client")
}

async fn sent(request: RequestBuilder) -> Response {
    within("an answer", request.send())
        .await
        .expect("an answer")
}

/// The values of a header, small.
fn values(response: &Response, name: &str) -> Vec<String> {
    let values = response.headers().get_all(name).into_iter();
    let values = values.flat_map(|it| it.to_str().expect("text").split(','));
    values.map(|it| it.trim().to_lowercase()).collect()
}

async fn every_answer_says_what_it_is_not_for(shop: Shop) {
    let root = shop.url.trim_end_matches("/graphql");
    let ask = json!({ "query": QUERY }).to_string();
    let json = "application/json";
    for (status, method, path, accept, media_type, body) in [
        (200, Method::POST, "/graphql", json, json, ask.as_str()),
        (
            200,
            Method::POST,
            "/graphql",
            "text/event-stream",
            json,
            &ask,
        ),
        (400, Method::POST, "/graphql", json, json, "{"),
        (406, Method::POST, "/graphql", "image/png", json, &ask),
        (415, Method::POST, "/graphql", json, "text/plain", &ask),
        (405, Method::DELETE, "/graphql", json, json, ""),
        (204, Method::OPTIONS, "/graphql", json, json, ""),
        (400, Method::GET, "/graphql", json, json, ""),
        (200, Method::GET, "/graphql", "text/html", json, ""),
        (200, Method::GET, "/", "text/html", json, ""),
        (
            200,
            Method::GET,
            "/graphql?query={viewer{role}}",
            json,
            json,
            "",
        ),
        (
            405,
            Method::GET,
            "/graphql?query=mutation{deleteTicket(input:{id:1}){deletedTicketId}}",
            json,
            json,
            "",
        ),
        (404, Method::GET, "/playground/nothing.js", "*/*", json, ""),
        (404, Method::GET, "/nothing", "*/*", json, ""),
        (200, Method::GET, "/schema.graphql", "*/*", json, ""),
        (200, Method::HEAD, "/schema.graphql", "*/*", json, ""),
        (200, Method::GET, "/health/live", "*/*", json, ""),
        (405, Method::POST, "/health/live", "*/*", json, ""),
    ] {
        let request = client().request(method.clone(), format!("{root}{path}"));
        let request = request.header(header::ACCEPT, accept);
        let request = request.header(header::CONTENT_TYPE, media_type);
        let response = sent(request.body(body.to_owned())).await;
        let what = format!("{method} {path} {accept}");
        assert_eq!(response.status(), status, "{what}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "deny"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(values(&response, name), [value], "{what}: {name}");
        }
        let policy = values(&response, "content-security-policy");
        assert_eq!(policy.len(), 1, "{what}");
        for part in ["default-src 'none'", "frame-ancestors 'none'"] {
            assert!(policy[0].contains(part), "{what}: {policy:?}");
        }
        assert!(!policy[0].contains("unsafe-eval"), "{what}: {policy:?}");
        let script = policy[0].split("script-src").nth(1).unwrap_or_default();
        let script = script.split(';').next().unwrap_or_default();
        assert!(!script.contains("unsafe"), "{what}: {policy:?}");
    }
    assert_eq!(shop.count("tickets WHERE id = 1").await, 1);
}

/// What a browser asks before a page of `origin` may send JSON.
fn preflight(url: &str, origin: &str) -> RequestBuilder {
    (client().request(Method::OPTIONS, url))
        .header(header::ORIGIN, origin)
        .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
        .header(
            header::ACCESS_CONTROL_REQUEST_HEADERS,
            "content-type,authorization",
        )
}

fn post(url: &str, origin: &str) -> RequestBuilder {
    let request = client().post(url).header(header::ORIGIN, origin);
    request.json(&json!({ "query": QUERY }))
}

fn allows_nothing(response: &Response) {
    let said = response.headers().keys();
    let said: Vec<_> = (said.map(header::HeaderName::as_str))
        .filter(|name| {
            [
                "access-control-allow-origin",
                "access-control-allow-credentials",
            ]
            .contains(name)
        })
        .collect();
    assert_eq!(said, [""; 0]);
}

async fn pages_of_other_origins_are_told_nothing(shop: Shop) {
    for origin in [SHOP, "null", "http://localhost:3000"] {
        allows_nothing(&sent(preflight(&shop.url, origin)).await);
        allows_nothing(&sent(post(&shop.url, origin)).await);
    }
}

fn settings() -> Settings {
    Settings {
        cors_origins: vec![SHOP.to_owned(), "http://localhost:5173".to_owned()],
        ..Settings::default()
    }
}

async fn pages_of_listed_origins_are_told_what_they_may(shop: Shop) {
    let url = shop.program_with(settings(), 2).await;
    for origin in [SHOP, "http://localhost:5173"] {
        let response = sent(preflight(&url, origin)).await;
        assert!(response.status().is_success(), "{}", response.status());
        assert_eq!(values(&response, "access-control-allow-origin"), [origin]);
        let methods = values(&response, "access-control-allow-methods");
        assert!(methods.contains(&"post".to_owned()), "{methods:?}");
        let headers = values(&response, "access-control-allow-headers");
        for name in ["content-type", "authorization", "accept"] {
            assert!(headers.contains(&name.to_owned()), "{headers:?}");
        }
        assert!(!values(&response, "access-control-max-age").is_empty());
        assert!(values(&response, "access-control-allow-credentials").is_empty());

        let response = sent(post(&url, origin)).await;
        assert_eq!(response.status(), 200);
        assert_eq!(values(&response, "access-control-allow-origin"), [origin]);
        assert!(values(&response, "access-control-allow-credentials").is_empty());
        let exposed = values(&response, "access-control-expose-headers");
        for name in ["etag", "retry-after"] {
            assert!(exposed.contains(&name.to_owned()), "{exposed:?}");
        }
        let vary = values(&response, "vary");
        for name in ["accept", "origin"] {
            assert!(vary.contains(&name.to_owned()), "{vary:?}");
        }
    }
    for origin in [
        "https://evil.example",
        "https://shop.example.evil.example",
        "https://evil-shop.example",
        "http://shop.example",
        "https://shop.example:8443",
        "https://SHOP.example",
        "null",
        "*",
        "",
    ] {
        for request in [preflight(&url, origin), post(&url, origin)] {
            let response = sent(request).await;
            allows_nothing(&response);
            let vary = values(&response, "vary");
            assert!(vary.contains(&"origin".to_owned()), "{origin}: {vary:?}");
        }
    }
    let response = sent(client().post(&url).json(&json!({ "query": QUERY }))).await;
    allows_nothing(&response);
}

async fn errors_are_told_to_listed_origins_too(shop: Shop) {
    let url = shop.program_with(settings(), 2).await;
    let lost = url.replace("/graphql", "/nothing");
    for (request, status) in [
        (client().post(&url).body("{}"), 415),
        (client().delete(&url), 405),
        (client().get(&lost), 404),
    ] {
        let response = sent(request.header(header::ORIGIN, SHOP)).await;
        assert_eq!(response.status(), status);
        assert_eq!(values(&response, "access-control-allow-origin"), [SHOP]);
    }
}

/// Sends a request as it is written, and returns the status.
async fn status(serving: &Serving, request: &str) -> u16 {
    let address = serving.url.trim_start_matches("http://");
    let address = address.trim_end_matches("/graphql");
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut line = [0; 12];
    let answered = within("an answer", stream.read_exact(&mut line)).await;
    answered.expect("a status");
    let line = String::from_utf8_lossy(&line);
    let status = line.strip_prefix("HTTP/1.1 ");
    status.and_then(|it| it.parse().ok()).expect("a status")
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_are_for_pages_of_this_server_and_of_listed_origins() {
    let here = Directory::new();
    let environment = [
        ("CORS_ORIGINS", SHOP),
        ("HOSTS", "api.example"),
        ("PORT", "0"),
    ];
    let serving = here.serve(&[], &environment).with(here);
    for (host, origin, allowed) in [
        // No browser.
        ("localhost:8000", None, true),
        ("localhost:8000", Some("http://localhost:8000"), true),
        ("localhost:8000", Some("https://LOCALHOST:8000"), true),
        ("localhost", Some("http://localhost"), true),
        ("api.example", Some("https://api.example"), true),
        ("api.example:443", Some("https://api.example"), true),
        ("[::1]:8000", Some("http://[::1]:8000"), true),
        ("localhost:8000", Some(SHOP), true),
        ("localhost:8000", Some("http://localhost:8001"), false),
        ("localhost:8000", Some("http://localhost"), false),
        ("localhost:8000", Some("http://127.0.0.1:8000"), false),
        ("localhost:8000", Some("https://evil.example"), false),
        (
            "localhost:8000",
            Some("https://shop.example.evil.example"),
            false,
        ),
        ("localhost:8000", Some("http://shop.example"), false),
        ("localhost:8000", Some("null"), false),
        ("localhost:8000", Some(""), false),
        ("localhost:8000", Some("file://"), false),
    ] {
        let origin_line = origin.map_or(String::new(), |it| format!("origin: {it}\r\n"));
        let request = format!(
            "GET /graphql HTTP/1.1\r\nhost: {host}\r\n{origin_line}connection: upgrade\r\n\
             upgrade: websocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
             sec-websocket-protocol: graphql-transport-ws\r\n\r\n"
        );
        let expected = if allowed { 101 } else { 403 };
        assert_eq!(
            status(&serving, &request).await,
            expected,
            "{host} {origin:?}"
        );
    }
}

/// A page can give this machine another name, and be of the same origin then.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_anybody_may_have_made_up_is_not_answered() {
    let here = Directory::new();
    let environment = [("HOSTS", "shop.internal,other.internal"), ("PORT", "0")];
    let serving = here.serve(&[], &environment).with(here);
    let body = json!({ "query": "mutation { deleteTicket(input: {id: 1}) { deletedTicketId } }" });
    let body = body.to_string();
    let ask = json!({ "query": QUERY }).to_string();
    let request = |host: &str, body: &str| {
        let length = body.len();
        format!(
            "POST /graphql HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}"
        )
    };
    for host in [
        "evil.example",
        "evil.example:8000",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil.example.",
        "shop.internal.evil.example",
    ] {
        assert_eq!(status(&serving, &request(host, &body)).await, 421, "{host}");
    }
    for host in [
        "localhost:8000",
        "LOCALHOST",
        "shop.localhost",
        "127.0.0.1:8000",
        "[::1]:8000",
        "192.168.1.7",
        "Shop.internal:8000",
        "other.internal",
        "shop",
    ] {
        assert_eq!(status(&serving, &request(host, &ask)).await, 200, "{host}");
    }
    let body: Value = sent(client().post(&serving.url).json(&json!({ "query": QUERY })))
        .await
        .json()
        .await
        .expect("JSON");
    assert_eq!(body["data"]["ticket"]["number"], 1, "{body:#}");
}
