//! What is stored is what is shown, in whatever way a record is asked for.

use serde_json::{Value, json};

use crate::harness::{Kind, Shop, on_both};

on_both!(
    a_text_is_shown_as_it_is_stored,
    what_is_empty_is_null_wherever_it_stands,
    nothing_where_something_has_to_be_fails_the_request,
    a_number_in_place_of_a_boolean_fails_the_request,
);

/// Ticket 3 in each way; it is customer 2's.
const WAYS: [(&str, &str); 4] = [
    (
        "{ ticket(id: 3) { number title description completed tech } }",
        "/ticket",
    ),
    (
        "{ tickets(where: {number: {eq: 3}}) { nodes { number title description completed tech } } }",
        "/tickets/nodes/0",
    ),
    (
        "{ customers { nodes { tickets(where: {number: {eq: 3}}) { nodes { number title description completed tech } } } } }",
        "",
    ),
    // Merged from two.
    (
        "{ ticket(id: 3) { number title } ticket(id: 3) { description completed tech } }",
        "/ticket",
    ),
];

async fn a_text_is_shown_as_it_is_stored(shop: Shop) {
    for text in [
        "a \"quoted\" word",
        "back\\slash",
        "two\nlines\tand\r\u{8}\u{c}",
        "\u{1} \u{1f}",
        "\u{7f} \u{80} \u{2028} \u{feff}",
        "naïve 😀 日本",
        "'",
        "sixteen letters, and a quote behind them\"",
    ] {
        let sql = text.replace('\'', "''");
        shop.execute(&format!(
            "UPDATE tickets SET title = '{sql}', tech = '{sql}' WHERE id = 3"
        ))
        .await;
        for (query, place) in WAYS {
            let ticket = ticket(&shop, query, place).await;
            assert_eq!(ticket["title"], text, "{query}");
            assert_eq!(ticket["tech"], text, "{query}");
        }
    }
}

async fn what_is_empty_is_null_wherever_it_stands(shop: Shop) {
    shop.execute("UPDATE tickets SET title = '', description = NULL, tech = 'Ana', completed = TRUE WHERE id = 3")
        .await;
    let expected = json!({
        "number": 3, "title": "", "description": null, "completed": true, "tech": "Ana"
    });
    for (query, place) in WAYS {
        assert_eq!(ticket(&shop, query, place).await, expected, "{query}");
    }
    shop.execute("UPDATE customers SET address2 = NULL, notes = NULL WHERE id = 2")
        .await;
    let data = shop
        .ask("{ customer(id: 2) { number address2 city notes active } a: customer(id: 2) { notes } }")
        .await;
    assert_eq!(data["customer"]["address2"], Value::Null);
    assert_eq!(data["customer"]["notes"], Value::Null);
    assert_eq!(data["customer"]["active"], true);
    assert_eq!(data["a"], json!({ "notes": null }));
}

/// Another program has changed the table.
async fn nothing_where_something_has_to_be_fails_the_request(shop: Shop) {
    if shop.kind() == Kind::Sqlite {
        // A constraint stays with its column there.
        shop.execute("ALTER TABLE tickets RENAME COLUMN tech TO was")
            .await;
        shop.execute("ALTER TABLE tickets ADD COLUMN tech text")
            .await;
    } else {
        shop.execute("ALTER TABLE tickets ALTER tech DROP NOT NULL")
            .await;
        shop.execute("UPDATE tickets SET tech = NULL WHERE id = 3")
            .await;
    }
    fails(&shop, "tech").await;
}

/// As above. On PostgreSQL the driver would take the number for false.
async fn a_number_in_place_of_a_boolean_fails_the_request(shop: Shop) {
    if shop.kind() == Kind::Sqlite {
        shop.execute("UPDATE tickets SET completed = 0.5 WHERE id = 3")
            .await;
    } else {
        shop.execute("DROP INDEX tickets_open_created_at_id_idx")
            .await;
        shop.execute(
            "ALTER TABLE tickets ALTER completed DROP DEFAULT, \
             ALTER completed TYPE integer USING completed::integer",
        )
        .await;
    }
    fails(&shop, "completed").await;
}

async fn ticket(shop: &Shop, query: &str, place: &str) -> Value {
    let data = shop.ask(query).await;
    if !place.is_empty() {
        return data.pointer(place).expect("the ticket").clone();
    }
    let customers = data["customers"]["nodes"].as_array().expect("customers");
    let mut tickets = customers
        .iter()
        .filter_map(|it| it["tickets"]["nodes"].get(0));
    tickets.next().expect("the ticket").clone()
}

/// Whoever asks for that field of ticket 3 is told so, and nobody else.
async fn fails(shop: &Shop, field: &str) {
    for query in [
        format!("{{ ticket(id: 3) {{ {field} }} }}"),
        format!("{{ tickets {{ nodes {{ {field} }} }} }}"),
        format!("{{ customers {{ nodes {{ tickets {{ nodes {{ {field} }} }} }} }} }}"),
    ] {
        let answer = shop.graphql(&query, json!({})).await;
        assert_eq!(answer.code(), "INTERNAL_SERVER_ERROR", "{query}");
    }
    shop.ask("{ ticket(id: 3) { title } }").await;
}
