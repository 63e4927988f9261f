//! Documents, variables and bodies that are made to be deep, long or wide: each is refused with a
//! code, and the server goes on. What has no bound would end the test's process, or not end.

use serde_json::{Value, json};

use super::{
    client,
    documents::{MANY, documents, times, wide},
};
use crate::harness::{Kind, Shop};

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
    Shop::run(Kind::Sqlite, every_wide).await;
}

async fn every_wide(shop: Shop) {
    for document in wide() {
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
