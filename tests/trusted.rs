//! Documents that a request names in place of sending them: trusted ones, and those of Apollo's
//! automatic persisted queries.

use serde_json::{Value, json};

use crate::harness::{Answer, Directory, Serving, Shop, on_both};

on_both!(
    a_text_is_remembered_by_its_hash,
    so_many_texts_are_remembered_and_no_more,
);

/// Of `{__typename}`.
const HASH: &str = "ecf4edb46db40b5132295c0291d62fb65d6759a9eedfa4d5d612dd5ec54a6b38";

fn client() -> reqwest::Client {
    let client = reqwest::Client::builder().no_proxy().build();
    client.expect("a client")
}

async fn ask(url: &str, request: Value) -> Answer {
    Answer::to(&client(), url, &request).await
}

fn persisted(hash: &str) -> Value {
    json!({ "persistedQuery": { "version": 1, "sha256Hash": hash } })
}

async fn a_text_is_remembered_by_its_hash(shop: Shop) {
    let by_hash = || ask(&shop.url, json!({ "extensions": persisted(HASH) }));
    let unknown = by_hash().await;
    assert_eq!(unknown.code(), "PERSISTED_QUERY_NOT_FOUND");
    assert_eq!(unknown.status, 200);
    assert_eq!(unknown.errors()[0]["message"], "PersistedQueryNotFound");
    // Nobody may put another text there.
    let other = json!({ "query": "{ viewer { role } }", "extensions": persisted(HASH) });
    assert_eq!(ask(&shop.url, other).await.code(), "BAD_USER_INPUT");
    assert_eq!(by_hash().await.code(), "PERSISTED_QUERY_NOT_FOUND");
    let text = json!({ "query": "{__typename}", "extensions": persisted(HASH) });
    ask(&shop.url, text).await.data("/__typename");
    assert_eq!(by_hash().await.data("/__typename"), "Query");
    // graphql-ws sends no request without a `query`.
    let empty = json!({ "query": "", "extensions": persisted(HASH) });
    ask(&shop.url, empty).await.data("/__typename");
    let id = json!({ "documentId": format!("sha256:{HASH}") });
    ask(&shop.url, id).await.data("/__typename");
    let url =
        reqwest::Url::parse_with_params(&shop.url, [("extensions", persisted(HASH).to_string())]);
    let by_get = client().get(url.expect("a URL")).send().await;
    let by_get: Value = by_get.expect("an answer").json().await.expect("JSON");
    assert_eq!(by_get["data"]["__typename"], "Query");
    let version = json!({ "persistedQuery": { "version": 2, "sha256Hash": HASH } });
    let answer = ask(&shop.url, json!({ "extensions": version })).await;
    assert_eq!(answer.code(), "BAD_USER_INPUT");
}

/// Else whoever likes could fill the memory.
async fn so_many_texts_are_remembered_and_no_more(shop: Shop) {
    let text = |number: usize| format!("{{ a{number}: __typename }}");
    let hash = |text: &str| {
        let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
        let digits = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
        digits.collect::<String>()
    };
    for number in 0..1_500 {
        let text = text(number);
        let request = json!({ "query": text, "extensions": persisted(&hash(&text)) });
        ask(&shop.url, request).await.data("");
    }
    let mut known = 0;
    for number in 0..1_500 {
        let by_hash = json!({ "extensions": persisted(&hash(&text(number))) });
        let answer = ask(&shop.url, by_hash).await;
        known += usize::from(answer.errors().is_empty());
    }
    assert!((500..=1_000).contains(&known), "{known}");
}

const TICKET: &str = "query Ticket($id: ID!) { ticket(id: $id) { number } }";
const DELETE: &str = "mutation { deleteTicket(input: {id: 1}) { deletedTicketId } }";

fn serve(arguments: &[&str]) -> Serving {
    let here = Directory::new();
    // As Relay's compiler (md5, or others) and GraphQL Code Generator (`sha256:` and the hash, or
    // sha1) write them.
    let documents = json!({
        "1a79a4d60de6718e8e5b326e338ae533": TICKET,
        format!("sha256:{HASH}"): "{__typename}",
        "delete": DELETE,
    });
    here.write("persisted-documents.json", &documents.to_string());
    let mut all = vec!["serve", "--documents", "persisted-documents.json"];
    all.extend(arguments);
    here.serve(&all, &[("PORT", "0")]).with(here)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_document_is_run_by_its_id() {
    let serving = serve(&[]);
    let url = &serving.url;
    let ticket =
        json!({ "documentId": "1a79a4d60de6718e8e5b326e338ae533", "variables": { "id": 1 } });
    assert_eq!(ask(url, ticket).await.data("/ticket/number"), 1);
    let id = format!("sha256:{HASH}");
    for request in [
        json!({ "documentId": HASH }),
        json!({ "documentId": id, "query": "", "variables": {}, "operationName": null }),
        json!({ "extensions": persisted(HASH) }),
        json!({ "query": "{ __typename }" }),
    ] {
        assert_eq!(ask(url, request).await.data("/__typename"), "Query");
    }
    for id in ["", "x", "sha256:", "sha256:1a79", &id.to_uppercase()] {
        let answer = ask(url, json!({ "documentId": id })).await;
        assert_eq!(answer.code(), "PERSISTED_QUERY_NOT_FOUND", "{id}");
    }
    let get = |id: &str, variables: &str| {
        let parameters = [("documentId", id), ("variables", variables)];
        let url = reqwest::Url::parse_with_params(url, parameters).expect("a URL");
        client().get(url).send()
    };
    let found = get("1a79a4d60de6718e8e5b326e338ae533", r#"{"id":2}"#).await;
    let found: Value = found.expect("an answer").json().await.expect("JSON");
    assert_eq!(found["data"]["ticket"]["number"], 2);
    assert_eq!(get("delete", "").await.expect("an answer").status(), 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_the_trusted_documents_is_run_where_that_is_asked_for() {
    let serving = serve(&["--documents-only", "--batch", "3"]);
    let url = &serving.url;
    assert_eq!(
        ask(url, json!({ "documentId": HASH }))
            .await
            .data("/__typename"),
        "Query"
    );
    // It is the document that is trusted, however it came.
    ask(url, json!({ "query": "{__typename}" }))
        .await
        .data("/__typename");
    for request in [
        json!({ "query": "{ __typename }" }),
        json!({ "query": "{ __schema { types { name } } }" }),
        json!({ "query": "mutation { deleteTicket(input: {id: 2}) { deletedTicketId } }" }),
        json!({ "query": "{", "extensions": {} }),
    ] {
        assert_eq!(
            ask(url, request.clone()).await.code(),
            "FORBIDDEN",
            "{request}"
        );
        let batch = ask(url, json!([request])).await;
        assert_eq!(
            batch.body[0]["errors"][0]["extensions"]["code"],
            "FORBIDDEN"
        );
        let text = request["query"].as_str().expect("a text");
        let address = reqwest::Url::parse_with_params(url, [("query", text)]).expect("a URL");
        let answer = client().get(address).send().await.expect("an answer");
        let body: Value = answer.json().await.expect("JSON");
        assert_eq!(
            body["errors"][0]["extensions"]["code"], "FORBIDDEN",
            "{body}"
        );
    }
    // Nor can one be smuggled in by its hash.
    let text = json!({ "query": "{__typename }", "extensions": persisted(HASH) });
    assert_eq!(ask(url, text).await.code(), "BAD_USER_INPUT");
}

#[test]
fn a_document_that_is_not_valid_stops_the_start_with_a_line() {
    let here = Directory::new();
    here.write(
        "one.json",
        r#"{"a1": "{ nope }", "b2": "{", "c3": "{ __typename }"}"#,
    );
    let outcome = here.run(&["serve", "--documents", "one.json"], &[("PORT", "0")]);
    assert_eq!(outcome.status, Some(1));
    let lines: Vec<_> = outcome
        .stderr
        .lines()
        .filter(|it| it.starts_with("error: "))
        .collect();
    assert_eq!(lines.len(), 3, "{lines:#?}");
    assert!(
        lines[0].contains("a1") && lines[0].contains("nope"),
        "{lines:#?}"
    );
    assert!(lines[1].contains("b2"), "{lines:#?}");
    for (text, said) in [("[]", "a JSON object"), ("{", "a JSON object")] {
        here.write("two.json", text);
        let outcome = here.run(&["serve", "--documents", "two.json"], &[("PORT", "0")]);
        assert_eq!(outcome.status, Some(1));
        assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
    }
    let outcome = here.run(&["serve", "--documents", "three.json"], &[("PORT", "0")]);
    assert!(
        outcome.stderr.contains("three.json cannot be read"),
        "{}",
        outcome.stderr
    );
    let outcome = here.run(&["serve", "--documents-only"], &[("PORT", "0")]);
    assert!(outcome.stderr.contains("--documents"), "{}", outcome.stderr);
    assert_eq!(outcome.status, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_array_of_requests_is_answered_in_its_order_up_to_its_limit() {
    let here = Directory::new();
    let serving = here.serve(&["serve", "--batch", "3"], &[("PORT", "0")]);
    let title = |title: &str| json!({ "query": format!("mutation {{ updateTicket(input: {{id: 1, title: \"{title}\"}}) {{ ticket {{ title }} }} }}") });
    let batch = json!([title("one"), { "query": "{ nope }" }, title("two")]);
    let answer = ask(&serving.url, batch).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.body[0]["data"]["updateTicket"]["ticket"]["title"],
        "one"
    );
    assert!(answer.body[1].get("data").is_none(), "{:#}", answer.body);
    assert_eq!(
        answer.body[2]["data"]["updateTicket"]["ticket"]["title"],
        "two"
    );
    for count in [0, 4, 10_000] {
        let many: Value = vec![json!({ "query": "{ __typename }" }); count].into();
        let answer = ask(&serving.url, many).await;
        assert_eq!(
            (answer.status, answer.code()),
            (400, "TOO_COSTLY"),
            "{count}"
        );
    }
}
