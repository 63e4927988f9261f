//! `search`, and what dashboards ask: counts by group, and the technicians.

use serde_json::{Value, json};

use crate::harness::{Shop, numbers, on_all};

on_all!(
    every_word_must_occur_somewhere_in_a_ticket,
    every_word_must_occur_somewhere_in_a_customer,
    a_search_goes_with_a_filter_and_a_count,
    a_search_is_paged_like_any_list,
    a_nul_byte_is_not_searched_for,
    tickets_are_counted_by_each_dimension,
    tickets_are_counted_by_several_dimensions,
    tickets_are_counted_as_far_as_they_match,
    the_largest_groups_come_first,
    technicians_come_by_name,
    out_of_range_sizes_are_refused,
);

const TICKETS: &str = "query($search: String) { tickets(search: $search) { nodes { number } } }";
const CUSTOMERS: &str =
    "query($search: String) { customers(search: $search) { nodes { number } } }";

async fn every_word_must_occur_somewhere_in_a_ticket(shop: Shop) {
    let all: Vec<i64> = (1..=14).collect();
    let cases: [(&str, &[i64]); 15] = [
        ("cracked bea", &[1, 8]),
        ("bea lovelace cracked", &[1]),
        ("a e lovelace cracked i", &[1]),
        ("bea cracked zola", &[]),
        ("  SCREEN\tlovelace\n", &[1, 12]),
        ("hopper keyboard", &[9, 10]),
        ("zola", &[5, 6, 7]),
        ("écran", &[4, 11]),
        ("ÉCRAN lovelace", &[11]),
        ("100%", &[3]),
        ("under_score", &[5, 6]),
        ("\\", &[7]),
        ("bea bea", &[1, 4, 8, 9, 12]),
        ("cracked nowhere", &[]),
        (" ", &all),
    ];
    for (search, expected) in cases {
        let answer = shop.graphql(TICKETS, json!({ "search": search })).await;
        assert_eq!(numbers(answer.data("/tickets")), expected, "{search:?}");
    }
    let search = json!({ "search": "cracked lovelace" });
    shop.snapshot("tickets_searched", TICKETS, search).await;
}

async fn every_word_must_occur_somewhere_in_a_customer(shop: Shop) {
    let cases: [(&str, &[i64]); 10] = [
        ("hopper tx", &[2, 4]),
        ("k1a", &[3]),
        ("555-1234", &[1]),
        ("new york byron", &[6]),
        ("linus.hopper@example.com dallas", &[4]),
        ("montréal ÉMILE", &[3]),
        ("moved", &[6]),
        ("wool_coat 100%", &[3]),
        // The address is not searched.
        ("médan", &[]),
        ("cracked", &[]),
    ];
    for (search, expected) in cases {
        let answer = shop.graphql(CUSTOMERS, json!({ "search": search })).await;
        assert_eq!(numbers(answer.data("/customers")), expected, "{search:?}");
    }
    let search = json!({ "search": "new york byron" });
    shop.snapshot("customers_searched", CUSTOMERS, search).await;
}

async fn a_search_goes_with_a_filter_and_a_count(shop: Shop) {
    let query = r#"{ tickets(search: "hopper", where: {completed: {eq: true}}) {
        totalCount nodes { number } } }"#;
    let data = shop.ask(query).await;
    assert_eq!(numbers(&data["tickets"]), [8]);
    assert_eq!(data["tickets"]["totalCount"], 1);
    let query = r#"{ customer(id: 4) { tickets(search: "bea", first: 1) {
        totalCount nodes { number } } } }"#;
    let data = shop.ask(query).await;
    assert_eq!(numbers(&data["customer"]["tickets"]), [8]);
    assert_eq!(data["customer"]["tickets"]["totalCount"], 2);
}

async fn a_search_is_paged_like_any_list(shop: Shop) {
    let query = "query($search: String!, $order: [TicketOrder!], $where: TicketFilter,
        $first: Int, $after: String, $last: Int, $before: String, $offset: Int) {
        tickets(search: $search, orderBy: $order, where: $where, first: $first, after: $after,
            last: $last, before: $before, offset: $offset) {
            totalCount nodes { number } pageInfo { startCursor endCursor } } }";
    let orders = [
        json!([{ "field": "NUMBER" }]),
        json!([{ "field": "TECH", "direction": "DESC" }]),
        json!([{ "field": "CUSTOMER_LAST_NAME" }, { "field": "CREATED_AT", "direction": "DESC" }]),
    ];
    // In both a ticket and its customer's name; in either; in one alone.
    for search in ["bea", "e", "hopper e", "lovelace bea e"] {
        for order in &orders {
            for filter in [json!({}), json!({ "customer": { "number": { "lt": 4 } } })] {
                let page = async |page: Value| {
                    let mut variables =
                        json!({ "search": search, "order": order, "where": filter });
                    for (name, value) in page.as_object().expect("a page") {
                        variables[name] = value.clone();
                    }
                    let answer = shop.graphql(query, variables).await;
                    answer.data("/tickets").clone()
                };
                let whole = page(json!({ "first": 100 })).await;
                let all = numbers(&whole);
                assert_eq!(whole["totalCount"], all.len(), "{search} {order}");
                let (mut forward, mut backward) = (Vec::new(), Vec::new());
                let (mut after, mut before) = (Value::Null, Value::Null);
                for offset in 0..all.len() {
                    let skipped = page(json!({ "first": 1, "offset": offset })).await;
                    assert_eq!(numbers(&skipped), all[offset..=offset], "{search} {order}");
                    let next = page(json!({ "first": 1, "after": after })).await;
                    after = next["pageInfo"]["endCursor"].clone();
                    forward.extend(numbers(&next));
                    let previous = page(json!({ "last": 1, "before": before })).await;
                    before = previous["pageInfo"]["startCursor"].clone();
                    backward.extend(numbers(&previous));
                }
                backward.reverse();
                assert_eq!(forward, all, "{search} {order}");
                assert_eq!(backward, all, "{search} {order}");
            }
        }
    }
}

async fn a_nul_byte_is_not_searched_for(shop: Shop) {
    let code = shop.refusal(TICKETS, json!({ "search": "a\0b" })).await;
    assert_eq!(code, "BAD_USER_INPUT");
    let code = shop.refusal(CUSTOMERS, json!({ "search": "\0" })).await;
    assert_eq!(code, "BAD_USER_INPUT");
}

/// The groups as texts, sorted, since equal counts come in no particular order.
async fn groups(shop: &Shop, arguments: &str, fields: &str) -> Vec<String> {
    let query = format!("{{ ticketCounts({arguments}) {{ {fields} count }} }}");
    let data = shop.ask(&query).await;
    let groups = data["ticketCounts"].as_array().expect("groups");
    assert!(
        groups.is_sorted_by_key(|group| -group["count"].as_i64().expect("a count")),
        "the largest first: {groups:?}"
    );
    let mut found: Vec<_> = groups
        .iter()
        .map(|group| {
            let text = |value: &Value| match value {
                Value::Object(customer) => customer["number"].to_string(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let mut words: Vec<_> = fields
                .split(" { number }")
                .flat_map(str::split_whitespace)
                .map(|field| text(&group[field]))
                .collect();
            words.push(text(&group["count"]));
            words.join(" ")
        })
        .collect();
    found.sort();
    found
}

async fn tickets_are_counted_by_each_dimension(shop: Shop) {
    assert_eq!(
        groups(&shop, "by: [TECH]", "tech").await,
        ["Bea 5", "Chuck 4", "Zoë 2", "unassigned 3"]
    );
    assert_eq!(
        groups(&shop, "by: [COMPLETED]", "completed").await,
        ["false 9", "true 5"]
    );
    assert_eq!(
        groups(&shop, "by: [CUSTOMER]", "customer { number }").await,
        ["1 4", "2 3", "3 3", "4 3", "6 1"]
    );
    let days = groups(&shop, "by: [CREATED_ON]", "createdOn").await;
    assert_eq!(days.len(), 11);
    assert_eq!(days[..3], ["2024-02-01 2", "2024-02-02 1", "2024-02-03 2"]);
    let query = "{ ticketCounts(by: [CUSTOMER]) { customer { lastName } tech count } }";
    let data = shop.ask(query).await;
    let first = json!({ "customer": { "lastName": "Lovelace" }, "tech": null, "count": 4 });
    assert_eq!(data["ticketCounts"][0], first);
    let query = "{ ticketCounts(by: [CREATED_ON], where: {number: {lt: 3}}) { createdOn count } }";
    shop.snapshot("ticket_counts_by_day", query, json!({}))
        .await;
}

async fn tickets_are_counted_by_several_dimensions(shop: Shop) {
    assert_eq!(
        groups(&shop, "by: [TECH, COMPLETED]", "tech completed").await,
        [
            "Bea false 4",
            "Bea true 1",
            "Chuck false 1",
            "Chuck true 3",
            "Zoë false 2",
            "unassigned false 2",
            "unassigned true 1",
        ]
    );
}

async fn tickets_are_counted_as_far_as_they_match(shop: Shop) {
    assert_eq!(
        groups(
            &shop,
            "by: [TECH], where: {completed: {eq: false}}",
            "tech completed"
        )
        .await,
        [
            "Bea null 4",
            "Chuck null 1",
            "Zoë null 2",
            "unassigned null 2"
        ]
    );
    assert_eq!(
        groups(&shop, "by: [TECH], search: \"hopper screen\"", "tech").await,
        ["Bea 1"]
    );
    let arguments = "by: [COMPLETED], where: {customer: {state: {eq: \"TX\"}}}";
    assert_eq!(
        groups(&shop, arguments, "completed").await,
        ["false 5", "true 1"]
    );
}

async fn the_largest_groups_come_first(shop: Shop) {
    assert_eq!(
        groups(&shop, "by: [TECH], first: 2", "tech").await,
        ["Bea 5", "Chuck 4"]
    );
    let nothing = shop.ask("{ ticketCounts(by: [TECH], first: 0) { count } }");
    assert_eq!(nothing.await["ticketCounts"], json!([]));
    let query = "{ ticketCounts(by: [TECH], first: 2) { tech count } }";
    shop.snapshot("ticket_counts", query, json!({})).await;
}

async fn technicians_come_by_name(shop: Shop) {
    let query = "{ technicians { name tickets(where: {completed: {eq: false}}, first: 1) {
        totalCount nodes { number } } } }";
    let data = shop.ask(query).await;
    let found: Vec<_> = data["technicians"]
        .as_array()
        .expect("technicians")
        .iter()
        .map(|technician| {
            let tickets = &technician["tickets"];
            let name = technician["name"].as_str().expect("a name");
            (name, tickets["totalCount"].as_i64(), numbers(tickets))
        })
        .collect();
    let expected = [
        ("Bea", Some(4), vec![1]),
        ("Chuck", Some(1), vec![10]),
        ("Zoë", Some(2), vec![6]),
        ("unassigned", Some(2), vec![3]),
    ];
    assert_eq!(found, expected);
    let data = shop.ask("{ technicians(first: 2) { name } }").await;
    let two = json!([{ "name": "Bea" }, { "name": "Chuck" }]);
    assert_eq!(data["technicians"], two);
    shop.snapshot("technicians", "{ technicians { name } }", json!({}))
        .await;
}

async fn out_of_range_sizes_are_refused(shop: Shop) {
    for query in [
        "{ technicians(first: -1) { name } }",
        "{ technicians(first: 1001) { name } }",
        "{ ticketCounts(by: [TECH], first: -1) { count } }",
        "{ ticketCounts(by: [TECH], first: 1001) { count } }",
    ] {
        assert_eq!(shop.refusal(query, json!({})).await, "BAD_USER_INPUT");
    }
}
