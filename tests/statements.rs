//! How many statements a request takes, and what they read: nothing that was not asked for.

use serde_json::json;

use crate::harness::{Shop, on_all, on_both};

on_both!(
    one_ticket_takes_one_statement,
    a_ticket_with_its_customer_takes_at_most_two,
    each_way_of_asking_for_a_list_takes_one_more,
    equal_records_are_read_once,
    nothing_is_read_for_another_place,
    nothing_is_read_below_an_empty_list,
    the_id_of_a_customer_is_read_off_the_ticket,
    a_count_reads_no_rows,
    a_page_reads_no_count,
    only_the_columns_asked_for_are_read,
    a_page_far_down_is_not_skipped_to,
);

on_all!(
    each_level_takes_one_statement,
    each_counted_level_takes_one_more,
    technicians_and_their_tickets_take_one_each,
    a_nested_list_is_cut_by_the_database,
);

async fn one_ticket_takes_one_statement(shop: Shop) {
    let sql = shop.sql_of("{ ticket(id: 5) { title tech } }").await;
    assert_eq!(sql.len(), 1, "{sql:#?}");
    let sql = shop.sql_of("{ customer(id: 5) { lastName } }").await;
    assert_eq!(sql.len(), 1, "{sql:#?}");
    let sql = shop.sql_of("{ viewer { role } }").await;
    assert_eq!(sql.len(), 0, "{sql:#?}");
}

async fn a_ticket_with_its_customer_takes_at_most_two(shop: Shop) {
    let query = "{ ticket(id: 5) { title customer { lastName } } }";
    let sql = shop.sql_of(query).await;
    assert!(sql.len() <= 2, "{sql:#?}");
    shop.snapshot("ticket_with_customer", query, json!({}))
        .await;
}

async fn each_level_takes_one_statement(shop: Shop) {
    let query =
        "{ customers { nodes { lastName tickets { nodes { title customer { email } } } } } }";
    let sql = shop.sql_of(query).await;
    assert_eq!(sql.len(), 3, "{sql:#?}");
    shop.snapshot("three_levels", query, json!({})).await;
    let sql = shop
        .sql_of("{ customers { nodes { tickets { nodes { customer { tickets { nodes { title } } } } } } } }")
        .await;
    assert!(sql.len() <= 4, "{sql:#?}");
    let sql = shop
        .sql_of("{ tickets { nodes { title customer { lastName } } } }")
        .await;
    assert_eq!(sql.len(), 2, "{sql:#?}");
}

async fn each_counted_level_takes_one_more(shop: Shop) {
    let query = "{ customers { totalCount nodes { lastName
        tickets(first: 2) { totalCount nodes { title } } } } }";
    let sql = shop.sql_of(query).await;
    assert_eq!(sql.len(), 4, "{sql:#?}");
    shop.snapshot("two_levels_counted", query, json!({})).await;
    let query = "{ customers { nodes { lastName tickets { totalCount } } } }";
    let sql = shop.sql_of(query).await;
    assert_eq!(sql.len(), 2, "{sql:#?}");
    shop.snapshot("only_the_nested_level_counted", query, json!({}))
        .await;
}

async fn each_way_of_asking_for_a_list_takes_one_more(shop: Shop) {
    let sql = shop
        .sql_of(
            "{ customers { nodes {
                one: tickets(first: 1) { nodes { title } }
                same: tickets(first: 1) { nodes { title } }
                open: tickets(where: {completed: {eq: false}}) { nodes { title } }
            } } }",
        )
        .await;
    assert!((3..=4).contains(&sql.len()), "{sql:#?}");
}

async fn equal_records_are_read_once(shop: Shop) {
    let sql = shop
        .sql_of("{ a: ticket(id: 1) { customer { lastName } } b: ticket(id: 2) { customer { lastName } } c: ticket(id: 1) { customer { lastName } } }")
        .await;
    assert!(sql.len() <= 3, "{sql:#?}");
}

async fn nothing_is_read_for_another_place(shop: Shop) {
    // The customers of both lists are read together; ticket 3 is of the second list's alone.
    let query = "{ technicians(first: 9) {
        a: tickets(where: {number: {eq: 1}}) { nodes { customer { lastName
            tickets(where: {number: {eq: 3}}) { nodes { customer { city } } } } } }
        b: tickets(where: {number: {eq: 3}}) { nodes { customer { lastName } } }
    } }";
    let sql = shop.sql_of(query).await;
    assert!(!sql.concat().contains("city"), "{sql:#?}");
}

async fn nothing_is_read_below_an_empty_list(shop: Shop) {
    let query = "{ customers(where: {number: {eq: 999}}) { nodes { lastName
        tickets { totalCount nodes { customer { lastName } } } } } }";
    let sql = shop.sql_of(query).await;
    assert_eq!(sql.len(), 1, "{sql:#?}");
}

async fn technicians_and_their_tickets_take_one_each(shop: Shop) {
    let query = "{ technicians { name tickets(first: 2) { nodes { title customer { email } } } } }";
    let sql = shop.sql_of(query).await;
    assert_eq!(sql.len(), 3, "{sql:#?}");
    shop.snapshot("technicians_with_tickets", query, json!({}))
        .await;
}

async fn the_id_of_a_customer_is_read_off_the_ticket(shop: Shop) {
    for query in [
        "{ ticket(id: 5) { customer { id number } } }",
        "{ ticket(id: 5) { title customer { __typename ... on Node { id } } } }",
        "{ tickets { nodes { title customer { id number } } } }",
        "{ ticketCounts(by: [CUSTOMER]) { customer { id number } count } }",
    ] {
        let sql = shop.sql_of(query).await;
        assert_eq!(sql.len(), 1, "{sql:#?}");
        assert!(!sql[0].contains("customers"), "{sql:#?}");
    }
}

async fn a_count_reads_no_rows(shop: Shop) {
    for query in [
        "{ tickets { totalCount } }",
        "{ customers(where: {state: {eq: \"TX\"}}) { totalCount } }",
        "{ customer(id: 1) { tickets { totalCount } } }",
    ] {
        let sql = shop.sql_of(query).await;
        let counts = sql.last().map(|sql| sql.to_lowercase()).unwrap_or_default();
        assert!(counts.contains("count("), "{sql:#?}");
        assert!(!counts.contains("title"), "{sql:#?}");
        assert!(!counts.contains("order by"), "{sql:#?}");
        assert!(sql.len() <= 1 + usize::from(query.contains("customer(")));
    }
    let query = "{ tickets { totalCount } }";
    shop.snapshot("only_a_count", query, json!({})).await;
}

async fn a_page_reads_no_count(shop: Shop) {
    let query = "{ tickets { nodes { title } pageInfo { hasNextPage endCursor } } }";
    let sql = shop.sql_of(query).await;
    assert_eq!(sql.len(), 1, "{sql:#?}");
    assert!(!sql[0].to_lowercase().contains("count("), "{sql:#?}");
}

async fn only_the_columns_asked_for_are_read(shop: Shop) {
    let unasked = |sql: &[String], columns: &[&str]| {
        for column in columns {
            assert!(
                !sql.iter().any(|sql| sql.contains(column)),
                "{column} was not asked for: {sql:#?}"
            );
        }
    };
    let sql = shop.sql_of("{ tickets { nodes { title } } }").await;
    unasked(&sql, &["description", "completed", "tech", "created_at"]);
    let sql = shop.sql_of("{ ticket(id: 1) { tech } }").await;
    unasked(&sql, &["description", "title", "created_at"]);
    let query = "{ customers { edges { node { ...Name tickets { nodes { tech } } } } } }
        fragment Name on Customer { first: firstName }";
    let sql = shop.sql_of(query).await;
    unasked(
        &sql,
        &["notes", "address1", "email", "title", "description"],
    );
    assert!(sql.iter().any(|sql| sql.contains("first_name")));
    let query = "{ tickets { nodes { customer { lastName notes @skip(if: true) } } } }";
    let sql = shop.sql_of(query).await;
    unasked(&sql, &["notes", "address1", "title"]);
    shop.snapshot("asked_for_columns", query, json!({})).await;
}

async fn a_nested_list_is_cut_by_the_database(shop: Shop) {
    let query = "{ customers { nodes { tickets(first: 2) { nodes { title } } } } }";
    let sql = shop.sql_of(query).await;
    assert_eq!(sql.len(), 2, "{sql:#?}");
    let nested = sql[1].to_lowercase();
    assert!(
        nested.contains("limit") || nested.contains("row_number"),
        "{nested}"
    );
}

async fn a_page_far_down_is_not_skipped_to(shop: Shop) {
    let query =
        "query($after: String) { tickets(first: 2, after: $after, orderBy: [{field: TITLE}])
        { nodes { number } pageInfo { endCursor } } }";
    let answer = shop.graphql(query, json!({})).await;
    let after = answer.data("/tickets/pageInfo/endCursor").clone();
    shop.sql();
    shop.graphql(query, json!({ "after": after })).await;
    let sql = shop.sql();
    assert_eq!(sql.len(), 1, "{sql:#?}");
    assert!(!sql[0].to_lowercase().contains("offset"), "{sql:#?}");
}
