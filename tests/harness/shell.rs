//! Commands that people paste, taken apart by the shell that they would paste them into.

use std::process::{Command, Stdio};

use reqwest::{Client, Method};
use serde_json::Value;

/// The words of one command, quotes and continued lines resolved.
pub(crate) fn words(command: &str) -> Vec<String> {
    let output = Command::new("sh")
        .args(["-euc", &format!("printf '%s\\0' {command}")])
        .stdin(Stdio::null())
        .output()
        .expect("a shell");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}: {complaint}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.split_terminator('\0').map(str::to_owned).collect()
}

/// Does what `curl` would do with these words, and returns the JSON that it would print. Fresh
/// machines have no `curl`.
pub(crate) async fn curl(words: &[String]) -> Value {
    let client = Client::builder().no_proxy().build();
    let client = client.expect("an HTTP client");
    let (mut url, mut headers, mut body) = (None, Vec::new(), None);
    let mut endless = false;
    let mut words = words.iter();
    assert_eq!(words.next().map(String::as_str), Some("curl"));
    while let Some(word) = words.next() {
        match word.as_str() {
            "-H" => headers.extend(words.next().and_then(|header| header.split_once(": "))),
            "-d" => body = words.next(),
            "-N" => endless = true,
            option if option.starts_with('-') => panic!("an option of curl that is new: {option}"),
            address => url = Some(address),
        }
    }
    let method = if body.is_some() {
        Method::POST
    } else {
        Method::GET
    };
    let mut request = client.request(method, url.expect("a URL"));
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let request = request.body(body.cloned().unwrap_or_default());
    let response = request.send().await.expect("an answer");
    if endless {
        // It has begun, and ends when it is dropped.
        let media_type = response.headers()["content-type"].to_str();
        let status = response.status();
        assert!(
            status.is_success() && media_type.is_ok_and(|it| it.starts_with("text/event-stream"))
        );
        return Value::Null;
    }
    let text = response.text().await.expect("a body");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("no JSON ({error}): {text}"))
}
