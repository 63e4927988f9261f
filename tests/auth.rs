//! Who is asking: access tokens, what they are checked for, and what each role may do.

mod roles;
mod settings;
mod streams;
mod tokens;

use api::{Auth, Settings, Tokens};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::harness::{SECRET, Serving, Shop};

fn client() -> Client {
    let client = Client::builder().no_proxy().build();
    client.expect("a client")
}

/// Of a server that takes tokens of the tests' secret.
fn settings() -> Settings {
    let tokens = Tokens {
        secret: Some(SECRET.to_owned()),
        ..Tokens::default()
    };
    Settings {
        auth: Auth::new(&tokens).expect("good settings"),
        ..Settings::default()
    }
}

async fn guarded(shop: &Shop) -> String {
    shop.with_settings(settings()).await
}

fn post(url: &str, token: &str, query: &str) -> RequestBuilder {
    client()
        .post(url)
        .header("authorization", format!("Bearer {token}"))
        .json(&json!({ "query": query }))
}

async fn sent(request: RequestBuilder) -> Response {
    request.send().await.expect("an answer")
}

/// The status and the JSON of an operation.
async fn asked(url: &str, token: &str, query: &str) -> (u16, Value) {
    let response = sent(post(url, token, query)).await;
    let status = response.status().as_u16();
    (status, response.json().await.expect("JSON"))
}

/// Waits until a server has said something, at start or later.
fn says(serving: &Serving, needle: &str) {
    if !serving.greeting.iter().any(|line| line.contains(needle)) {
        serving.line_with(needle);
    }
}

fn code(body: &Value) -> &str {
    let code = &body["errors"][0]["extensions"]["code"];
    code.as_str().unwrap_or_default()
}
