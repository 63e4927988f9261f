//! Which documents are valid: the rules of the GraphQL specification, section 5.

use serde_json::json;

use crate::harness::{Answer, Directory, Kind, Shop};

/// Documents that are not valid, each with the section of the rule that it breaks.
const INVALID: &[(&str, &str)] = &[
    ("2.8", "{ viewer { } }"),
    ("2.6", "{ ticket(id: 1, nope) { title } }"),
    (
        "2.9",
        "{ ticket(id: 1) { title } tickets(first: 1e999) { totalCount } }",
    ),
    ("5.1.1", "type Query { a: Int } { __typename }"),
    ("5.2.1.1", "query A { __typename } query A { __typename }"),
    ("5.2.2.1", "{ __typename } { __typename }"),
    ("5.2.2.1", "{ __typename } query A { __typename }"),
    ("5.2.3", "subscription { a b }"),
    ("5.3.1", "{ nope }"),
    ("5.3.1", "{ node(id: \"Ticket:1\") { title } }"),
    ("5.3.2", "{ ticket(id: 1) { a: title a: number } }"),
    (
        "5.3.2",
        "{ ticket(id: 1) { number } ticket(id: 2) { number } }",
    ),
    (
        "5.3.2",
        "{ node(id: 1) { ... on Ticket { a: number } ... on Customer { a: email } } }",
    ),
    (
        "5.3.2",
        "{ tickets(orderBy: [{field: TITLE}]) { totalCount } \
               tickets(orderBy: [{field: TITLE}, {field: NUMBER}]) { totalCount } }",
    ),
    (
        "5.3.2",
        "subscription { \
             ticketChanged { ticket { customer { tickets(orderBy: [{field: TITLE}]) { totalCount } } } } \
             ticketChanged { ticket { customer { tickets(orderBy: [{field: TITLE}, {field: NUMBER}]) { totalCount } } } } }",
    ),
    (
        "5.3.2",
        "{ ticket(id: 1) { ...A ...B } } fragment A on Ticket { customer { x: email } } fragment B on Ticket { customer { x: city } }",
    ),
    ("5.3.3", "{ ticket(id: 1) }"),
    ("5.3.3", "{ ticket(id: 1) { title { x } } }"),
    ("5.4.1", "{ ticket(id: 1, nope: 1) { title } }"),
    ("5.4.1", "{ __typename(id: 1) }"),
    ("5.4.1", "{ viewer { role @skip(nope: true, if: true) } }"),
    ("5.4.2", "{ ticket(id: 1, id: 1) { title } }"),
    ("5.4.3", "{ ticket { title } }"),
    ("5.4.3", "{ ticket(id: null) { title } }"),
    (
        "5.5.1.1",
        "{ ticket(id: 1) { ...A } } fragment A on Ticket { id } fragment A on Ticket { id }",
    ),
    ("5.5.1.2", "{ ticket(id: 1) { ... on Nope { id } } }"),
    ("5.5.1.3", "{ ticket(id: 1) { ... on DateTime { id } } }"),
    ("5.5.1.4", "{ __typename } fragment A on Ticket { id }"),
    ("5.5.2.1", "{ ticket(id: 1) { ...Nope } }"),
    (
        "5.5.2.2",
        "{ ticket(id: 1) { ...A } } fragment A on Ticket { customer { tickets { nodes { ...A } } } }",
    ),
    (
        "5.5.2.2",
        "{ ticket(id: 1) { ...A } } fragment A on Ticket { ...B } fragment B on Ticket { ...A }",
    ),
    ("5.5.2.3", "{ ticket(id: 1) { ... on Customer { id } } }"),
    ("5.6.1", "{ tickets(first: \"1\") { totalCount } }"),
    ("5.6.1", "{ tickets(first: 3000000000) { totalCount } }"),
    (
        "5.6.1",
        "{ tickets(where: {createdAt: {gt: \"yesterday\"}}) { totalCount } }",
    ),
    (
        "5.6.1",
        "query($at: DateTime = 5) { tickets(where: {createdAt: {gt: $at}}) { totalCount } }",
    ),
    (
        "5.6.1",
        "{ tickets(orderBy: [{field: \"TITLE\"}]) { totalCount } }",
    ),
    ("5.6.2", "{ tickets(where: {nope: 1}) { totalCount } }"),
    (
        "5.6.3",
        "{ tickets(where: {number: {gt: 1, gt: 2}}) { totalCount } }",
    ),
    (
        "5.6.4",
        "{ tickets(orderBy: [{direction: ASC}]) { totalCount } }",
    ),
    ("5.7.1", "{ __typename @nope }"),
    ("5.7.2", "query @skip(if: true) { __typename }"),
    ("5.7.3", "{ __typename @skip(if: true) @skip(if: true) }"),
    (
        "5.8.1",
        "query($a: Int, $a: Int) { tickets(first: $a) { totalCount } }",
    ),
    (
        "5.8.2",
        "query($a: Ticket) { tickets(first: $a) { totalCount } }",
    ),
    ("5.8.3", "{ tickets(first: $a) { totalCount } }"),
    ("5.8.3", "{ __typename @include(if: $a) }"),
    (
        "5.8.3",
        "query A { ...F } query B($a: Int) { ...F } fragment F on Query { tickets(first: $a) { totalCount } }",
    ),
    ("5.8.4", "query($a: Int) { __typename }"),
    ("5.8.5", "query($a: Boolean) { __typename @skip(if: $a) }"),
    (
        "5.8.5",
        "query($a: String) { tickets(first: $a) { totalCount } }",
    ),
    ("5.8.5", "query($a: ID = null) { ticket(id: $a) { title } }"),
    (
        "5.8.5",
        "query($a: [TicketOrder]) { tickets(orderBy: $a) { totalCount } }",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_of_the_specification_holds() {
    Shop::run(Kind::Sqlite, every_rule).await;
}

async fn every_rule(shop: Shop) {
    shop.sql();
    for (rule, query) in INVALID {
        let answer = shop.graphql(query, json!({ "a": true })).await;
        assert!(answer.body.get("data").is_none(), "{rule}: {query}");
        for error in answer.errors() {
            let code = error["extensions"]["code"].as_str();
            let codes = ["GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED"];
            assert!(
                code.is_some_and(|code| codes.contains(&code)),
                "{rule}: {error:#}"
            );
            let message = error["message"].as_str().unwrap_or_default();
            let one_sentence = message.ends_with('.') && !message.contains(['\n', '\u{1b}']);
            assert!(
                one_sentence && !message.contains("Did you mean"),
                "{rule}: {message}"
            );
        }
    }
    assert_eq!(shop.sql(), [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_looks_odd_may_be_valid() {
    Shop::run(Kind::Sqlite, odd).await;
}

async fn odd(shop: Shop) {
    for query in [
        "{ node(id: \"Ticket:1\") { ... on Ticket { a: title } ... on Customer { a: lastName } } }",
        "{ ticket(id: 1) { title title ...A ...A } } fragment A on Ticket { title customer { id } }",
        "{ ticket(id: 1) { ... { id } ... @include(if: true) { __typename } } }",
        "query($a: Boolean! = true) { __typename @skip(if: $a) b: __typename }",
        "query($a: ID = 1) { ticket(id: $a) { title } }",
        "query($a: Int = null) { tickets(first: $a) { totalCount } }",
        "{ tickets(orderBy: {field: TITLE}) { totalCount } }",
        "{ __type(name: \"Nope\") { name } }",
        "\u{feff}query($ id : [ ID ! ] ! = [\"Ticket:1\"]) {\r nodes(ids: $ id) { id }, }",
        "\"What it is for.\" query Q(\"\"\"Which.\"\"\" $id: ID = 1) { ticket(id: $id) { ...T } } \
         \"Why.\" fragment T on Ticket { title }",
    ] {
        shop.graphql(query, json!({})).await.data("");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_that_is_not_in_the_document_is_asked_for_by_name() {
    Shop::run(Kind::Sqlite, operations).await;
}

async fn operations(shop: Shop) {
    let two = "query A { a: __typename } query B { b: __typename }";
    let client = reqwest::Client::builder().no_proxy().build();
    let client = client.expect("a client");
    for (query, name, code) in [
        (two, json!("A"), None),
        (two, json!(null), Some("BAD_USER_INPUT")),
        (two, json!("C"), Some("BAD_USER_INPUT")),
        ("{ __typename }", json!("A"), Some("BAD_USER_INPUT")),
        ("{ __typename }", json!(""), None),
        ("query A { __typename }", json!(null), None),
    ] {
        let request = json!({ "query": query, "operationName": name });
        let answer = Answer::to(&client, &shop.url, &request).await;
        let found = answer.errors().first().map(|_| answer.code());
        assert_eq!(found, code, "{query} {name}");
        assert_eq!(answer.body.get("data").is_none(), code.is_some());
    }
}

/// What getIntrospectionQuery of graphql-js 16 asks for, with all its options on.
const INTROSPECTION: &str = "query IntrospectionQuery { __schema { description queryType { name } \
    mutationType { name } subscriptionType { name } types { ...FullType } directives { name \
    description isRepeatable locations args { ...InputValue } } } } fragment FullType on __Type { \
    kind name description specifiedByURL fields(includeDeprecated: true) { name description args { \
    ...InputValue } type { ...TypeRef } isDeprecated deprecationReason } inputFields { ...InputValue \
    } interfaces { ...TypeRef } enumValues(includeDeprecated: true) { name description isDeprecated \
    deprecationReason } possibleTypes { ...TypeRef } } fragment InputValue on __InputValue { name \
    description type { ...TypeRef } defaultValue } fragment TypeRef on __Type { kind name ofType { \
    kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { \
    kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } } } }";

#[tokio::test(flavor = "multi_thread")]
async fn introspection_passes_all_limits_and_can_be_switched_off() {
    let client = reqwest::Client::builder().no_proxy().build();
    let client = client.expect("a client");
    let here = Directory::new();
    let shown = here.serve(&[], &[("PORT", "0")]);
    let request = json!({ "query": INTROSPECTION });
    let answer = Answer::to(&client, &shown.url, &request).await;
    assert!(
        answer
            .data("/__schema/types")
            .as_array()
            .is_some_and(|it| it.len() > 30)
    );
    let hidden = here.serve(&[], &[("PORT", "0"), ("INTROSPECTION", "false")]);
    for query in [
        INTROSPECTION,
        "{ a: __type(name: \"Ticket\") { name } }",
        "{ ... { ...F } } fragment F on Query { __schema { types { name } } }",
    ] {
        let answer = Answer::to(&client, &hidden.url, &json!({ "query": query })).await;
        assert_eq!(answer.code(), "GRAPHQL_VALIDATION_FAILED");
        assert!(answer.body.get("data").is_none(), "{:#}", answer.body);
    }
    let typename = json!({ "query": "{ __typename ticket(id: 1) { __typename } }" });
    Answer::to(&client, &hidden.url, &typename)
        .await
        .data("/ticket/__typename");
    let text = hidden.url.replace("/graphql", "/schema.graphql");
    assert_eq!(
        client.get(text).send().await.expect("an answer").status(),
        404
    );
}
