//! `where`: every operator, on both types, and what they make of nulls, wildcards and letters.

use serde_json::{Value, json};

use crate::harness::{Shop, numbers, on_all};

on_all!(
    texts_are_compared,
    texts_are_matched_whatever_their_case,
    wildcards_mean_themselves,
    a_null_is_other_than_any_value,
    an_operator_given_as_null_is_not_given,
    numbers_are_compared,
    instants_are_compared,
    conditions_are_combined,
    tickets_are_filtered_by_their_customer,
    customers_are_filtered_by_their_tickets,
    customers_are_filtered_by_their_columns,
    a_nul_byte_is_refused,
);

const TICKETS: &str = "query($where: TicketFilter) {
    list: tickets(where: $where) { totalCount nodes { number } } }";
const CUSTOMERS: &str = "query($where: CustomerFilter) {
    list: customers(where: $where) { totalCount nodes { number } } }";

async fn finds(shop: &Shop, query: &str, filter: Value, expected: &[i64]) {
    let answer = shop.graphql(query, json!({ "where": filter })).await;
    let list = answer.data("/list");
    assert_eq!(numbers(list), expected, "{filter}");
    assert_eq!(list["totalCount"], expected.len(), "the count of {filter}");
}

async fn finds_tickets(shop: &Shop, cases: Vec<(Value, &[i64])>) {
    for (filter, expected) in cases {
        finds(shop, TICKETS, filter, expected).await;
    }
}

async fn finds_customers(shop: &Shop, cases: Vec<(Value, &[i64])>) {
    for (filter, expected) in cases {
        finds(shop, CUSTOMERS, filter, expected).await;
    }
}

const ALL: &[i64] = &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14];

async fn texts_are_compared(shop: Shop) {
    let cases: Vec<(Value, &[i64])> = vec![
        (json!({ "title": { "eq": "Cracked screen" } }), &[1]),
        (json!({ "title": { "eq": "" } }), &[]),
        (json!({ "title": { "ne": "Cracked screen" } }), &ALL[1..]),
        (
            json!({ "title": { "in": ["Fan noise", "Battery swells", "x"] } }),
            &[2, 11],
        ),
        (json!({ "title": { "in": [] } }), &[]),
        (json!({ "title": { "notIn": [] } }), ALL),
        (
            json!({ "tech": { "notIn": ["Bea", "Chuck", "unassigned"] } }),
            &[6, 14],
        ),
        (json!({ "title": { "isNull": true } }), &[]),
        (json!({ "description": { "isNull": true } }), &[2, 6, 9, 12]),
        (
            json!({ "description": { "isNull": false }, "tech": { "eq": "Bea" } }),
            &[1, 4, 8],
        ),
        (
            json!({ "tech": { "eq": "Zoë", "ne": "Bea", "startsWith": "z" } }),
            &[6, 14],
        ),
    ];
    finds_tickets(&shop, cases).await;
}

async fn texts_are_matched_whatever_their_case(shop: Shop) {
    let cases: Vec<(Value, &[i64])> = vec![
        (json!({ "title": { "contains": "SCREEN" } }), &[1, 8, 12]),
        (json!({ "title": { "startsWith": "cracked" } }), &[1, 8]),
        (json!({ "title": { "endsWith": "NOIR" } }), &[4]),
        (json!({ "title": { "startsWith": "écran" } }), &[4]),
        (json!({ "title": { "contains": "ÉCRAN" } }), &[4]),
        (json!({ "description": { "contains": "écran" } }), &[4, 11]),
        (json!({ "tech": { "contains": "ZOË" } }), &[6, 14]),
        (json!({ "title": { "contains": "" } }), ALL),
    ];
    finds_tickets(&shop, cases).await;
    let filter = json!({ "where": { "description": { "contains": "écran" } } });
    shop.snapshot("tickets_that_contain", TICKETS, filter).await;
}

async fn wildcards_mean_themselves(shop: Shop) {
    let cases: Vec<(Value, &[i64])> = vec![
        (json!({ "title": { "contains": "%" } }), &[5]),
        (json!({ "title": { "contains": "_" } }), &[6]),
        (json!({ "title": { "contains": "\\" } }), &[7]),
        (json!({ "title": { "contains": "\\_" } }), &[]),
        (json!({ "title": { "startsWith": "under_" } }), &[6]),
        (json!({ "title": { "startsWith": "%" } }), &[]),
        (json!({ "title": { "startsWith": "c:\\TEMP" } }), &[7]),
        (json!({ "title": { "endsWith": "_" } }), &[]),
        (json!({ "title": { "endsWith": "\\" } }), &[]),
        (json!({ "title": { "contains": "*" } }), &[]),
        (json!({ "title": { "contains": "[a-z]" } }), &[]),
        (json!({ "title": { "contains": "'" } }), &[]),
        (json!({ "description": { "contains": "100% load" } }), &[3]),
        (json!({ "description": { "contains": "l'é" } }), &[4]),
    ];
    finds_tickets(&shop, cases).await;
}

async fn a_null_is_other_than_any_value(shop: Shop) {
    let but_10: &[i64] = &[1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14];
    let again = json!({ "description": { "eq": "Again" } });
    let cases: Vec<(Value, &[i64])> = vec![
        (json!({ "description": { "ne": "Again" } }), but_10),
        (json!({ "not": again }), but_10),
        (json!({ "not": { "not": again } }), &[10]),
        (
            json!({ "description": { "notIn": ["Again", "Corner only"] } }),
            &[1, 2, 3, 4, 5, 6, 7, 9, 11, 12, 13, 14],
        ),
        (
            json!({ "not": { "description": { "in": ["Again"] } } }),
            but_10,
        ),
        (
            json!({ "not": { "description": { "startsWith": "again" } } }),
            but_10,
        ),
        (
            json!({ "not": { "description": { "ne": "Again" } } }),
            &[10],
        ),
        (
            json!({ "not": { "description": { "isNull": true } } }),
            &[1, 3, 4, 5, 7, 8, 10, 11, 13, 14],
        ),
        (
            json!({ "not": { "or": [again, { "completed": { "eq": true } }] } }),
            &[1, 3, 4, 6, 7, 9, 12, 14],
        ),
        (
            json!({ "not": { "and": [again, { "tech": { "eq": "Chuck" } }] } }),
            but_10,
        ),
        (
            json!({ "customer": { "notes": { "ne": "Moved away" } } }),
            &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14],
        ),
        (
            json!({ "not": { "customer": { "notes": { "contains": "moved" } } } }),
            &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14],
        ),
    ];
    finds_tickets(&shop, cases).await;
    let filter = json!({ "where": { "description": { "ne": "Again" } } });
    shop.snapshot("tickets_other_than", TICKETS, filter).await;
}

async fn an_operator_given_as_null_is_not_given(shop: Shop) {
    let cases: Vec<(Value, &[i64])> = vec![
        (Value::Null, ALL),
        (json!({}), ALL),
        (json!({ "title": null }), ALL),
        (json!({ "title": {} }), ALL),
        (json!({ "title": { "eq": null } }), ALL),
        (json!({ "description": { "ne": null } }), ALL),
        (json!({ "description": { "isNull": null } }), ALL),
        (json!({ "title": { "in": null, "notIn": null } }), ALL),
        (
            json!({ "title": { "eq": null, "startsWith": "cracked" } }),
            &[1, 8],
        ),
        (json!({ "number": { "lt": null, "gte": 13 } }), &[13, 14]),
        (json!({ "completed": { "eq": null } }), ALL),
        (json!({ "createdAt": { "gt": null } }), ALL),
        (json!({ "customer": null, "number": { "eq": 3 } }), &[3]),
        (json!({ "and": null, "or": null, "not": null }), ALL),
    ];
    finds_tickets(&shop, cases).await;
}

async fn numbers_are_compared(shop: Shop) {
    let cases: Vec<(Value, &[i64])> = vec![
        (json!({ "number": { "eq": 7 } }), &[7]),
        (json!({ "number": { "ne": 1 } }), &ALL[1..]),
        (json!({ "number": { "in": [14, 1, 99] } }), &[1, 14]),
        (
            json!({ "number": { "notIn": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] } }),
            &ALL[10..],
        ),
        (json!({ "number": { "in": [] } }), &[]),
        (json!({ "number": { "lt": 3 } }), &[1, 2]),
        (json!({ "number": { "lte": 3 } }), &[1, 2, 3]),
        (json!({ "number": { "gt": 12 } }), &[13, 14]),
        (json!({ "number": { "gte": 12, "lt": 14 } }), &[12, 13]),
        (json!({ "completed": { "eq": true } }), &[2, 5, 8, 11, 13]),
    ];
    finds_tickets(&shop, cases).await;
}

async fn instants_are_compared(shop: Shop) {
    let created = |operator: &str, instant: &str| json!({ "createdAt": { (operator): instant } });
    let cases: Vec<(Value, &[i64])> = vec![
        (created("eq", "2024-02-01T09:00:00Z"), &[1, 2]),
        (created("eq", "2024-02-01T10:00:00+01:00"), &[1, 2]),
        (created("eq", "2024-02-01T09:00:00.000Z"), &[1, 2]),
        (created("ne", "2024-02-01T09:00:00Z"), &ALL[2..]),
        (created("lt", "2024-02-02T10:00:00.250Z"), &[1, 2]),
        (created("lte", "2024-02-02T10:00:00.250Z"), &[1, 2, 3]),
        (created("gt", "2024-02-02T10:00:00.250Z"), &ALL[3..]),
        (created("gte", "2024-02-02T10:00:00.25Z"), &ALL[2..]),
        (created("lt", "2024-02-02T10:00:00Z"), &[1, 2]),
        (
            json!({ "createdAt": {
                "gt": "2024-02-03T23:59:59.998Z", "lt": "2024-02-04T00:00:00.001Z" } }),
            &[5, 6],
        ),
        (
            json!({ "updatedAt": { "gte": "2024-03-18T09:00:00Z" } }),
            &[1, 2],
        ),
    ];
    finds_tickets(&shop, cases).await;
}

async fn conditions_are_combined(shop: Shop) {
    let bea = json!({ "tech": { "eq": "Bea" } });
    let open = json!({ "completed": { "eq": false } });
    let cases: Vec<(Value, &[i64])> = vec![
        (json!({ "and": [bea, open] }), &[1, 4, 9, 12]),
        (
            json!({ "tech": { "eq": "Bea" }, "completed": { "eq": false } }),
            &[1, 4, 9, 12],
        ),
        (json!({ "and": [] }), ALL),
        (
            json!({ "or": [{ "tech": { "eq": "Zoë" } }, { "number": { "eq": 3 } }] }),
            &[3, 6, 14],
        ),
        (
            json!({ "completed": { "eq": true }, "or": [bea, { "number": { "lt": 3 } }] }),
            &[2, 8],
        ),
        (json!({ "not": bea, "number": { "lt": 5 } }), &[2, 3]),
        (
            json!({ "and": [{ "or": [bea, { "tech": { "eq": "Chuck" } }] },
                            { "not": { "or": [open] } }] }),
            &[2, 5, 8, 13],
        ),
    ];
    finds_tickets(&shop, cases).await;
}

async fn tickets_are_filtered_by_their_customer(shop: Shop) {
    let texan = json!({ "customer": { "state": { "eq": "TX" } } });
    let cases: Vec<(Value, &[i64])> = vec![
        (texan.clone(), &[3, 4, 8, 9, 10, 14]),
        (json!({ "not": texan }), &[1, 2, 5, 6, 7, 11, 12, 13]),
        (json!({ "customer": {} }), ALL),
        (json!({ "customer": { "active": { "eq": false } } }), &[13]),
        (
            json!({ "or": [{ "customer": { "number": { "eq": 6 } } }, { "number": { "eq": 1 } }] }),
            &[1, 13],
        ),
        (
            json!({ "customer": { "tickets": { "some": { "tech": { "eq": "Chuck" } } } } }),
            &[1, 2, 5, 6, 7, 8, 9, 10, 11, 12, 13],
        ),
    ];
    finds_tickets(&shop, cases).await;
    let where_texan = json!({ "where": texan });
    shop.snapshot("tickets_of_texans", TICKETS, where_texan)
        .await;
}

async fn customers_are_filtered_by_their_tickets(shop: Shop) {
    let tickets = |quantifier: &str, filter: Value| json!({ "tickets": { (quantifier): filter } });
    let done = json!({ "completed": { "eq": true } });
    let open = json!({ "completed": { "eq": false } });
    let cases: Vec<(Value, &[i64])> = vec![
        (tickets("some", done.clone()), &[1, 3, 4, 6]),
        (tickets("none", open.clone()), &[5, 6]),
        // Also true of a customer without tickets.
        (tickets("every", done.clone()), &[5, 6]),
        (
            tickets("every", json!({ "tech": { "ne": "Chuck" } })),
            &[2, 5],
        ),
        (tickets("some", json!({})), &[1, 2, 3, 4, 6]),
        (tickets("none", json!({})), &[5]),
        (
            tickets("every", json!({ "description": { "ne": "Disk clicks" } })),
            &[1, 2, 3, 4, 5],
        ),
        (
            json!({ "tickets": { "some": done, "every": { "number": { "gt": 4 } } } }),
            &[3, 4, 6],
        ),
        (json!({ "not": tickets("some", open) }), &[5, 6]),
        (json!({ "tickets": { "some": null } }), &ALL[..6]),
    ];
    finds_customers(&shop, cases).await;
    let idle = json!({ "where": tickets("every", json!({ "completed": { "eq": true } })) });
    shop.snapshot("customers_with_every_ticket_done", CUSTOMERS, idle)
        .await;
}

async fn customers_are_filtered_by_their_columns(shop: Shop) {
    let cases: Vec<(Value, &[i64])> = vec![
        (json!({ "firstName": { "startsWith": "é" } }), &[3]),
        (json!({ "lastName": { "eq": "Hopper" } }), &[2, 4]),
        (
            json!({ "email": { "eq": "Linus.Hopper@Example.COM" } }),
            &[4],
        ),
        (
            json!({ "email": { "eq": "linus.hopper@example.com" } }),
            &[],
        ),
        (json!({ "email": { "endsWith": "EXAMPLE.com" } }), &ALL[..6]),
        (json!({ "phone": { "contains": "(512)" } }), &[2]),
        (json!({ "address1": { "contains": "médan" } }), &[3]),
        (json!({ "address2": { "isNull": true } }), &[2, 3, 5, 6]),
        (json!({ "address2": { "eq": "" } }), &[4]),
        (json!({ "city": { "contains": "MONTRÉAL" } }), &[3]),
        (json!({ "state": { "in": ["MA", "QC"] } }), &[3, 5]),
        (json!({ "zipCode": { "eq": "K1A 0B1" } }), &[3]),
        (json!({ "notes": { "contains": "wool_" } }), &[3]),
        (json!({ "active": { "eq": false } }), &[6]),
        (
            json!({ "createdAt": { "eq": "2024-01-02T09:00:00Z" } }),
            &[2, 4],
        ),
        (
            json!({ "updatedAt": { "lt": "2024-03-03T00:00:00Z" } }),
            &[5, 6],
        ),
        (json!({ "number": { "gt": 4 } }), &[5, 6]),
    ];
    finds_customers(&shop, cases).await;
}

async fn a_nul_byte_is_refused(shop: Shop) {
    for operator in ["eq", "ne", "contains", "startsWith", "endsWith"] {
        let filter = json!({ "where": { "title": { (operator): "a\0b" } } });
        let code = shop.refusal(TICKETS, filter).await;
        assert_eq!(code, "BAD_USER_INPUT", "{operator}");
    }
    for operator in ["in", "notIn"] {
        let filter =
            json!({ "where": { "tickets": { "some": { "tech": { (operator): ["\0"] } } } } });
        let code = shop.refusal(CUSTOMERS, filter).await;
        assert_eq!(code, "BAD_USER_INPUT", "{operator}");
    }
    let nested = "query($where: TicketFilter) {
        customer(id: 1) { tickets(where: $where) { nodes { id } } } }";
    let filter = json!({ "where": { "customer": { "city": { "eq": "\0" } } } });
    assert_eq!(shop.refusal(nested, filter).await, "BAD_USER_INPUT");
    let query = "query($email: String!) { customerByEmail(email: $email) { id } }";
    let code = shop.refusal(query, json!({ "email": "ada@example.com\0" }));
    assert_eq!(code.await, "BAD_USER_INPUT");
}
