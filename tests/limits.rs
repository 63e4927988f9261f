//! What a request may cost, and what it gets where it is over: a code, and both figures, before
//! anything is run.

mod cost;
mod deep;
mod documents;
mod introspection;

use api::Limits;
use serde_json::{Value, json};

use crate::harness::{Answer, Directory, Serving, Shop, Socket, on_both};

on_both!(sockets_and_event_streams_are_counted);

/// The built program, with options.
fn serve(options: &[&str]) -> Serving {
    let here = Directory::new();
    let all = [&["serve"], options].concat();
    here.serve(&all, &[("PORT", "0")]).with(here)
}

fn client() -> reqwest::Client {
    let client = reqwest::Client::builder().no_proxy().build();
    client.expect("a client")
}

async fn ask(serving: &Serving, query: &str, variables: Value) -> Answer {
    let request = json!({ "query": query, "variables": variables });
    Answer::to(&client(), &serving.url, &request).await
}

/// Of the one error: its code, and what it says.
fn refusal(answer: &Answer) -> (&str, &str) {
    let message = answer.errors()[0]["message"].as_str();
    (answer.code(), message.unwrap_or_default())
}

/// A request that has so many of something, how many it may have, and what it is told with one more.
type Case<'a> = (&'a dyn Fn(usize) -> (String, Value), usize, &'a str);

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "it is a list")]
async fn each_limit_can_be_set_and_is_told_with_both_figures() {
    let serving = serve(&[
        "--max-page=10",
        "--max-tokens=60",
        "--max-fields=20",
        "--max-depth=4",
        "--max-root-fields=5",
        "--max-aliases=3",
        "--max-directives=4",
        "--max-directives-per-field=1",
        "--max-nesting=8",
        "--max-values=9",
    ]);
    let times = |count: usize, one: &str| [one].repeat(count).join(" ");
    let nots = |count: usize| format!("{}{}", "{not: ".repeat(count), "{}") + &"}".repeat(count);
    let ids = |count: usize| vec!["Ticket:1"; count];
    let by_variable = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    let filter = "query($where: TicketFilter) { tickets(where: $where) { totalCount } }";
    let cases: [Case; 10] = [
        (
            &|n| {
                (
                    format!(
                        "{{ nodes(ids: [{}]) {{ id }} }}",
                        times(n - 12, "\"Ticket:1\"")
                    ),
                    json!({}),
                )
            },
            60,
            "Expected a document of at most 60 tokens, found 61.",
        ),
        (
            &|n| {
                (
                    format!(
                        "{{ ...F }} fragment F on Query {{ viewer {{ {} }} }}",
                        times(n - 2, "role")
                    ),
                    json!({}),
                )
            },
            20,
            "Expected at most 20 selections with all fragments written out, found 21.",
        ),
        (
            &|n| {
                let below = if n == 4 { "totalCount" } else { "nodes { id }" };
                (
                    format!("{{ ticket(id: 1) {{ customer {{ tickets {{ {below} }} }} }} }}"),
                    json!({}),
                )
            },
            4,
            "Expected fields to be nested at most 4 deep, found 5.",
        ),
        (
            &|n| {
                (
                    format!(
                        "{{ {} ...F }} fragment F on Query {{ __typename }}",
                        times(n - 1, "__typename")
                    ),
                    json!({}),
                )
            },
            5,
            "Expected at most 5 fields at the root, found 6.",
        ),
        (
            &|n| {
                (
                    format!("{{ viewer {{ {} }} }}", times(n, "a: role")),
                    json!({}),
                )
            },
            3,
            "Expected at most 3 aliases, found 4.",
        ),
        (
            &|n| {
                (
                    format!("{{ {} }}", times(n, "__typename @skip(if: false)")),
                    json!({}),
                )
            },
            4,
            "Expected at most 4 directives, found 5.",
        ),
        (
            &|n| {
                (
                    format!(
                        "{{ viewer {} {{ role }} }}",
                        &"@skip(if: false) @include(if: true)"[..16 + (n - 1) * 19]
                    ),
                    json!({}),
                )
            },
            1,
            "Expected at most 1 directives at one place, found 2.",
        ),
        (
            &|n| {
                (
                    format!("{{ tickets(where: {}) {{ totalCount }} }}", nots(n - 3)),
                    json!({}),
                )
            },
            8,
            "Expected brackets to be nested at most 8 deep, found 9.",
        ),
        (
            &|n| {
                let nested = (1..n).fold(json!({}), |below, _| json!({ "not": below }));
                (filter.to_owned(), json!({ "where": nested }))
            },
            8,
            "Expected variables to be nested at most 8 deep, found 9.",
        ),
        (
            &|n| (by_variable.to_owned(), json!({ "ids": ids(n - 1) })),
            9,
            "Expected at most 9 values in the variables, found 10.",
        ),
    ];
    for (case, most, message) in cases {
        let (query, variables) = case(most);
        ask(&serving, &query, variables).await.data("");
        let (query, variables) = case(most + 1);
        let answer = ask(&serving, &query, variables).await;
        assert_eq!(refusal(&answer), ("TOO_COSTLY", message), "{query}");
        assert!(answer.body.get("data").is_none(), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_may_be_smaller_than_the_schema_says() {
    let serving = serve(&["--max-page=3"]);
    let list = "query($first: Int, $last: Int) { tickets(first: $first, last: $last) { nodes { number } } }";
    let length = |answer: &Answer| answer.data("/tickets/nodes").as_array().map(Vec::len);
    for variables in [json!({}), json!({ "first": 3 }), json!({ "last": 3 })] {
        assert_eq!(length(&ask(&serving, list, variables).await), Some(3));
    }
    for (variables, argument) in [
        (json!({ "first": 4 }), "first"),
        (json!({ "last": 4 }), "last"),
    ] {
        let answer = ask(&serving, list, variables).await;
        let message = format!("Expected `{argument}` to be 0 to 3, found 4.");
        assert_eq!(refusal(&answer), ("BAD_USER_INPUT", message.as_str()));
        assert!(answer.body.get("data").is_none(), "{:#}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_at_most_so_long() {
    let serving = serve(&["--max-body=2000", "--batch=2"]);
    let one = json!({ "query": "{ viewer { role } }" }).to_string();
    let send = async |body: String| {
        let post = client()
            .post(&serving.url)
            .header("content-type", "application/json");
        let response = post.body(body).send().await.expect("an answer");
        let status = response.status().as_u16();
        (status, response.json::<Value>().await.expect("JSON"))
    };
    assert_eq!(send(format!("{one:2000}")).await.0, 200);
    let (status, answer) = send(format!("{one:2001}")).await;
    let error = &answer["errors"][0];
    assert_eq!(status, 413);
    assert_eq!(error["extensions"]["code"], "TOO_COSTLY");
    assert_eq!(
        error["message"],
        "Expected a body of at most 2000 bytes, found 2001."
    );
    assert_eq!(send(format!("[{one},{one}]")).await.0, 200);
    let (status, answer) = send(format!("[{one},{one},{one}]")).await;
    assert_eq!(status, 400);
    assert_eq!(answer["errors"][0]["extensions"]["code"], "TOO_COSTLY");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_errors_are_listed_than_may_be() {
    let serving = serve(&["--max-errors=3"]);
    let answer = ask(&serving, "{ a b c }", json!({})).await;
    assert_eq!(answer.errors().len(), 3);
    let answer = ask(&serving, "{ a b c d }", json!({})).await;
    let last = &answer.errors()[2];
    assert_eq!(answer.errors().len(), 3);
    assert_eq!(
        last["message"],
        "Expected at most 3 errors, found 4: the others are left out."
    );
    assert_eq!(last["extensions"]["code"], "GRAPHQL_VALIDATION_FAILED");
    // Those of fields, too: their data is there.
    let query = "{ nodes(ids: [\"a\", \"b\", \"c\", \"d\", \"Ticket:1\"]) { id } }";
    let answer = ask(&serving, query, json!({})).await;
    assert_eq!(answer.errors().len(), 3);
    assert_eq!(answer.body["data"]["nodes"][4]["id"], "Ticket:1");
    assert_eq!(answer.errors()[2]["extensions"]["code"], "BAD_USER_INPUT");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_have_been_meant_is_said_to_developers_alone() {
    let (open, developing) = (serve(&[]), serve(&["--suggestions"]));
    for (query, meant) in [
        ("{ tickts { totalCount } }", "\"tickets\""),
        ("{ ticket(id: 1) { titel } }", "\"title\""),
        ("{ tickets(frist: 1) { totalCount } }", "\"first\""),
        ("{ ticket(id: 1) { ... on Tickt { id } } }", "\"Ticket\""),
        (
            "{ tickets(orderBy: [{field: TITEL}]) { totalCount } }",
            "\"TITLE\"",
        ),
        (
            "{ tickets(where: {titel: {eq: \"x\"}}) { totalCount } }",
            "\"title\"",
        ),
    ] {
        let answer = ask(&open, query, json!({})).await;
        assert!(
            !answer.body.to_string().contains(meant.trim_matches('"')),
            "{:#}",
            answer.body
        );
        assert!(
            !answer
                .body
                .to_string()
                .to_lowercase()
                .contains("did you mean")
        );
        let answer = ask(&developing, query, json!({})).await;
        let message = refusal(&answer).1.to_owned();
        assert!(
            message.contains("Did you mean") && message.contains(meant),
            "{message}"
        );
    }
}

async fn sockets_and_event_streams_are_counted(shop: Shop) {
    let limits = Limits {
        sockets: 2,
        ..Limits::default()
    };
    let (url, _) = shop.with_limits(limits).await;
    let subscribe = async || {
        let request = json!({ "query": "subscription { ticketChanged { id } }" });
        let post = client().post(&url).header("accept", "text/event-stream");
        post.json(&request).send().await.expect("an answer")
    };
    let socket = Socket::ready(&url).await;
    let stream = subscribe().await;
    assert_eq!(stream.status(), 200);
    let refused = subscribe().await;
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.headers()["retry-after"], "10");
    let body: Value = refused.json().await.expect("JSON");
    assert_eq!(body["errors"][0]["extensions"]["retryAfter"], 10);
    let upgrade = client().get(&url).header("connection", "upgrade");
    let upgrade = upgrade
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13");
    let upgrade = upgrade.header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let refused = upgrade.send().await.expect("an answer");
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    // Who leaves makes room.
    drop((socket, stream));
    crate::harness::until(async || subscribe().await.status() == 200).await;
}
