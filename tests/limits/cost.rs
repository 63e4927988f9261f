//! What a request costs: counted by hand here, and by the server.

use serde_json::{Value, json};

use super::{ask, client, refusal, serve};
use crate::harness::{Answer, Directory, Kind, Shop, Socket};

/// Requests, and what they cost: the objects that their answers may have, and a count is 200.
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
        ("{ tickets(first: 2) { totalCount } }", none(), 201),
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
        (counts, none(), 230),
        (counts, json!({ "n": 500 }), 700),
        (
            "{ ticketCounts(by: []) { count customer { id } } }",
            none(),
            400,
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
            13,
        ),
    ]
}

/// Requests that have the database do more than read what is shown.
fn works() -> Vec<(String, Value, u64)> {
    const RELATED: &str = "{ tickets: { some: { tech: { eq: \"Ana\" } }, none: {} } }";
    let list =
        |arguments: &str| format!("{{ tickets({arguments}, first: 1) {{ nodes {{ id }} }} }}");
    let filter = |filter: &str| list(&format!("where: {filter}"));
    let literal = |query: String, expected| (query, json!({}), expected);
    let by = |name: &str, ty: &str, value: Value, expected: u64| {
        let query = format!(
            "query(${name}: {ty}) {{ tickets({name}: ${name}, first: 1) {{ nodes {{ id }} }} }}"
        );
        let variables = Value::Object([(name.to_owned(), value)].into_iter().collect());
        (query, variables, 2 + expected)
    };
    let inside = |ty: &str, arguments: &str, value: Value, expected: u64| {
        let query =
            format!("query($it: {ty}) {{ tickets({arguments}, first: 1) {{ nodes {{ id }} }} }}");
        (query, json!({ "it": value }), 2 + expected)
    };
    vec![
        // Each condition.
        literal(filter("{ completed: { eq: false }, number: { gt: 1, lt: 9 } }"), 2 + 30),
        literal(filter("{ completed: { eq: null }, not: null, tech: {} }"), 2),
        by("where", "TicketFilter", json!({ "tech": { "eq": "Ana" }, "not": null }), 10),
        inside("Boolean", "where: { completed: { eq: $it } }", json!(true), 10),
        inside("Boolean", "where: { completed: { eq: $it } }", Value::Null, 0),
        // Each of many.
        literal(filter("{ tech: { in: [\"Ana\", \"Bo\", \"Cy\"] } }"), 2 + 13),
        inside("[String!]", "where: { tech: { notIn: $it } }", json!(["Ana", "Bo"]), 12),
        literal(filter("{ or: [{ tech: { eq: \"Ana\" } }, {}] }"), 2 + 12),
        inside("[TicketFilter!]", "where: { and: $it }", json!([{}, {}, {}]), 3),
        // Each text that is looked for.
        literal(filter("{ title: { contains: \"a\", startsWith: \"b\", endsWith: \"c\" } }"), 2 + 600),
        inside("String", "where: { not: { title: { contains: $it } } }", json!("a"), 200),
        by("where", "TicketFilter", json!({ "or": [{ "title": { "contains": "a" } }] }), 201),
        literal(list("search: \" two words \""), 2 + 400),
        by("search", "String", json!("three more words"), 600),
        by("search", "String", json!(""), 0),
        // What no index has is looked for in each row.
        literal(filter("{ title: { eq: \"z\" }, tech: { eq: \"Ana\" } }"), 2 + 210),
        literal(filter("{ description: { isNull: true } }"), 2 + 200),
        inside("[String!]", "where: { title: { in: $it } }", json!(["a", "b"]), 202),
        inside("String", "where: { customer: { phone: { eq: $it } } }", json!("1"), 400),
        // Each step to another table.
        literal(filter("{ customer: { state: { eq: \"TX\" } } }"), 2 + 210),
        inside("CustomerFilter", "where: { customer: $it }", json!({ "city": { "eq": "X" } }), 210),
        inside("CustomerFilter", "where: { customer: $it }", Value::Null, 0),
        literal(format!("{{ customers(where: {RELATED}, first: 1) {{ nodes {{ id }} }} }}"), 2 + 410),
        // What an index is for is cheap to sort by.
        literal(list("orderBy: [{ field: CREATED_AT, direction: DESC }]"), 2 + 10),
        literal(list("orderBy: [{ field: CREATED_AT, direction: DESC }, { field: TECH }]"), 2 + 220),
        literal(list("orderBy: [{ field: TITLE }, { field: CUSTOMER_LAST_NAME }]"), 2 + 600),
        by("orderBy", "[TicketOrder!]", json!([{ "field": "CUSTOMER_EMAIL", "direction": "ASC" }]), 200),
        literal("{ customers(orderBy: { field: TICKET_COUNT }, first: 1) { nodes { id } } }".to_owned(), 2 + 200),
        // Rows that are passed over.
        literal(list("offset: 99"), 2),
        literal(list("offset: 1000"), 2 + 10),
        by("offset", "Int", json!(2_000_000_000), 200),
        by("offset", "Int", json!(-5), 0),
        // A count looks for them once more.
        literal("{ tickets(search: \"a\", where: { tech: { eq: \"Ana\" } }, offset: 500, first: 2) { totalCount } }".to_owned(), 1 + 215 + 410),
        (
            "query($it: String) { tickets(search: $it, first: 2) { totalCount } }".to_owned(),
            json!({ "it": "a b" }),
            1 + 400 + 600,
        ),
        // One statement for all parents, whatever their number; another for each alias.
        literal("{ customers(first: 50) { nodes { tickets(first: 10, search: \"a\") { totalCount nodes { id } } } } }".to_owned(), 601 + 600),
        literal("{ a: tickets(search: \"a\") { nodes { id } } b: tickets(search: \"a\") { nodes { id } } }".to_owned(), 442),
        literal("{ customers(first: 0) { nodes { tickets(search: \"a\") { totalCount } } } }".to_owned(), 1),
        (
            "query($all: Boolean!) { viewer { role } tickets(search: \"a\") @include(if: $all) { totalCount } }".to_owned(),
            json!({ "all": true }),
            602,
        ),
        (
            "query($all: Boolean!) { a: viewer { role } b: viewer { role } tickets(search: \"a\") @include(if: $all) { totalCount } }".to_owned(),
            json!({ "all": false }),
            2,
        ),
        // Each value that is written.
        literal("mutation { createTicket(input: { customerId: 1, title: \"a\", description: null }) { ticket { id } } }".to_owned(), 2 + 2),
        (
            "mutation($it: [NewTicketInput!]!) { createCustomer(input: { firstName: \"a\", lastName: \"b\", email: \"c\", \
               phone: \"1\", address1: \"d\", city: \"e\", state: \"TX\", zipCode: \"2\", tickets: $it }) { customer { id } } }".to_owned(),
            json!({ "it": [{ "title": "a" }, { "title": "b", "tech": "Ana" }] }),
            2 + 8 + 3,
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_request_costs_is_what_a_person_counts() {
    let serving = serve(&["--max-cost=1"]);
    let requests = requests().into_iter();
    let requests = requests.map(|(query, variables, cost)| (query.to_owned(), variables, cost));
    for (query, variables, expected) in requests.chain(works()) {
        let answer = ask(&serving, &query, variables.clone()).await;
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
            "Expected a request that costs at most 1, found one that costs {expected}: ask for \
             shorter lists, or have less looked for."
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
