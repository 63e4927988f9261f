//! GraphQL over HTTP: what is a request, and what its status and media type are.

use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::harness::{Shop, on_both};

on_both!(
    the_status_is_told_as_the_caller_accepts_it,
    a_query_can_be_asked_by_get,
    a_mutation_by_get_changes_nothing,
    what_a_browser_sends_unasked_is_refused,
    a_body_that_is_no_request_is_refused_in_json,
    other_methods_are_not_allowed,
    another_path_says_where_to_go,
    what_was_found_by_get_is_not_sent_twice,
    the_schema_is_served_as_text,
);

const GRAPHQL: &str = "application/graphql-response+json";
const JSON: &str = "application/json";
const QUERY: &str = "query Ticket($id: ID! = 1) { ticket(id: $id) { number } }";

struct Reply {
    status: u16,
    media_type: String,
    body: Value,
}

/// Sends a request and checks what all replies have in common.
async fn send(request: reqwest::RequestBuilder) -> Reply {
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let header = |name| {
        let value = response.headers().get(name);
        value
            .map_or("", |value| value.to_str().expect("text"))
            .to_owned()
    };
    let (media_type, vary) = (header(header::CONTENT_TYPE), header(header::VARY));
    let media_type = media_type
        .strip_suffix("; charset=utf-8")
        .map(str::to_owned);
    assert_eq!(vary.to_lowercase(), "accept");
    let text = response.text().await.expect("a body");
    let body: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status}: {text}"));
    assert!(
        body.get("data").is_some() || body["errors"][0]["message"].is_string(),
        "{text}"
    );
    Reply {
        status,
        media_type: media_type.expect("a charset"),
        body,
    }
}

fn post(shop: &Shop, media_type: &str, body: impl Into<reqwest::Body>) -> reqwest::RequestBuilder {
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let request = client.post(&shop.url).body(body);
    request.header(header::CONTENT_TYPE, media_type)
}

fn get(shop: &Shop, parameters: &[(&str, &str)]) -> reqwest::RequestBuilder {
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let url = reqwest::Url::parse_with_params(&shop.url, parameters).expect("a URL");
    client.get(url)
}

async fn the_status_is_told_as_the_caller_accepts_it(shop: Shop) {
    let unknown = "{ nothing }";
    for (accept, query, status, media_type) in [
        (None, QUERY, 200, JSON),
        (Some(""), QUERY, 200, JSON),
        (Some("*/*"), QUERY, 200, JSON),
        (Some("application/*"), QUERY, 200, JSON),
        (Some(JSON), unknown, 200, JSON),
        (Some(GRAPHQL), QUERY, 200, GRAPHQL),
        (Some(GRAPHQL), unknown, 400, GRAPHQL),
        (Some(GRAPHQL), "{", 400, GRAPHQL),
        (
            Some(
                "application/graphql-response+json; charset=utf-8, application/json; charset=utf-8; q=0.9",
            ),
            unknown,
            400,
            GRAPHQL,
        ),
        (
            Some("application/json;q=0.5, application/graphql-response+json;q=0.4"),
            unknown,
            200,
            JSON,
        ),
        (Some("*/*, application/json;q=0"), unknown, 400, GRAPHQL),
        (Some("text/html"), QUERY, 406, JSON),
        (Some("application/json;q=0"), QUERY, 406, JSON),
        (Some("application/json; charset=utf-16"), QUERY, 406, JSON),
        (Some("Application/JSON; Q=0.1"), QUERY, 200, JSON),
    ] {
        let mut request = post(&shop, JSON, json!({ "query": query }).to_string());
        if let Some(accept) = accept {
            request = request.header(header::ACCEPT, accept);
        }
        let reply = send(request).await;
        assert_eq!(
            (reply.status, reply.media_type.as_str()),
            (status, media_type),
            "{accept:?}"
        );
    }
}

async fn a_query_can_be_asked_by_get(shop: Shop) {
    let reply = send(get(&shop, &[
        ("query", "query A { a: ticket(id: 1) { number } } query B($id: ID!) { b: ticket(id: $id) { number } }"),
        ("operationName", "B"),
        ("variables", r#"{"id": "Ticket:2"}"#),
        ("extensions", "{}"),
    ])).await;
    assert_eq!(reply.body, json!({ "data": { "b": { "number": 2 } } }));
    let reply = send(get(
        &shop,
        &[("query", QUERY), ("variables", ""), ("operationName", "")],
    ))
    .await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    for parameters in [
        [("query", QUERY), ("variables", "[1]")],
        [("query", QUERY), ("variables", "{")],
        [("query", QUERY), ("extensions", "x")],
        [("operationName", "A"), ("variables", "{}")],
    ] {
        assert_eq!(send(get(&shop, &parameters)).await.status, 400);
    }
}

async fn a_mutation_by_get_changes_nothing(shop: Shop) {
    let query = "query Q { ticket(id: 1) { number } } mutation M { deleteTicket(input: {id: 14}) { deletedTicketId } }";
    let request = get(&shop, &[("query", query), ("operationName", "M")]);
    let response = request.send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()[header::ALLOW], "POST");
    assert_eq!(shop.count("tickets WHERE id = 14").await, 1);
    let request = get(&shop, &[("query", query), ("operationName", "Q")]);
    assert_eq!(send(request).await.status, 200);
}

async fn what_a_browser_sends_unasked_is_refused(shop: Shop) {
    let body = json!({ "query": "mutation { deleteTicket(input: {id: 14}) { deletedTicketId } }" });
    for media_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "",
        "application/jsonp",
        "text/plain; application/json",
        "text/plain, application/json",
        "application/json, text/plain",
        "multipart/form-data; boundary=application/json",
        "application/x-www-form-urlencoded; charset=application/json",
        "application/ json",
        "application",
        "*/*",
        "application/json; charset=utf-16",
    ] {
        let reply = send(post(&shop, media_type, body.to_string())).await;
        assert_eq!(reply.status, 415, "{media_type}");
    }
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let reply = send(client.post(&shop.url).body(body.to_string())).await;
    assert_eq!(reply.status, 415);
    let packed = post(&shop, JSON, body.to_string()).header(header::CONTENT_ENCODING, "gzip");
    assert_eq!(send(packed).await.status, 415);
    assert_eq!(shop.count("tickets WHERE id = 14").await, 1);
    let reply = send(post(
        &shop,
        "Application/JSON; charset=UTF-8",
        body.to_string(),
    ))
    .await;
    assert_eq!(reply.status, 200);
}

async fn a_body_that_is_no_request_is_refused_in_json(shop: Shop) {
    for body in [
        "",
        "{",
        "null",
        "[]",
        r#"["{ viewer { role } }", null, null, null, null]"#,
        r#"[{"query": "{ viewer { role } }"}]"#,
        r#"{"query": "{ viewer { role } }", "extensions": []}"#,
        r#"{"query": "{ viewer { role } }", "documentId": "x"}"#,
        r#"{"query": "{ viewer { role } }", "query": "{ viewer { role } }"}"#,
        "\u{1F600}",
        "{}",
        r#"{"query": 1}"#,
        r#"{"query": "{ viewer { role } }", "variables": []}"#,
        r#"{"query": "{ viewer { role } }", "variables": "{}"}"#,
        r#"{"query": "{ viewer { role } }", "operationName": 1}"#,
        r#"{"query": "{ viewer { role } }", "extensions": "x"}"#,
    ] {
        let reply = send(post(&shop, JSON, body)).await;
        assert_eq!(reply.status, 400, "{body}");
        assert_eq!(
            reply.body["errors"][0]["extensions"]["code"],
            "BAD_USER_INPUT"
        );
    }
    let reply = send(post(&shop, JSON, vec![0xff, 0xfe])).await;
    assert_eq!(reply.status, 400);
    let long = format!("{{\"query\": \"{}\"}}", " ".repeat(1 << 20));
    assert_eq!(send(post(&shop, JSON, long)).await.status, 413);
    let nulls = r#"{"query": "{ viewer { role } }", "variables": null, "operationName": null, "extensions": null, "other": 1}"#;
    assert_eq!(send(post(&shop, JSON, nulls)).await.status, 200);
}

async fn other_methods_are_not_allowed(shop: Shop) {
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        let response = client
            .request(method, &shop.url)
            .send()
            .await
            .expect("an answer");
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(
            response.headers()[header::ALLOW],
            "GET, HEAD, OPTIONS, POST"
        );
    }
}

async fn another_path_says_where_to_go(shop: Shop) {
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let reply = send(client.get(shop.url.replace("/graphql", "/"))).await;
    assert_eq!(reply.status, 404);
    let message = reply.body["errors"][0]["message"].as_str();
    assert!(
        message.is_some_and(|message| message.contains("/graphql")),
        "{}",
        reply.body
    );
}

async fn what_was_found_by_get_is_not_sent_twice(shop: Shop) {
    let ask = |tag: Option<String>| {
        let request = get(&shop, &[("query", QUERY)]);
        match tag {
            Some(tag) => request.header(header::IF_NONE_MATCH, tag),
            None => request,
        }
        .send()
    };
    let first = ask(None).await.expect("an answer");
    assert_eq!(first.headers()[header::CACHE_CONTROL], "private, no-cache");
    let tag = first.headers()[header::ETAG].to_str().expect("ASCII");
    let strong = tag.trim_start_matches("W/");
    let lists = [tag.to_owned(), format!("\"x\", {strong}"), "*".to_owned()];
    for known in lists {
        let again = ask(Some(known)).await.expect("an answer");
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(again.headers()[header::ETAG], tag);
        assert_eq!(again.bytes().await.expect("no body").len(), 0);
    }
    shop.execute("UPDATE tickets SET id = 99 WHERE id = 1")
        .await;
    let changed = ask(Some(tag.to_owned())).await.expect("an answer");
    assert_eq!(changed.status(), StatusCode::OK);
    assert_ne!(changed.headers()[header::ETAG], tag);
    let failed = get(&shop, &[("query", "{ ticket(id: \"x\") { number } }")]);
    let failed = failed.send().await.expect("an answer");
    assert_eq!(failed.headers()[header::CACHE_CONTROL], "no-store");
    assert!(failed.headers().get(header::ETAG).is_none());
}

async fn the_schema_is_served_as_text(shop: Shop) {
    let url = shop.url.replace("/graphql", "/schema.graphql");
    let client = reqwest::Client::builder().no_proxy().build();
    let client = client.expect("a client");
    let response = client.get(&url).send().await.expect("an answer");
    let tag = response.headers()[header::ETAG].clone();
    assert_eq!(response.text().await.expect("the text"), api::sdl());
    let again = client.get(&url).header(header::IF_NONE_MATCH, tag);
    let again = again.send().await.expect("an answer");
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    let head = client.head(&url).send().await.expect("an answer");
    let length = head.headers()[header::CONTENT_LENGTH].to_str();
    assert_eq!(length.expect("ASCII"), api::sdl().len().to_string());
    let options = client.request(Method::OPTIONS, &shop.url).send().await;
    let options = options.expect("an answer");
    assert_eq!(options.headers()[header::ALLOW], "GET, HEAD, OPTIONS, POST");
}
