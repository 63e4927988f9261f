//! What the operations of the benchmark cost the database, which no machine's speed changes: how
//! many statements, and how many columns each reads or returns.

use serde_json::{Value, json};

use crate::harness::{Shop, on_both};

#[path = "../api/benches/shop/operations.rs"]
#[expect(dead_code, reason = "the benchmark measures time, too")]
mod operations;

use operations::{OPERATIONS, cursor};

on_both!(
    the_measured_operations_read_what_they_show,
    one_statement_changes_and_returns_a_row,
);

/// By operation: its variables, and the columns of each of its statements.
fn expected() -> [(Value, &'static [usize]); 7] {
    [
        (json!({ "id": 5 }), &[9]),
        // The second has the parent's key.
        (json!({ "above": 1 }), &[3, 4]),
        (json!({}), &[5, 3]),
        // With what the cursor is made of.
        (json!({ "after": cursor(3) }), &[5]),
        (json!({}), &[3, 1]),
        (json!({ "customer": 5 }), &[3]),
        (json!({ "id": 5, "done": true }), &[3]),
    ]
}

async fn the_measured_operations_read_what_they_show(shop: Shop) {
    for (operation, (variables, columns)) in OPERATIONS.iter().zip(expected()) {
        shop.sql();
        let answer = shop.graphql(operation.query, variables).await;
        answer.data("");
        let sql = shop.sql();
        let mut found: Vec<usize> = sql.iter().map(|sql| columns_of(sql)).collect();
        found.sort_unstable_by(|a, b| b.cmp(a));
        let mut columns = columns.to_vec();
        columns.sort_unstable_by(|a, b| b.cmp(a));
        assert_eq!(found, columns, "{}: {sql:#?}", operation.name);
    }
}

async fn one_statement_changes_and_returns_a_row(shop: Shop) {
    for operation in &OPERATIONS[5..] {
        let variables = json!({ "customer": 5, "id": 5, "done": false });
        let variables: Value = (variables.as_object().expect("an object").iter())
            .filter(|(name, _)| operation.query.contains(&format!("${name}")))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        shop.sql();
        shop.graphql(operation.query, variables).await.data("");
        assert_eq!(shop.sql().len(), 1, "{}", operation.name);
    }
}

/// How many columns a statement hands over: the longest list between SELECT and FROM, with what stands
/// beside it where that is `"page".*`; or what comes after RETURNING.
fn columns_of(sql: &str) -> usize {
    let lists = sql.split("SELECT ").skip(1);
    let lists = lists.map(|rest| rest.split(" FROM ").next().unwrap_or_default());
    let returned = sql.split(" RETURNING ").skip(1);
    let count = |list: &str| list.split(", ").count();
    let longest = lists.chain(returned).map(count).max().unwrap_or_default();
    longest + usize::from(sql.starts_with(r#"SELECT "parents"."parents", "page".*"#))
}
