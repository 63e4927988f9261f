//! The attacks that everybody knows: the lists of OWASP's GraphQL cheat sheet, graphql-cop and
//! graphql-armor, each with what it gets; and an innocent client that notices nothing of them.

use reqwest::{
    Client, Method,
    header::{ACCEPT, CONTENT_TYPE, COOKIE},
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::{Answer, Serving, within};

/// An attack: its name in those lists, how it is sent, and the status and code that it gets.
struct Attack {
    name: &'static str,
    method: Method,
    content_type: &'static str,
    body: String,
    status: u16,
    /// None where it is answered, for it does no harm.
    code: Option<&'static str>,
}

impl Attack {
    /// A document by POST, which gets this code.
    fn document(name: &'static str, query: impl Into<String>, code: &'static str) -> Self {
        Self::json(name, &json!({ "query": query.into() }), 400, Some(code))
    }

    fn harmless(name: &'static str, query: &str) -> Self {
        Self::json(name, &json!({ "query": query }), 200, None)
    }

    fn json(name: &'static str, body: &Value, status: u16, code: Option<&'static str>) -> Self {
        Self {
            name,
            method: Method::POST,
            content_type: "application/json",
            body: body.to_string(),
            status,
            code,
        }
    }

    /// What a browser sends for a page of another origin without asking first.
    fn form(name: &'static str, content_type: &'static str, body: &str) -> Self {
        Self {
            name,
            method: Method::POST,
            content_type,
            body: body.to_owned(),
            status: 415,
            code: Some("BAD_USER_INPUT"),
        }
    }

    /// A URL with these parameters.
    fn get(name: &'static str, parameters: &str, status: u16) -> Self {
        Self {
            name,
            method: Method::GET,
            content_type: "",
            body: parameters.to_owned(),
            status,
            code: Some("BAD_USER_INPUT"),
        }
    }

    async fn send(&self, client: &Client, url: &str) -> (u16, Value) {
        let request = if self.method == Method::GET {
            client.get(format!("{url}?{}", self.body))
        } else {
            (client.post(url).header(CONTENT_TYPE, self.content_type)).body(self.body.clone())
        };
        let request = request.header(ACCEPT, "application/graphql-response+json");
        let request = request.header(COOKIE, "session=somebody");
        let response = within(self.name, request.send()).await;
        let response = response.unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let status = response.status().as_u16();
        let body = response.json().await;
        (
            status,
            body.unwrap_or_else(|error| panic!("{}: {error}", self.name)),
        )
    }
}

fn times(count: usize, one: impl Fn(usize) -> String) -> String {
    (0..count).map(one).collect::<Vec<_>>().join(" ")
}

/// Against a server as it starts without settings.
#[expect(clippy::too_many_lines, reason = "it is a list")]
fn attacks() -> Vec<Attack> {
    const COSTLY: &str = "TOO_COSTLY";
    const INVALID: &str = "GRAPHQL_VALIDATION_FAILED";
    const PARSE: &str = "GRAPHQL_PARSE_FAILED";
    let around = |count: usize, open: &str, inside: &str, close: &str| {
        format!("{}{inside}{}", open.repeat(count), close.repeat(count))
    };
    vec![
        // graphql-cop
        Attack::document(
            "alias overloading",
            format!("{{ {} }}", times(101, |it| format!("a{it}: __typename"))),
            COSTLY,
        ),
        Attack::json(
            "array-based batching",
            &Value::Array(vec![json!({ "query": "{ __typename }" }); 10]),
            400,
            Some("BAD_USER_INPUT"),
        ),
        Attack::document(
            "directive overloading",
            format!("{{ __typename {} }}", times(10, |_| "@aa".to_owned())),
            COSTLY,
        ),
        Attack::document(
            "directive overloading with a known one",
            format!("{{ __typename {} }}", times(10, |_| "@include(if: true)".to_owned())),
            COSTLY,
        ),
        Attack::document(
            "field duplication",
            format!("{{ {} }}", times(500, |_| "__typename".to_owned())),
            COSTLY,
        ),
        Attack::document(
            "circular query by introspection",
            format!(
                "{{ __schema {{ types {{ {} }} }} }}",
                around(4, "fields { type { ", "name", "} } ")
            ),
            COSTLY,
        ),
        Attack::document("field suggestions", "{ tikets { id } }".to_owned(), INVALID),
        Attack::document("unhandled errors", "qwerty { abc }".to_owned(), PARSE),
        Attack::get("mutation over GET", "query=mutation%7BdeleteTicket(input:%7Bid:1%7D)%7BdeletedTicketId%7D%7D", 405),
        Attack::form(
            "query as a form",
            "application/x-www-form-urlencoded",
            "query=mutation%7BdeleteTicket(input%3A%7Bid%3A1%7D)%7BdeletedTicketId%7D%7D",
        ),
        Attack::form("query as text", "text/plain", r#"{"query":"{ __typename }"}"#),
        Attack::form("query as multipart", "multipart/form-data; boundary=x", "--x--"),
        Attack::json(
            "trace mode",
            &json!({ "query": "{ __typename }", "extensions": { "tracing": true } }),
            200,
            None,
        ),
        Attack::harmless("debug mode", "{ __typename _debug: __typename }"),
        // graphql-armor
        Attack::document(
            "depth",
            format!(
                "{{ tickets {} }}",
                around(6, "{ nodes { customer { tickets ", "{ totalCount }", "} } }")
            ),
            COSTLY,
        ),
        Attack::document("tokens", "{ a(b: \"\") } ".repeat(5_000), COSTLY),
        Attack::document(
            "cost of nested lists",
            "{ customers(first: 100) { nodes { tickets(first: 100) { nodes { customer { tickets(first: 100) { nodes { id } } } } } } } }".to_owned(),
            COSTLY,
        ),
        Attack::document(
            "cost by aliases",
            format!(
                "{{ {} }}",
                times(40, |it| format!(
                    "a{it}: customers(first: 100) {{ nodes {{ tickets(first: 100) {{ nodes {{ id }} }} }} }}"
                ))
            ),
            COSTLY,
        ),
        Attack::json(
            "cost by a variable",
            &json!({
                "query": "query($n: Int) { customers(first: $n) { nodes { tickets(first: $n) { nodes { customer { tickets(first: $n) { nodes { id } } } } } } } }",
                "variables": { "n": 100 },
            }),
            400,
            Some(COSTLY),
        ),
        Attack::document(
            "searches by aliases",
            format!(
                "{{ {} }}",
                times(50, |it| format!("a{it}: tickets(search: \"a b\") {{ totalCount }}"))
            ),
            COSTLY,
        ),
        Attack::json(
            "deep filters by aliases",
            &json!({
                "query": format!(
                    "query($f: CustomerFilter) {{ {} }}",
                    times(50, |it| format!("a{it}: customers(where: $f) {{ nodes {{ id }} }}"))
                ),
                "variables": { "f": (0..16).fold(json!({}), |below, it| {
                    if it % 2 == 0 { json!({ "customer": below }) } else { json!({ "tickets": { "some": below } }) }
                }) },
            }),
            400,
            Some(COSTLY),
        ),
        Attack::json(
            "a page without end",
            &json!({ "query": "{ tickets(first: 1000000) { nodes { id } } }" }),
            400,
            Some("BAD_USER_INPUT"),
        ),
        // OWASP
        Attack::document(
            "a circle of fragments",
            "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }".to_owned(),
            INVALID,
        ),
        Attack::document(
            "fragments that double",
            format!(
                "{{ ...F0 }} {} fragment F20 on Query {{ __typename }}",
                times(20, |it| format!("fragment F{it} on Query {{ ...F{0} ...F{0} }}", it + 1))
            ),
            COSTLY,
        ),
        Attack::document(
            "guessing by aliases",
            format!(
                "{{ {} }}",
                times(100, |it| format!("g{it}: customerByEmail(email: \"a{it}@b.c\") {{ id }}"))
            ),
            COSTLY,
        ),
        Attack::harmless(
            "SQL in a filter",
            r#"{ tickets(where: { title: { eq: "' OR 1=1; DROP TABLE tickets; --" } }) { totalCount } }"#,
        ),
        Attack::harmless(
            "SQL in a search",
            r#"{ customers(search: "%' UNION SELECT * FROM tickets --") { totalCount } }"#,
        ),
        Attack::harmless(
            "a pattern that backtracks",
            r#"{ tickets(where: { title: { contains: "%_%_%_%_%_%_%_%_%_%_%_%a" } }) { totalCount } }"#,
        ),
        Attack::json(
            "SQL in an id",
            &json!({ "query": "{ ticket(id: \"Ticket:1 OR 1=1\") { id } }" }),
            200,
            Some("BAD_USER_INPUT"),
        ),
        Attack::json(
            "an object for a string",
            &json!({
                "query": "query($e: String!) { customerByEmail(email: $e) { id } }",
                "variables": { "e": { "$ne": null } },
            }),
            400,
            Some("BAD_USER_INPUT"),
        ),
        Attack::json("no document", &json!({ "query": null }), 400, Some("BAD_USER_INPUT")),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_known_attack_gets_its_answer_and_an_innocent_client_its_own() {
    let server = Serving::start(&[]);
    let client = Client::builder().no_proxy().build().expect("a client");
    let innocent = json!({ "query": "{ customer(id: 1) { lastName tickets(first: 5) { nodes { title } } } }" });
    let before = Answer::to(&client, &server.url, &innocent).await.body;
    let mut attackers = JoinSet::new();
    for attack in attacks() {
        let (client, url) = (client.clone(), server.url.clone());
        attackers.spawn(async move {
            for _ in 0..10 {
                let (status, body) = attack.send(&client, &url).await;
                let code = body["errors"][0]["extensions"]["code"].as_str();
                assert_eq!(
                    (status, code),
                    (attack.status, attack.code),
                    "{}: {body:#}",
                    attack.name
                );
                assert!(
                    body.get("extensions").is_none(),
                    "{}: {body:#}",
                    attack.name
                );
                let text = body.to_string();
                for said in [
                    "Did you mean",
                    "SELECT",
                    "sqlx",
                    "sea_orm",
                    ".rs",
                    "panicked",
                ] {
                    assert!(!text.contains(said), "{}: {text}", attack.name);
                }
            }
        });
    }
    while !attackers.is_empty() {
        let answer = Answer::to(&client, &server.url, &innocent).await;
        assert_eq!(answer.body, before);
        while let Some(ended) = attackers.try_join_next() {
            ended.expect("the answer that it should get");
        }
    }
    let resident = server.resident();
    assert!(resident < 150 * 1024 * 1024, "{resident} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_shows_the_schema_can_be_switched_off() {
    let server = Serving::start(&[("INTROSPECTION", "false")]);
    let client = Client::builder().no_proxy().build().expect("a client");
    let request = json!({ "query": "{ __schema { types { name } } }" });
    let answer = Answer::to(&client, &server.url, &request).await;
    assert_eq!(answer.code(), "GRAPHQL_VALIDATION_FAILED");
    for path in [
        "/",
        "/graphql",
        "/graphiql",
        "/playground",
        "/console",
        "/altair",
        "/schema.graphql",
    ] {
        let url = server.url.replace("/graphql", path);
        let page = client.get(url).header(ACCEPT, "text/html,*/*;q=0.1").send();
        let page = page.await.expect("an answer");
        assert!(!page.status().is_success(), "{path}");
    }
}
