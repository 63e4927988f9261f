//! What the answer to a request may have: counted by hand here, and by the server.

use serde_json::{Value, json};

use super::{ask, client, refusal, serve};
use crate::harness::{Answer, Directory, Kind, Shop, Socket};

/// Requests, and how many objects their answers may have.
fn requests() -> Vec<(&'static str, Value, u64)> {
    let none = || json!({});
    let first = "query($n: Int = 7) { tickets(first: $n) { nodes { id } } }";
    let counts = "query($n: Int! = 30) { ticketCounts(by: [TECH], first: $n) { count } }";
    let skipped = "query($all: Boolean = false) { viewer { role } \
        tickets(first: 9) @include(if: $all) { nodes { id } } \
        ... @skip(if: $all) { technicians(first: 5) { name } } }";
    vec![
        ("{ a: viewer { role } viewer { role } }", none(), 2),
        (
            "{ tickets(first: 100) { nodes { id title customer { email } } } }",
            none(),
            201,
        ),
        (
            "{ tickets(last: 3) { edges { cursor node { id } } pageInfo { endCursor } } }",
            none(),
            8,
        ),
        ("{ tickets { nodes { id } } }", none(), 21),
        ("{ tickets(first: 2) { totalCount } }", none(), 11),
        (
            "{ customers(first: 50) { nodes { tickets(first: 10) { nodes { id } } } } }",
            none(),
            601,
        ),
        (
            "{ customers(first: 100) { nodes { tickets(first: 100) { nodes { customer { \
               tickets(first: 100) { nodes { customer { id } } } } } } } } }",
            none(),
            2_030_201,
        ),
        (first, none(), 8),
        (first, json!({ "n": 40 }), 41),
        (first, json!({ "n": null }), 21),
        (first, json!({ "n": 0 }), 1),
        (counts, none(), 30),
        (counts, json!({ "n": 500 }), 500),
        (
            "{ ticketCounts(by: []) { count customer { id } } }",
            none(),
            200,
        ),
        (
            "{ technicians { name tickets { nodes { id } } } }",
            none(),
            2_200,
        ),
        (
            "{ nodes(ids: [1, 2, 3]) { id ... on Ticket { customer { id } } } }",
            none(),
            6,
        ),
        (
            "query($ids: [ID!]!) { nodes(ids: $ids) { id } }",
            json!({ "ids": ["a", "b"] }),
            2,
        ),
        (
            "query($id: ID!) { nodes(ids: [$id, $id]) { id } }",
            json!({ "id": 1 }),
            2,
        ),
        (skipped, none(), 6),
        (skipped, json!({ "all": true }), 11),
        (
            "{ viewer { role } tickets(first: 9) @skip(if: true) { nodes { id } } }",
            none(),
            1,
        ),
        // Fields of one key are one; aliases are others.
        (
            "{ tickets { nodes { id } } tickets { nodes { title } } }",
            none(),
            21,
        ),
        (
            "{ a: tickets { nodes { id } } b: tickets { nodes { title } } }",
            none(),
            42,
        ),
        (
            "{ ...A ...A ...B } fragment A on Query { ticket(id: 1) { customer { id } } } \
             fragment B on Query { ticket(id: 1) { customer { city } } }",
            none(),
            2,
        ),
        // Below nothing there is nothing.
        (
            "{ customers(first: 0) { nodes { tickets(first: 100) { nodes { id } } } } }",
            none(),
            1,
        ),
        ("{ tickets(first: -5) { nodes { id } } }", none(), 1),
        (
            "mutation { updateTicket(input: {id: 1}) { ticket { id } userErrors { code } } }",
            none(),
            12,
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_answer_may_have_is_what_a_person_counts() {
    let serving = serve(&["--max-cost=1"]);
    for (query, variables, expected) in requests() {
        let answer = ask(&serving, query, variables.clone()).await;
        if expected == 1 {
            assert!(
                answer
                    .errors()
                    .iter()
                    .all(|it| it["extensions"]["code"] != "TOO_COSTLY")
            );
            continue;
        }
        let message = format!(
            "Expected the answer to have at most 1 objects, found a request that may have \
             {expected}: ask for shorter lists."
        );
        assert_eq!(
            refusal(&answer),
            ("TOO_COSTLY", message.as_str()),
            "{query} {variables}"
        );
        assert!(answer.body.get("data").is_none(), "{:#}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_is_the_most_that_is_answered() {
    let here = Directory::new();
    let document = "query($n: Int!) { tickets(first: $n) { nodes { customer { id } } } }";
    let documents = json!({ "trusted": document });
    here.write("persisted-documents.json", &documents.to_string());
    let options = [
        "serve",
        "--max-cost=21",
        "--max-tokens=100",
        "--documents=persisted-documents.json",
    ];
    let serving = here.serve(&options, &[("PORT", "0")]).with(here);
    for (request, accepted) in [
        (json!({ "query": document, "variables": { "n": 10 } }), true),
        (
            json!({ "query": document, "variables": { "n": 11 } }),
            false,
        ),
        // Trusted to be as large as they are, and not to ask for more than may be answered.
        (
            json!({ "documentId": "trusted", "variables": { "n": 10 } }),
            true,
        ),
        (
            json!({ "documentId": "trusted", "variables": { "n": 11 } }),
            false,
        ),
    ] {
        let answer = Answer::to(&client(), &serving.url, &request).await;
        let code = (!accepted).then_some("TOO_COSTLY");
        assert_eq!(
            answer.errors().first().map(|_| answer.code()),
            code,
            "{request}"
        );
    }
    // For each event of a subscription.
    let mut socket = Socket::ready(&serving.url).await;
    let changes = "subscription { ticketChanged { ticket { customer { tickets(first: 18) { nodes { id } } } } } }";
    socket.subscribe("over", changes).await;
    let message = socket.message().await;
    assert_eq!(message["type"], "error");
    assert_eq!(message["payload"][0]["extensions"]["code"], "TOO_COSTLY");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_gets_no_longer_than_it_may_however_long_its_texts_are() {
    Shop::run(Kind::Sqlite, long_texts).await;
}

async fn long_texts(shop: Shop) {
    // What another program has written may be longer than any form allows.
    shop.execute("UPDATE tickets SET description = hex(zeroblob(500000))")
        .await;
    let aliases: Vec<_> = (0..50).map(|it| format!("a{it}: description")).collect();
    let aliases = aliases.join(" ");
    for query in [
        format!("{{ ticket(id: 1) {{ {aliases} }} }}"),
        format!("{{ tickets(first: 2) {{ nodes {{ {aliases} }} }} }}"),
        format!(
            "{{ nodes(ids: [\"Ticket:1\", \"Ticket:2\"]) {{ ... on Ticket {{ {aliases} }} }} }}"
        ),
    ] {
        let answer = shop.graphql(&query, json!({})).await;
        assert!(
            !answer.errors().is_empty(),
            "{query}: {}",
            answer.body.to_string().len()
        );
        let code = &answer.errors()[0]["extensions"]["code"];
        assert_eq!(code, "TOO_COSTLY", "{query}");
        assert!(answer.body.to_string().len() < 40_000_000);
    }
    shop.ask("{ tickets(first: 10) { nodes { description } } }")
        .await;
}
