//! Requests that are too much, or meet what should not be: one clear error, and the server goes on.

use serde_json::{Value, json};

use crate::harness::{Kind, Shop, on_both};

on_both!(
    brackets_in_strings_and_comments_do_not_count,
    brackets_after_what_only_looks_like_a_string_count,
    a_filter_or_search_of_any_size_is_answered_or_refused,
    a_row_that_cannot_be_read_fails_its_own_request,
    a_database_that_went_away_is_told_as_unavailable,
    a_lock_that_is_held_is_not_waited_for_forever,
);

async fn alive(shop: &Shop) {
    let data = shop.ask("{ ticket(id: 1) { number } }").await;
    assert_eq!(data["ticket"]["number"], 1);
}

async fn brackets_in_strings_and_comments_do_not_count(shop: Shop) {
    let many = "{[(".repeat(100);
    let query = format!(
        "# {many}\n{{ a: tickets(search: \"\\\"{many}\") {{ totalCount }} \
           b: tickets(search: \"\"\"\\\"\"\"{many}\"\"\") {{ totalCount }} }}"
    );
    let data = shop.ask(&query).await;
    assert_eq!(
        data,
        json!({ "a": { "totalCount": 0 }, "b": { "totalCount": 0 } })
    );
}

async fn brackets_after_what_only_looks_like_a_string_count(shop: Shop) {
    let deep = "[".repeat(20_000);
    let strings = [
        (r#""""\\""" """"#, "TOO_COSTLY"),
        (r#"["""abc"]"#, "GRAPHQL_PARSE_FAILED"),
    ];
    for (string, code) in strings {
        let query = format!("{{ tickets(search: {string}) {{ totalCount }} a(b: {deep}");
        assert_eq!(shop.refusal(&query, json!({})).await, code, "{string}");
    }
    // Each of the quotes might begin a block string, and the parser would look for its end.
    let query = format!(
        "{{ a(b: [\"\"\"{} # {}",
        r#"\\"""""#.repeat(4_000),
        "x".repeat(900_000)
    );
    let code = shop.refusal(&query, json!({})).await;
    assert_eq!(code, "GRAPHQL_PARSE_FAILED");
    alive(&shop).await;
}

async fn a_filter_or_search_of_any_size_is_answered_or_refused(shop: Shop) {
    let query = "query($where: TicketFilter, $search: String) {
        tickets(where: $where, search: $search) { totalCount } }";
    let many = |length| -> Value { vec![json!({ "tech": { "eq": "a" } }); length].into() };
    let texts = |length| -> Value { vec![json!({ "title": { "contains": "a" } }); length].into() };
    let letters = |length| "ä".repeat(length);
    for (variables, accepted) in [
        (json!({ "where": { "or": many(199) } }), true),
        (json!({ "where": { "or": many(200) } }), false),
        (json!({ "where": { "and": many(10_000) } }), false),
        (json!({ "where": { "or": texts(60) } }), true),
        (json!({ "where": { "or": texts(70) } }), false),
        (json!({ "search": "a ".repeat(20) }), true),
        (json!({ "search": "a ".repeat(21) }), false),
        (json!({ "search": "a ".repeat(100_000) }), false),
        (
            json!({ "where": { "title": { "contains": letters(1_000) } } }),
            true,
        ),
        (
            json!({ "where": { "title": { "contains": letters(1_001) } } }),
            false,
        ),
        (
            json!({ "where": { "title": { "eq": letters(100_000) } } }),
            true,
        ),
    ] {
        let answer = shop.graphql(query, variables).await;
        if accepted {
            answer.data("");
        } else {
            assert!(["TOO_COSTLY", "BAD_USER_INPUT"].contains(&answer.code()));
        }
    }
    for (steps, accepted) in [(8, true), (17, false)] {
        let mut filter = json!({ "state": { "eq": "TX" } });
        for _ in 0..steps {
            filter = json!({ "tickets": { "some": { "customer": filter } } });
        }
        let query = "query($where: CustomerFilter) { customers(where: $where) { totalCount } }";
        let answer = shop.graphql(query, json!({ "where": filter })).await;
        let code = (!accepted).then_some("TOO_COSTLY");
        assert_eq!(answer.errors().first().map(|_| answer.code()), code);
    }
    let amplified = "query($f: [TicketFilter!]) { tickets(where: {or: [{or: $f}, {or: $f}, {or: $f}]}) { totalCount } }";
    let answer = shop.graphql(amplified, json!({ "f": many(70) })).await;
    assert_eq!(answer.code(), "TOO_COSTLY");
    alive(&shop).await;
}

/// Another program has changed the type of a column.
async fn a_row_that_cannot_be_read_fails_its_own_request(shop: Shop) {
    if shop.kind() == Kind::Sqlite {
        let broken = "UPDATE tickets SET updated_at = 'yesterday' WHERE id = 2";
        shop.execute(broken).await;
    } else {
        shop.execute("ALTER TABLE tickets ALTER updated_at TYPE text")
            .await;
    }
    for query in [
        "{ ticket(id: 2) { updatedAt } }",
        "{ tickets { nodes { updatedAt } } }",
        "{ customers { nodes { tickets { nodes { updatedAt } } } } }",
    ] {
        let answer = shop.graphql(query, json!({})).await;
        assert_eq!(answer.code(), "INTERNAL_SERVER_ERROR");
        alive(&shop).await;
    }
}

async fn a_database_that_went_away_is_told_as_unavailable(shop: Shop) {
    if shop.kind() == Kind::Sqlite {
        // Another program writes, and goes on writing.
        shop.execute("BEGIN IMMEDIATE").await;
    } else {
        alive(&shop).await;
        shop.lock_out(true).await;
    }
    let query = "mutation { updateTicket(input: {id: 1, title: \"x\"}) { ticket { number } } }";
    assert_eq!(shop.refusal(query, json!({})).await, "UNAVAILABLE");
    if shop.kind() == Kind::Sqlite {
        shop.execute("ROLLBACK").await;
    } else {
        shop.lock_out(false).await;
    }
    shop.graphql(query, json!({}))
        .await
        .data("/updateTicket/ticket");
}

/// On SQLite, whose lock is the whole file's, this is the test above.
async fn a_lock_that_is_held_is_not_waited_for_forever(shop: Shop) {
    if shop.kind() == Kind::Postgres {
        shop.execute("BEGIN").await;
        shop.execute("UPDATE tickets SET tech = 'x' WHERE id = 1")
            .await;
        let query = "mutation { updateTicket(input: {id: 1, title: \"x\"}) { ticket { number } } }";
        let answer = shop.graphql(query, json!({})).await;
        assert_eq!(answer.code(), "UNAVAILABLE");
        assert!(answer.errors()[0]["extensions"]["id"].is_string());
        shop.execute("ROLLBACK").await;
        shop.graphql(query, json!({}))
            .await
            .data("/updateTicket/ticket");
    }
}
