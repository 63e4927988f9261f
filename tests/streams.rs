//! Streams over HTTP: GraphQL over server-sent events, and Apollo's multipart subscriptions.

use std::time::Duration;

use api::{Limits, Settings};
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};

use crate::harness::{Kind, Shop, Socket, on_both, until, within};

on_both!(
    a_query_and_a_mutation_over_events_have_one_result,
    events_can_be_asked_for_by_get,
    a_request_error_comes_as_an_event,
    a_request_that_is_none_is_refused_in_json,
    one_result_is_sent_as_a_stream_only_to_who_wants_no_other,
    there_is_no_stream_of_several_answers,
    changes_come_as_events,
    changes_come_as_parts,
    silence_is_broken,
    streams_end_well_when_the_server_stops,
);

const EVENTS: &str = "text/event-stream";
const PARTS: &str = "multipart/mixed;subscriptionSpec=1.0, application/json";
const TICKET: &str = "{ ticket(id: 1) { number } }";
const CHANGES: &str = "subscription { ticketChanged(id: 1) { kind } }";
const UPDATE: &str = "mutation { updateTicket(input: {id: 1}) { ticket { id } } }";

fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client")
}

fn post(url: &str, accept: &str, query: &str) -> RequestBuilder {
    client()
        .post(url)
        .header("accept", accept)
        .json(&json!({ "query": query }))
}

async fn sent(request: RequestBuilder) -> Response {
    within("a response", request.send())
        .await
        .expect("a response")
}

fn media_type(response: &Response) -> &str {
    response.headers()["content-type"].to_str().expect("text")
}

/// A body as it comes.
struct Body {
    response: Response,
    text: String,
}

impl Body {
    fn of(response: Response) -> Self {
        let text = String::new();
        Self { response, text }
    }

    /// What comes up to `end`, and takes it off.
    async fn until(&mut self, end: &str) -> String {
        loop {
            if let Some(at) = self.text.find(end) {
                let rest = self.text.split_off(at + end.len());
                return std::mem::replace(&mut self.text, rest);
            }
            let chunk = within(end, self.response.chunk()).await.expect("a chunk");
            let chunk = chunk.unwrap_or_else(|| panic!("ended: {:?}", self.text));
            self.text
                .push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
        }
    }

    /// What comes up to the end of it.
    async fn rest(mut self) -> String {
        let rest = within("the end", self.response.text())
            .await
            .expect("the rest");
        self.text.push_str(&rest);
        self.text
    }
}

async fn a_query_and_a_mutation_over_events_have_one_result(shop: Shop) {
    let response = sent(post(&shop.url, EVENTS, TICKET)).await;
    assert_eq!(response.status(), 200);
    assert_eq!(media_type(&response), "text/event-stream; charset=utf-8");
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(response.headers()["x-accel-buffering"], "no");
    let data = r#"{"data":{"ticket":{"number":1}}}"#;
    let expected = format!(":\n\nevent: next\ndata: {data}\n\nevent: complete\ndata:\n\n");
    assert_eq!(response.text().await.expect("a body"), expected);

    let update =
        r#"mutation { updateTicket(input: {id: 1, title: "By event"}) { ticket { title } } }"#;
    let body = Body::of(sent(post(&shop.url, EVENTS, update)).await)
        .rest()
        .await;
    assert!(body.contains(r#"{"title":"By event"}"#), "{body}");
    assert_eq!(shop.count("tickets WHERE title = 'By event'").await, 1);
}

async fn events_can_be_asked_for_by_get(shop: Shop) {
    let get = |query: &str| {
        let url = reqwest::Url::parse_with_params(&shop.url, [("query", query)]);
        client().get(url.expect("a URL")).header("accept", EVENTS)
    };
    let body = Body::of(sent(get(TICKET)).await).rest().await;
    assert!(
        body.contains(r#"data: {"data":{"ticket":{"number":1}}}"#),
        "{body}"
    );

    let refused = sent(get(UPDATE)).await;
    assert_eq!(
        (refused.status().as_u16(), &refused.headers()["allow"]),
        (405, &"POST".parse().expect("a header"))
    );

    let mut body = Body::of(sent(get(CHANGES)).await);
    assert_eq!(
        changed(&shop, body.until("data: {")).await,
        ":\n\nevent: next\ndata: {"
    );
}

/// Changes a ticket until something has happened: a subscription has no moment at which it is known
/// to have begun.
async fn changed<T>(shop: &Shop, happens: impl Future<Output = T>) -> T {
    let change = async {
        loop {
            shop.ask(UPDATE).await;
        }
    };
    tokio::select! {
        happened = happens => happened,
        () = change => unreachable!("it goes on"),
    }
}

async fn a_request_error_comes_as_an_event(shop: Shop) {
    for (query, code) in [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        (
            r#"subscription { ticketChanged(id: "x") { id } }"#,
            "BAD_USER_INPUT",
        ),
    ] {
        let response = sent(post(&shop.url, EVENTS, query)).await;
        assert_eq!(response.status(), 200);
        let mut body = Body::of(response);
        body.until("event: next\ndata: ").await;
        let result: Value = serde_json::from_str(&body.until("\n\n").await).expect("JSON");
        assert_eq!(
            result["errors"][0]["extensions"]["code"], code,
            "{result:#}"
        );
        assert_eq!(result.get("data"), None, "{result:#}");
        assert_eq!(body.rest().await, "event: complete\ndata:\n\n");
    }
}

async fn a_request_that_is_none_is_refused_in_json(shop: Shop) {
    for accept in [EVENTS, PARTS] {
        let request = client().post(&shop.url).header("accept", accept);
        let response = sent(request.json(&json!({ "variables": {} }))).await;
        assert_eq!(response.status(), 400);
        assert_eq!(media_type(&response), "application/json; charset=utf-8");
    }
}

async fn one_result_is_sent_as_a_stream_only_to_who_wants_no_other(shop: Shop) {
    let json = "application/json; charset=utf-8";
    let graphql = "application/graphql-response+json; charset=utf-8";
    let events = "text/event-stream; charset=utf-8";
    let parts = r#"multipart/mixed;boundary="graphql";subscriptionSpec=1.0"#;
    let urql = "application/graphql-response+json, application/graphql+json, application/json, \
        text/event-stream, multipart/mixed";
    for (accept, for_query, for_subscription) in [
        (PARTS, json, parts),
        (
            "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/graphql-response+json,application/json;q=0.9",
            graphql,
            parts,
        ),
        (urql, json, events),
        (EVENTS, events, events),
        ("text/event-stream, multipart/mixed", events, events),
        (
            "Text/Event-Stream;q=0.9, multipart/mixed; subscriptionSpec=\"1.0\"",
            parts,
            parts,
        ),
        (
            "text/event-stream;q=0.5, application/json;q=0.4",
            events,
            events,
        ),
        (
            "text/event-stream;q=0, application/graphql-response+json",
            graphql,
            graphql,
        ),
        ("text/event-stream;q=0.5, */*", json, events),
    ] {
        let response = sent(post(&shop.url, accept, TICKET)).await;
        assert_eq!(media_type(&response), for_query, "{accept}");
        let response = sent(post(&shop.url, accept, CHANGES)).await;
        assert_eq!(media_type(&response), for_subscription, "{accept}");
    }
    for accept in [
        "multipart/mixed",
        "multipart/mixed;deferSpec=20220824",
        "text/event-stream;q=0",
    ] {
        assert_eq!(
            sent(post(&shop.url, accept, TICKET)).await.status(),
            406,
            "{accept}"
        );
    }
    // A part is wrapped as Apollo's clients expect it.
    let response = sent(post(
        &shop.url,
        "multipart/mixed;subscriptionSpec=1.0",
        TICKET,
    ))
    .await;
    let payload = r#"{"payload":{"data":{"ticket":{"number":1}}}}"#;
    let expected = format!(
        "\r\n--graphql\r\ncontent-type: application/json\r\n\r\n{payload}\r\n--graphql--\r\n"
    );
    assert_eq!(response.text().await.expect("a body"), expected);
}

async fn there_is_no_stream_of_several_answers(shop: Shop) {
    let settings = Settings {
        batch: 2,
        ..Settings::default()
    };
    let url = shop.with_settings(settings).await;
    let asked = async |accept: &str| {
        let batch = json!([{ "query": UPDATE }, { "query": TICKET }]);
        let request = client().post(&url).header("accept", accept).json(&batch);
        let response = sent(request).await;
        let (status, json) = (response.status(), media_type(&response).to_owned());
        assert_eq!(json, "application/json; charset=utf-8", "{accept}");
        let body: Value = response.json().await.expect("JSON");
        (status.as_u16(), body)
    };
    let before = shop.rows::<String>("SELECT CAST(updated_at AS text) FROM tickets WHERE id = 1");
    let before = before.await;
    for accept in [
        EVENTS,
        "multipart/mixed;subscriptionSpec=1.0",
        "text/event-stream, application/json;q=0",
    ] {
        let (status, body) = asked(accept).await;
        assert_eq!((status, body["errors"].is_array()), (406, true), "{accept}");
    }
    let after = shop.rows::<String>("SELECT CAST(updated_at AS text) FROM tickets WHERE id = 1");
    assert_eq!(after.await, before, "nothing was run");
    for accept in [PARTS, "text/event-stream, */*;q=0.1"] {
        let (status, body) = asked(accept).await;
        assert_eq!(status, 200, "{accept}");
        assert_eq!(body[1]["data"]["ticket"]["number"], 1, "{body:#}");
    }
}

async fn changes_come_as_events(shop: Shop) {
    let mut body = Body::of(sent(post(&shop.url, EVENTS, CHANGES)).await);
    assert_eq!(body.until("\n\n").await, ":\n\n", "something comes at once");
    for _ in 0..3 {
        let event = changed(&shop, body.until("\n\n")).await;
        let data = r#"{"data":{"ticketChanged":{"kind":"UPDATED"}}}"#;
        assert_eq!(event, format!("event: next\ndata: {data}\n\n"));
    }
}

async fn changes_come_as_parts(shop: Shop) {
    let mut body = Body::of(sent(post(&shop.url, PARTS, CHANGES)).await);
    assert_eq!(body.until("--graphql").await, "\r\n--graphql");
    for _ in 0..3 {
        // Whole, with the line that ends it: a client does not wait for the next one.
        let part = changed(&shop, body.until("--graphql")).await;
        let payload = r#"{"payload":{"data":{"ticketChanged":{"kind":"UPDATED"}}}}"#;
        assert_eq!(
            part,
            format!("\r\ncontent-type: application/json\r\n\r\n{payload}\r\n--graphql")
        );
    }
    let body = Body::of(
        sent(post(
            &shop.url,
            PARTS,
            "subscription { ticketChanged(id: \"x\") { id } }",
        ))
        .await,
    );
    let body = body.rest().await;
    assert!(
        body.contains(r#"{"payload":{"errors":[{"message":"#),
        "{body}"
    );
    assert!(body.ends_with("\r\n--graphql--\r\n"), "{body}");
}

async fn silence_is_broken(shop: Shop) {
    let heartbeat = Duration::from_millis(20);
    let (url, _) = shop
        .with_limits(Limits {
            heartbeat,
            ..Limits::default()
        })
        .await;
    let mut body = Body::of(sent(post(&url, EVENTS, CHANGES)).await);
    for _ in 0..3 {
        assert_eq!(body.until("\n\n").await, ":\n\n");
    }
    let mut body = Body::of(sent(post(&url, PARTS, CHANGES)).await);
    body.until("--graphql").await;
    for _ in 0..3 {
        let part = body.until("--graphql").await;
        assert_eq!(
            part,
            "\r\ncontent-type: application/json\r\n\r\n{}\r\n--graphql"
        );
    }
}

async fn streams_end_well_when_the_server_stops(shop: Shop) {
    let (url, connections) = shop.with_limits(Limits::default()).await;
    let mut events = Body::of(sent(post(&url, EVENTS, CHANGES)).await);
    let mut parts = Body::of(sent(post(&url, PARTS, CHANGES)).await);
    changed(&shop, async {
        events.until("data: ").await;
        parts.until("payload").await;
    })
    .await;
    connections.stop();
    let events = events.rest().await;
    assert!(events.contains(r#""code":"UNAVAILABLE""#), "{events}");
    assert!(
        events.ends_with("\n\nevent: complete\ndata:\n\n"),
        "{events}"
    );
    let parts = parts.rest().await;
    assert!(
        parts.contains(r#"{"payload":null,"errors":[{"message":"The server is stopping"#),
        "{parts}"
    );
    assert!(parts.ends_with("\r\n--graphql--\r\n"), "{parts}");
}

/// A client that goes away takes its subscription with it, whatever it spoke.
#[tokio::test(flavor = "multi_thread")]
async fn who_goes_away_is_forgotten() {
    Shop::run(Kind::Postgres, nobody_listens_any_more).await;
}

async fn nobody_listens_any_more(shop: Shop) {
    let listening = async || shop.count("repairshop.listeners").await > 0;
    for accept in [EVENTS, PARTS] {
        let stream = sent(post(&shop.url, accept, CHANGES)).await;
        until(&listening).await;
        drop(stream);
        until(async || !listening().await).await;
    }
    let mut socket = Socket::ready(&shop.url).await;
    let subscribe = json!({ "id": "1", "type": "subscribe", "payload": { "query": CHANGES } });
    socket.send(&subscribe).await;
    until(&listening).await;
    drop(socket);
    until(async || !listening().await).await;
}
