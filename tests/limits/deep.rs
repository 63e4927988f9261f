//! Documents, variables and bodies that are made to be deep, long or wide: each is refused with a
//! code, and the server goes on. What has no bound would end the test's process, or not end.

use std::fmt::Write;

use serde_json::{Value, json};

use super::client;
use crate::harness::{Kind, Shop};

const MANY: usize = 100_000;

fn each(count: usize, one: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::new(), |mut all, number| {
        let _ = write!(all, "{} ", one(number));
        all
    })
}

fn times(count: usize, one: &str) -> String {
    one.repeat(count)
}

/// What each is, and the text.
#[expect(clippy::too_many_lines, reason = "it is a list")]
fn documents() -> Vec<(&'static str, String)> {
    let around = |open: &str, inside: &str, close: &str| {
        format!("{}{inside}{}", times(MANY, open), times(MANY, close))
    };
    let mut documents = vec![
        ("sets", times(MANY, "{")),
        ("lists", times(MANY, "[")),
        ("parentheses", times(MANY, "(")),
        ("fields", around("{a", "", "}")),
        (
            "real fields",
            format!(
                "{{ customer(id: 1) {} }}",
                around("{ tickets { nodes { customer ", "{ id }", "} } }")
            ),
        ),
        ("inline fragments", around("{ ...", "{ __typename }", "}")),
        (
            "lists in an argument",
            format!("{{ a(b: {}) }}", around("[", "", "]")),
        ),
        (
            "objects in an argument",
            format!(
                "{{ tickets(where: {}) {{ totalCount }} }}",
                around("{ not: ", "{}", "}")
            ),
        ),
        (
            "lists without an end",
            format!("{{ a(b: {}", times(MANY, "[")),
        ),
        (
            "a variable's type",
            format!("query($a: {}) {{ a }}", around("[", "Int", "]")),
        ),
        (
            "a variable's default",
            format!("query($a: Int = {}) {{ a }}", around("[", "1", "]")),
        ),
        (
            "a directive's argument",
            format!("{{ a @skip(if: {}) }}", around("[", "1", "]")),
        ),
        ("behind a comment", format!("# \\\n{}", times(MANY, "{a"))),
        (
            "behind a string that only looks like one",
            format!("{{ a(b: \"\"\"\\\\\"\"\" \"\"\"\") {}", times(MANY, "[")),
        ),
        ("quotes", times(MANY, "\"")),
        ("block strings", times(MANY, "\"\"\"")),
        (
            "a string",
            format!("{{ ticket(id: \"{}", times(9 * MANY, "x")),
        ),
        ("a name", format!("{{ {} }}", times(9 * MANY, "x"))),
        (
            "an argument's name",
            format!("{{ ticket({}: 1) {{ id }} }}", times(9 * MANY, "x")),
        ),
        (
            "a number",
            format!(
                "{{ tickets(first: {}) {{ totalCount }} }}",
                times(9 * MANY, "9")
            ),
        ),
        ("comments", times(MANY, "#\n")),
        ("commas", times(9 * MANY, ",")),
        ("byte order marks", times(2 * MANY, "\u{feff}")),
        ("nulls", times(MANY, "\0")),
        ("dots", times(3 * MANY, ".")),
        (
            "exclamation marks",
            format!("query($a: Int{}) {{ a }}", times(MANY, "!")),
        ),
        (
            "fields side by side",
            format!("{{ {} }}", times(MANY, "__typename ")),
        ),
        (
            "aliases",
            format!("{{ {} }}", each(1_000, |it| format!("a{it}: __typename"))),
        ),
        (
            "aliases, too many to count",
            format!("{{ {} }}", each(50_000, |it| format!("a{it}: __typename"))),
        ),
        (
            "fields twice",
            format!("{{ {} }}", times(500, "__typename ")),
        ),
        (
            "directives",
            format!("{{ __typename {} }}", times(1_000, "@aa ")),
        ),
        (
            "some directives",
            format!("{{ __typename {} }}", times(10, "@aa")),
        ),
        (
            "operations",
            each(9_000, |it| format!("query A{it} {{ __typename }}")),
        ),
        (
            "fragments",
            each(MANY / 10, |it| {
                format!("fragment F{it} on Query {{ ...F{} }}", it + 1)
            }),
        ),
        (
            "a chain of fragments",
            format!(
                "{{ ...F0 }} {}",
                each(1_400, |it| format!(
                    "fragment F{it} on Query {{ ...F{} }}",
                    it + 1
                ))
            ),
        ),
        (
            "fragments that double",
            format!(
                "{{ ...F0 }} {} fragment F30 on Query {{ __typename }}",
                each(30, |it| format!(
                    "fragment F{it} on Query {{ ...F{0} ...F{0} }}",
                    it + 1
                ))
            ),
        ),
        (
            "a circle of fragments",
            "{ ...A } fragment A on Query { ...B ...B } fragment B on Query { ...A ...A }"
                .to_owned(),
        ),
        (
            "spreads",
            format!(
                "{{ {} }} fragment F on Query {{ {} }}",
                times(300, "...F "),
                times(300, "__typename ")
            ),
        ),
        (
            "variables",
            format!(
                "query({}) {{ __typename }}",
                each(3_000, |it| format!("$a{it}: Int"))
            ),
        ),
        (
            "variables twice",
            format!("query({}) {{ __typename }}", times(3_000, "$a: Int ")),
        ),
        (
            "arguments",
            format!(
                "{{ tickets({}) {{ totalCount }} }}",
                each(3_000, |it| format!("a{it}: 1"))
            ),
        ),
        (
            "arguments twice",
            format!(
                "{{ tickets({}) {{ totalCount }} }}",
                times(3_000, "first: 1 ")
            ),
        ),
        (
            "fields of an input",
            format!(
                "{{ tickets(where: {{ {} }}) {{ totalCount }} }}",
                each(3_000, |it| format!("a{it}: 1"))
            ),
        ),
        (
            "what is not there",
            format!("{{ viewer {{ {} }} }}", each(4_000, |it| format!("a{it}"))),
        ),
        (
            "subscriptions",
            format!(
                "subscription {{ {} }}",
                each(40, |it| format!("a{it}: ticketChanged {{ id }}"))
            ),
        ),
    ];
    // Fields of one key are compared with each other: 4,000 of them would be 8,000,000 pairs.
    let conflicts = each(600, |it| {
        format!("... on Ticket {{ tickets{} : customer {{ id }} }}", it % 40)
    });
    documents.push((
        "fields to merge",
        format!("{{ node(id: 1) {{ {conflicts} }} }}"),
    ));
    documents
}

#[tokio::test(flavor = "multi_thread")]
async fn no_document_takes_the_server_down() {
    Shop::run(Kind::Sqlite, every_document).await;
}

async fn every_document(shop: Shop) {
    shop.sql();
    for (what, document) in documents() {
        let answer = shop.graphql(&document, json!({})).await;
        assert!(answer.body.get("data").is_none(), "{what}");
        assert!((1..=20).contains(&answer.errors().len()), "{what}");
        for error in answer.errors() {
            let code = error["extensions"]["code"].as_str().unwrap_or_default();
            let codes = [
                "TOO_COSTLY",
                "GRAPHQL_PARSE_FAILED",
                "GRAPHQL_VALIDATION_FAILED",
            ];
            assert!(codes.contains(&code), "{what}: {error:#}");
            let message = error["message"].as_str().unwrap_or_default();
            assert!(message.chars().count() <= 600, "{what}: {message}");
        }
    }
    assert_eq!(shop.sql(), [] as [&str; 0]);
    assert_eq!(
        shop.ask("{ ticket(id: 1) { number } }").await["ticket"]["number"],
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wide_and_allowed_is_answered() {
    Shop::run(Kind::Sqlite, wide).await;
}

async fn wide(shop: Shop) {
    for document in [
        format!("{{ viewer {{ {} }} }}", times(4_900, "role ")),
        format!("{{ ticket(id: 1) {{ {} }} }}", times(1_600, "... { id } ")),
        format!(
            "{{ ticket(id: 1) {{ {} }} }}",
            times(600, "customer { id email } ")
        ),
        format!(
            "{{ ticket(id: 1) {{ {} }} }} fragment F on Ticket {{ id title }}",
            times(1_600, "...F ")
        ),
        format!(
            "{{ ...F0 }} {} fragment F60 on Query {{ __typename }}",
            each(60, |it| format!(
                "fragment F{it} on Query {{ ...F{} }}",
                it + 1
            ))
        ),
        each(1_900, |it| format!("query A{it} {{ __typename }}")),
    ] {
        let answer = shop.graphql(&document, json!({})).await;
        let errors = answer.errors();
        let unnamed = errors
            .iter()
            .all(|it| it["extensions"]["code"] == "BAD_USER_INPUT");
        assert!(unnamed, "{}: {:#}", &document[..60], answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_json_takes_the_server_down() {
    Shop::run(Kind::Sqlite, every_json).await;
}

async fn every_json(shop: Shop) {
    let post = async |body: String| {
        let post = client()
            .post(&shop.url)
            .header("content-type", "application/json");
        let answer = post.body(body).send().await.expect("an answer");
        answer.json::<Value>().await.expect("JSON")
    };
    let nested = |open: &str, close: &str| times(MANY, open) + "1" + &times(MANY, close);
    let query = "query($a: TicketFilter) { tickets(where: $a) { totalCount } }";
    for value in [
        nested("[", "]"),
        nested("{\"not\":", "}"),
        times(MANY, "["),
        times(MANY, "{\"a\":["),
    ] {
        for body in [
            format!("{{\"query\":\"{query}\",\"variables\":{{\"a\":{value}}}}}"),
            format!("{{\"query\":\"{query}\",\"variables\":{value}}}"),
            format!("{{\"query\":{value}}}"),
            format!("{{\"extensions\":{{\"a\":{value}}}}}"),
            format!("{{\"query\":\"{query}\",\"variables\":{{\"a\":\"\\\\\",\"b\":{value}}}}}"),
        ] {
            let answer = post(body).await;
            assert_eq!(
                answer["errors"][0]["extensions"]["code"], "TOO_COSTLY",
                "{answer:#}"
            );
        }
    }
    // What nobody reads may be as deep as it likes.
    let ignored = format!(
        "{{\"query\":\"{{ __typename }}\",\"more\":{}}}",
        nested("[", "]")
    );
    assert_eq!(post(ignored).await["data"]["__typename"], "Query");
    let deep = |levels: usize| {
        format!(
            "{{\"a\":{}{{}}{}}}",
            times(levels, "{\"not\":"),
            times(levels, "}")
        )
    };
    for (levels, code) in [
        (63, None),
        (64, Some("TOO_COSTLY")),
        (500, Some("TOO_COSTLY")),
    ] {
        let parameters = [("query", query.to_owned()), ("variables", deep(levels))];
        let url = reqwest::Url::parse_with_params(&shop.url, parameters).expect("a URL");
        let answer = client().get(url).send().await.expect("an answer");
        let answer: Value = answer.json().await.expect("JSON");
        let found = answer["errors"][0]["extensions"]["code"].as_str();
        assert_eq!(found, code, "{levels}: {answer:#}");
    }
    assert_eq!(
        shop.ask("{ ticket(id: 1) { number } }").await["ticket"]["number"],
        1
    );
}
