//! What each role may do: every field at the root of the schema, and what an input asks for beside.

use std::collections::BTreeSet;

use async_graphql::parser::{
    parse_schema,
    types::{TypeKind, TypeSystemDefinition},
};
use serde_json::{Value, json};

use super::{asked, code, guarded, post, sent};
use crate::harness::{Shop, Socket, on_both, token};

on_both!(
    each_role_does_what_it_may_and_nothing_else,
    nothing_of_a_refused_operation_runs,
    a_field_that_does_not_run_is_not_refused,
    a_customer_is_deactivated_by_managers_alone,
    nothing_runs_beside_a_deactivation_that_is_refused,
    a_subscription_takes_a_role,
    who_has_no_role_is_told_so,
);

const ROLES: [&str; 4] = ["", "READER", "TECHNICIAN", "MANAGER"];

/// Each field at the root, the lowest role that may ask for it, and an operation that does.
const FIELDS: [(&str, &str, &str); 18] = [
    ("viewer", "", "{ viewer { subject } }"),
    ("node", "READER", r#"{ node(id: "Ticket:1") { id } }"#),
    ("nodes", "READER", r#"{ nodes(ids: ["Ticket:1"]) { id } }"#),
    ("customer", "READER", "{ customer(id: 1) { id } }"),
    (
        "customerByEmail",
        "READER",
        r#"{ customerByEmail(email: "a@b.c") { id } }"#,
    ),
    ("customers", "READER", "{ customers { totalCount } }"),
    ("ticket", "READER", "{ ticket(id: 1) { id } }"),
    ("tickets", "READER", "{ tickets { totalCount } }"),
    ("technicians", "READER", "{ technicians { name } }"),
    (
        "ticketCounts",
        "READER",
        "{ ticketCounts(by: [TECH]) { count } }",
    ),
    (
        "customerChanged",
        "READER",
        "subscription { customerChanged { id } }",
    ),
    (
        "ticketChanged",
        "READER",
        "subscription { ticketChanged { id } }",
    ),
    (
        "createCustomer",
        "TECHNICIAN",
        r#"mutation { createCustomer(input: {firstName: "", lastName: "", email: "", phone: "", address1: "", city: "", state: "", zipCode: ""}) { userErrors { code } } }"#,
    ),
    (
        "updateCustomer",
        "TECHNICIAN",
        r#"mutation { updateCustomer(input: {id: 1, city: "Riga", active: true}) { userErrors { code } } }"#,
    ),
    (
        "createTicket",
        "TECHNICIAN",
        r#"mutation { createTicket(input: {customerId: 1, title: ""}) { userErrors { code } } }"#,
    ),
    (
        "updateTicket",
        "TECHNICIAN",
        r#"mutation { updateTicket(input: {id: 1, title: "Seen"}) { userErrors { code } } }"#,
    ),
    (
        "deleteCustomer",
        "MANAGER",
        "mutation { deleteCustomer(input: {id: 999}) { userErrors { code } } }",
    ),
    (
        "deleteTicket",
        "MANAGER",
        "mutation { deleteTicket(input: {id: 999}) { userErrors { code } } }",
    ),
];

/// A token of somebody with this role.
fn of(role: &str) -> String {
    token(&json!({ "permissions": [role.to_lowercase()] }))
}

#[test]
fn each_field_at_the_root_has_a_rule() {
    let document = parse_schema(api::sdl()).expect("a schema");
    let mut roots = BTreeSet::new();
    for definition in document.definitions {
        if let TypeSystemDefinition::Type(definition) = definition
            && ["Query", "Mutation", "Subscription"].contains(&definition.node.name.node.as_str())
            && let TypeKind::Object(object) = definition.node.kind
        {
            let names = object
                .fields
                .iter()
                .map(|field| field.node.name.node.to_string());
            roots.extend(names);
        }
    }
    let ruled: BTreeSet<_> = FIELDS.iter().map(|(name, ..)| (*name).to_owned()).collect();
    assert_eq!(roots, ruled);
}

async fn each_role_does_what_it_may_and_nothing_else(shop: Shop) {
    let url = guarded(&shop).await;
    for (rank, role) in ROLES.iter().enumerate() {
        let token = of(role);
        for (field, lowest, query) in FIELDS {
            let may = ROLES.iter().position(|it| *it == lowest).expect("a role") <= rank;
            if query.starts_with("subscription") {
                let request = post(&url, &token, query).header("accept", "text/event-stream");
                let mut response = sent(request).await;
                // The opening, and where it is refused what comes at once.
                let mut text = String::new();
                while !text.contains("FORBIDDEN") && (!may || text.is_empty()) {
                    let chunk = response.chunk().await.expect("a chunk").expect("a chunk");
                    text.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
                }
                assert_eq!(text.contains("FORBIDDEN"), !may, "{role} {field}: {text}");
                continue;
            }
            let (status, body) = asked(&url, &token, query).await;
            assert_eq!(status, 200, "{role} {field}: {body:#}");
            if may {
                assert_eq!(body["errors"], Value::Null, "{role} {field}: {body:#}");
            } else {
                assert_eq!(code(&body), "FORBIDDEN", "{role} {field}: {body:#}");
                assert_eq!(body["errors"][0]["path"], json!([field]));
                assert_eq!(body["data"], Value::Null);
                assert!(body["errors"][0]["locations"][0]["line"].is_number());
            }
        }
    }
}

async fn nothing_of_a_refused_operation_runs(shop: Shop) {
    let url = guarded(&shop).await;
    let query = r#"mutation {
        first: updateTicket(input: {id: 1, title: "Not to be"}) { ticket { id } }
        ...Rest
        again: deleteTicket(input: {id: 2}) { deletedTicketId }
    }
    fragment Rest on Mutation { gone: deleteTicket(input: {id: 1}) { deletedTicketId } }"#;
    let (status, body) = asked(&url, &of("TECHNICIAN"), query).await;
    assert_eq!(status, 200);
    let paths: Vec<_> = (body["errors"].as_array().expect("errors").iter())
        .map(|error| error["path"][0].as_str().expect("a path"))
        .collect();
    assert_eq!(paths, ["gone", "again"], "{body:#}");
    assert_eq!(shop.count("tickets WHERE title = 'Not to be'").await, 0);
    assert_eq!(shop.count("tickets WHERE id IN (1, 2)").await, 2);
    let (_, body) = asked(&url, &of("MANAGER"), query).await;
    assert_eq!(
        body["data"]["gone"]["deletedTicketId"], "Ticket:1",
        "{body:#}"
    );
}

async fn a_field_that_does_not_run_is_not_refused(shop: Shop) {
    let url = guarded(&shop).await;
    let query = r#"mutation($really: Boolean! = false, $no: Boolean! = true) {
        updateTicket(input: {id: 1, title: "Kept"}) { ticket { title } }
        a: deleteTicket(input: {id: 1}) @include(if: $really) { deletedTicketId }
        b: deleteTicket(input: {id: 1}) @skip(if: $no) { deletedTicketId }
        ... @include(if: $really) { c: deleteTicket(input: {id: 1}) { deletedTicketId } }
        ...D @skip(if: true)
    }
    fragment D on Mutation { d: deleteTicket(input: {id: 1}) { deletedTicketId } }"#;
    let (_, body) = asked(&url, &of("TECHNICIAN"), query).await;
    assert_eq!(
        body["data"]["updateTicket"]["ticket"]["title"], "Kept",
        "{body:#}"
    );
    for variables in [json!({ "really": true }), json!({ "no": false })] {
        let request = json!({ "query": query, "variables": variables });
        let response = sent(post(&url, &of("TECHNICIAN"), "").json(&request)).await;
        let body: Value = response.json().await.expect("JSON");
        assert_eq!(code(&body), "FORBIDDEN", "{variables}: {body:#}");
    }
    assert_eq!(shop.count("tickets WHERE id = 1").await, 1);
}

async fn a_customer_is_deactivated_by_managers_alone(shop: Shop) {
    let url = guarded(&shop).await;
    let update = |input: &str| {
        format!(
            "mutation {{ updateCustomer(input: {{id: 1, {input}}}) {{ customer {{ active }} userErrors {{ code }} }} }}"
        )
    };
    let active = async || shop.count("customers WHERE id = 1 AND active").await;
    let technician = of("TECHNICIAN");
    let (_, body) = asked(&url, &technician, &update("active: false")).await;
    assert_eq!(code(&body), "FORBIDDEN", "{body:#}");
    assert_eq!(body["errors"][0]["path"], json!(["updateCustomer"]));
    let request = json!({
        "query": "mutation($input: UpdateCustomerInput!) { updateCustomer(input: $input) { customer { active } } }",
        "variables": { "input": { "id": "Customer:1", "city": "Riga", "active": false } },
    });
    let response = sent(post(&url, &technician, "").json(&request)).await;
    assert_eq!(code(&response.json().await.expect("JSON")), "FORBIDDEN");
    assert_eq!(active().await, 1);
    let (_, body) = asked(&url, &of("MANAGER"), &update("active: false")).await;
    assert_eq!(
        body["data"]["updateCustomer"]["customer"]["active"], false,
        "{body:#}"
    );
    assert_eq!(active().await, 0);
    let (_, body) = asked(&url, &technician, &update("active: true")).await;
    assert_eq!(
        body["data"]["updateCustomer"]["customer"]["active"], true,
        "{body:#}"
    );
}

/// However it is asked for: nothing that comes before it is written.
async fn nothing_runs_beside_a_deactivation_that_is_refused(shop: Shop) {
    let url = guarded(&shop).await;
    let before = r#"updateTicket(input: {id: 2, title: "Not to be"}) { ticket { id } }"#;
    let off = |input: &str| format!("updateCustomer(input: {input}) {{ userErrors {{ code }} }}");
    let literal = off("{id: 1, active: false}");
    let one = off("{id: 1, active: $a}");
    let all = off("$i");
    let (key, none) = ("updateCustomer", json!({}));
    let input = json!({ "i": { "id": 1, "active": false } });
    for (key, query, variables) in [
        (key, format!("mutation {{ {before} {literal} }}"), &none),
        (
            key,
            format!("mutation($a: Boolean) {{ {before} {one} }}"),
            &json!({ "a": false }),
        ),
        (
            key,
            format!("mutation($a: Boolean = false) {{ {before} {one} }}"),
            &none,
        ),
        (
            key,
            format!("mutation($i: UpdateCustomerInput!) {{ {before} {all} }}"),
            &input,
        ),
        (
            key,
            format!(
                "mutation($i: UpdateCustomerInput! = {{id: 1, active: false}}) {{ {before} {all} }}"
            ),
            &none,
        ),
        (
            "off",
            format!("mutation {{ {before} off: {literal} }}"),
            &none,
        ),
        (
            key,
            format!(
                "mutation {{ {before} ... {{ ...F }} }} fragment F on Mutation {{ {literal} }}"
            ),
            &none,
        ),
        (
            "b",
            format!(
                "mutation($i: UpdateCustomerInput!, $yes: Boolean! = true) {{ {before} a: {} ...F }} \
                 fragment F on Mutation {{ ... @include(if: $yes) {{ b: {all} }} }}",
                off("{id: 1, active: true}")
            ),
            &input,
        ),
    ] {
        let request = json!({ "query": query, "variables": variables });
        let response = sent(post(&url, &of("TECHNICIAN"), "").json(&request)).await;
        let body: Value = response.json().await.expect("JSON");
        assert_eq!(code(&body), "FORBIDDEN", "{query}: {body:#}");
        assert_eq!(body["errors"][0]["path"], json!([key]), "{query}: {body:#}");
        assert!(body["errors"][0]["locations"][0]["line"].is_number());
        assert_eq!(body["data"], Value::Null);
        let written = shop.count("tickets WHERE title = 'Not to be'").await;
        assert_eq!(written, 0, "{query}");
    }
    assert_eq!(shop.count("customers WHERE id = 1 AND active").await, 1);
    // What asks for no deactivation, or is not run, is not refused.
    for (query, variables) in [
        (
            format!("mutation($a: Boolean) {{ {one} }}"),
            json!({ "a": true }),
        ),
        (format!("mutation($a: Boolean) {{ {one} }}"), json!({})),
        (
            format!("mutation($i: UpdateCustomerInput!) {{ {all} }}"),
            json!({ "i": { "id": 1, "city": "Riga" } }),
        ),
        (
            format!(
                "mutation($no: Boolean! = false) {{ {before} ... @include(if: $no) {{ {literal} }} }}"
            ),
            json!({}),
        ),
    ] {
        let request = json!({ "query": query, "variables": variables });
        let response = sent(post(&url, &of("TECHNICIAN"), "").json(&request)).await;
        let body: Value = response.json().await.expect("JSON");
        assert_eq!(body["errors"], Value::Null, "{query}: {body:#}");
    }
}

async fn a_subscription_takes_a_role(shop: Shop) {
    let url = guarded(&shop).await;
    let mut socket = Socket::new(&url).await;
    socket.init(Some(&of("READER"))).await;
    assert_eq!(socket.message().await["type"], "connection_ack");
    socket
        .subscribe("s", "subscription { ticketChanged(id: 1) { id } }")
        .await;
    let changes = async {
        loop {
            asked(&url, &of("TECHNICIAN"), FIELDS[15].2).await;
        }
    };
    tokio::select! {
        message = socket.message() => {
            let id = &message["payload"]["data"]["ticketChanged"]["id"];
            assert_eq!(id, "Ticket:1", "{message:#}");
        }
        () = changes => {}
    }

    let mut socket = Socket::new(&url).await;
    socket.init(Some(&of(""))).await;
    assert_eq!(socket.message().await["type"], "connection_ack");
    socket
        .subscribe("s", "subscription { ticketChanged { id } }")
        .await;
    let message = socket.message().await;
    assert_eq!(message["type"], "error", "{message:#}");
    assert_eq!(message["payload"][0]["extensions"]["code"], "FORBIDDEN");
    // A mutation is refused as over HTTP.
    socket.subscribe("m", FIELDS[17].2).await;
    let message = socket.message().await;
    assert_eq!(code(&message["payload"]), "FORBIDDEN", "{message:#}");
}

async fn who_has_no_role_is_told_so(shop: Shop) {
    let url = guarded(&shop).await;
    for claims in [
        json!({}),
        json!({ "permissions": [] }),
        json!({ "permissions": ["owner", "manager:x", "read"] }),
        json!({ "permissions": { "manager": true } }),
        json!({ "permissions": [null, 1, ["manager"], { "id": "manager" }] }),
        json!({ "roles": ["manager"] }),
    ] {
        let token = token(&claims);
        let (_, body) = asked(
            &url,
            &token,
            "{ viewer { subject } __schema { queryType { name } } __typename }",
        )
        .await;
        assert_eq!(
            body["data"]["viewer"]["subject"], "somebody",
            "{claims}: {body:#}"
        );
        let (_, body) = asked(&url, &token, "{ viewer { role } }").await;
        assert_eq!(code(&body), "FORBIDDEN", "{claims}: {body:#}");
        assert_eq!(body["errors"][0]["path"], json!(["viewer", "role"]));
        let (_, body) = asked(&url, &token, "{ ticket(id: 1) { title } }").await;
        let message = &body["errors"][0]["message"];
        assert_eq!(
            message,
            "Expected at least the role READER for `ticket`, found no role."
        );
    }
}
