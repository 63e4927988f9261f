//! Connections: pages by cursor, forwards and backwards, by number, nested, and what is refused.

mod nested;
mod refused;

use serde_json::{Value, json};

use crate::harness::{Shop, numbers, on_all};

on_all!(
    below_no_row_nothing_is_asked,
    fields_of_one_key_are_merged,
    a_page_has_twenty_rows_unless_told_otherwise,
    a_walk_over_tickets_meets_each_once_in_every_order,
    a_walk_over_customers_meets_each_once_in_every_order,
    directions_can_be_mixed,
    an_empty_order_is_by_number,
    a_page_says_whether_there_are_rows_on_either_side,
    each_edge_has_the_cursor_of_its_node,
    no_rows_can_be_asked_for,
    pages_can_be_numbered,
    a_cursor_outlives_its_row,
    a_cursor_stands_where_its_row_stood,
    rows_are_counted_over_all_pages,
);

pub(super) const TICKETS: &str =
    "query($first: Int, $after: String, $last: Int, $before: String, $offset: Int,
           $where: TicketFilter, $orderBy: [TicketOrder!]) {
        list: tickets(first: $first, after: $after, last: $last, before: $before,
                      offset: $offset, where: $where, orderBy: $orderBy) {
            nodes { number }
            pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        }
    }";

pub(super) const CUSTOMERS: &str =
    "query($first: Int, $after: String, $last: Int, $before: String, $orderBy: [CustomerOrder!]) {
        list: customers(first: $first, after: $after, last: $last, before: $before,
                        orderBy: $orderBy) {
            nodes { number }
            pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        }
    }";

pub(super) async fn page(shop: &Shop, query: &str, variables: Value) -> Value {
    shop.graphql(query, variables).await.data("/list").clone()
}

/// Every page of three from one end of the list to the other, each row as often as it came.
async fn walk(shop: &Shop, query: &str, order: &Value, backwards: bool) -> Vec<i64> {
    let (size, from, cursor, more) = if backwards {
        ("last", "before", "startCursor", "hasPreviousPage")
    } else {
        ("first", "after", "endCursor", "hasNextPage")
    };
    let mut met = Vec::new();
    let mut at = Value::Null;
    for _ in 0..20 {
        let variables = json!({ "orderBy": order, (size): 3, (from): at });
        let page = page(shop, query, variables).await;
        let rows = numbers(&page);
        if backwards {
            met.splice(0..0, rows);
        } else {
            met.extend(rows);
        }
        if page["pageInfo"][more] == false {
            return met;
        }
        at = page["pageInfo"][cursor].clone();
    }
    panic!("the walk does not end: {met:?}");
}

/// Walks both ways, and compares with what the database itself says about `ranks`: rows of
/// `number, rank`.
async fn walks_agree(shop: &Shop, query: &str, order: &Value, descending: bool, ranks: &str) {
    let ranks = shop.rows::<(i32, i64)>(ranks).await;
    let forwards = walk(shop, query, order, false).await;
    let mut sorted = forwards.clone();
    sorted.sort_unstable();
    assert_eq!(
        sorted,
        (1..=i64::try_from(ranks.len()).expect("few rows")).collect::<Vec<_>>(),
        "each row once by {order}"
    );
    let rank = |number: &i64| {
        let row = ranks.iter().find(|(id, _)| i64::from(*id) == *number);
        row.expect("a rank").1 * if descending { -1 } else { 1 }
    };
    assert!(
        forwards.is_sorted_by_key(rank),
        "{forwards:?} is not by {order}"
    );
    let backwards = walk(shop, query, order, true).await;
    assert_eq!(backwards, forwards, "both ways by {order}");
    let whole = page(shop, query, json!({ "orderBy": order, "first": 100 })).await;
    assert_eq!(numbers(&whole), forwards, "one page by {order}");
}

async fn a_walk_over_tickets_meets_each_once_in_every_order(shop: Shop) {
    let fields = [
        ("NUMBER", "t.id"),
        ("TITLE", "t.title"),
        ("COMPLETED", "t.completed"),
        ("TECH", "t.tech"),
        ("CREATED_AT", "t.created_at"),
        ("UPDATED_AT", "t.updated_at"),
        ("CUSTOMER_FIRST_NAME", "c.first_name"),
        ("CUSTOMER_LAST_NAME", "c.last_name"),
        ("CUSTOMER_EMAIL", "c.email"),
    ];
    for (field, column) in fields {
        let ranks = format!(
            "SELECT t.id, dense_rank() OVER (ORDER BY {column})
             FROM tickets t JOIN customers c ON c.id = t.customer_id"
        );
        for direction in ["ASC", "DESC"] {
            let order = json!([{ "field": field, "direction": direction }]);
            walks_agree(&shop, TICKETS, &order, direction == "DESC", &ranks).await;
        }
    }
}

async fn a_walk_over_customers_meets_each_once_in_every_order(shop: Shop) {
    let fields = [
        ("NUMBER", "id"),
        ("FIRST_NAME", "first_name"),
        ("LAST_NAME", "last_name"),
        ("EMAIL", "email"),
        ("CITY", "city"),
        ("STATE", "state"),
        ("ACTIVE", "active"),
        ("CREATED_AT", "created_at"),
        ("UPDATED_AT", "updated_at"),
        (
            "TICKET_COUNT",
            "(SELECT count(*) FROM tickets t WHERE t.customer_id = customers.id)",
        ),
    ];
    for (field, column) in fields {
        let ranks = format!("SELECT id, dense_rank() OVER (ORDER BY {column}) FROM customers");
        for direction in ["ASC", "DESC"] {
            let order = json!([{ "field": field, "direction": direction }]);
            walks_agree(&shop, CUSTOMERS, &order, direction == "DESC", &ranks).await;
        }
    }
}

async fn directions_can_be_mixed(shop: Shop) {
    let order = json!([
        { "field": "COMPLETED", "direction": "DESC" },
        { "field": "CUSTOMER_LAST_NAME" },
        { "field": "CREATED_AT", "direction": "DESC" },
        { "field": "NUMBER" },
    ]);
    let ranks = "SELECT t.id, dense_rank() OVER
            (ORDER BY t.completed DESC, c.last_name, t.created_at DESC, t.id)
        FROM tickets t JOIN customers c ON c.id = t.customer_id";
    walks_agree(&shop, TICKETS, &order, false, ranks).await;
    let variables = json!({ "orderBy": order, "first": 5 });
    shop.snapshot("tickets_by_four_fields", TICKETS, variables)
        .await;
    let first = page(&shop, TICKETS, json!({ "orderBy": order, "first": 5 })).await;
    let after = &first["pageInfo"]["endCursor"];
    let variables = json!({ "orderBy": order, "first": 5, "after": after });
    shop.snapshot("tickets_by_four_fields_after", TICKETS, variables)
        .await;
}

async fn an_empty_order_is_by_number(shop: Shop) {
    for order in [json!([]), Value::Null] {
        let page = page(&shop, TICKETS, json!({ "orderBy": order, "first": 4 })).await;
        assert_eq!(numbers(&page), [1, 2, 3, 4]);
    }
}

async fn a_page_has_twenty_rows_unless_told_otherwise(shop: Shop) {
    shop.execute("INSERT INTO tickets (customer_id, title) SELECT customer_id, title FROM tickets")
        .await;
    let page = page(&shop, TICKETS, json!({})).await;
    assert_eq!(numbers(&page), (1..=20).collect::<Vec<_>>());
    assert_eq!(page["pageInfo"]["hasNextPage"], true);
    shop.snapshot(
        "customers",
        "{ customers { nodes { lastName } } }",
        json!({}),
    )
    .await;
}

async fn a_page_says_whether_there_are_rows_on_either_side(shop: Shop) {
    let sides = async |variables: Value| {
        let page = page(&shop, TICKETS, variables).await;
        let flag = |name: &str| page["pageInfo"][name].as_bool().expect("a flag");
        (flag("hasPreviousPage"), flag("hasNextPage"))
    };
    let first = page(&shop, TICKETS, json!({ "first": 5 })).await;
    let after = &first["pageInfo"]["endCursor"];
    let last = page(&shop, TICKETS, json!({ "last": 5 })).await;
    let before = &last["pageInfo"]["startCursor"];
    assert_eq!(numbers(&last), [10, 11, 12, 13, 14]);

    assert_eq!(sides(json!({ "first": 14 })).await, (false, false));
    assert_eq!(sides(json!({ "last": 14 })).await, (false, false));
    assert_eq!(sides(json!({ "first": 5 })).await, (false, true));
    assert_eq!(sides(json!({ "last": 5 })).await, (true, false));
    let forwards = json!({ "first": 5, "after": after });
    assert_eq!(sides(forwards).await, (true, true));
    let to_the_end = json!({ "first": 9, "after": after });
    assert_eq!(sides(to_the_end).await, (true, false));
    let backwards = json!({ "last": 5, "before": before });
    assert_eq!(sides(backwards).await, (true, true));
    let to_the_start = json!({ "last": 9, "before": before });
    assert_eq!(sides(to_the_start).await, (false, true));
    let variables = json!({ "last": 3, "before": before });
    shop.snapshot("tickets_before", TICKETS, variables).await;
}

async fn each_edge_has_the_cursor_of_its_node(shop: Shop) {
    let query = "query($after: String) { tickets(first: 3, after: $after) {
        edges { cursor node { number } } nodes { number } pageInfo { startCursor endCursor }
    } }";
    let answer = shop.graphql(query, json!({})).await;
    let tickets = answer.data("/tickets");
    assert_eq!(numbers(tickets), [1, 2, 3]);
    assert_eq!(tickets["edges"][1]["node"]["number"], 2);
    let cursor = |edge: usize| &tickets["edges"][edge]["cursor"];
    assert_eq!(&tickets["pageInfo"]["startCursor"], cursor(0));
    assert_eq!(&tickets["pageInfo"]["endCursor"], cursor(2));
    let answer = shop.graphql(query, json!({ "after": cursor(1) })).await;
    assert_eq!(numbers(answer.data("/tickets")), [3, 4, 5]);
}

async fn no_rows_can_be_asked_for(shop: Shop) {
    for size in ["first", "last"] {
        let page = page(&shop, TICKETS, json!({ (size): 0 })).await;
        assert_eq!(numbers(&page), [0_i64; 0]);
        assert_eq!(page["pageInfo"]["startCursor"], Value::Null);
        assert_eq!(page["pageInfo"]["endCursor"], Value::Null);
    }
}

async fn pages_can_be_numbered(shop: Shop) {
    let order = json!([{ "field": "CREATED_AT", "direction": "DESC" }]);
    let mut met = Vec::new();
    for offset in [0, 5, 10] {
        let variables = json!({ "first": 5, "offset": offset, "orderBy": order });
        let page = page(&shop, TICKETS, variables).await;
        assert_eq!(page["pageInfo"]["hasPreviousPage"], offset > 0);
        assert_eq!(page["pageInfo"]["hasNextPage"], offset < 10);
        met.extend(numbers(&page));
    }
    assert_eq!(met, walk(&shop, TICKETS, &order, false).await);
    let variables = json!({ "first": 5, "offset": 5, "orderBy": order });
    shop.snapshot("tickets_at_offset", TICKETS, variables).await;

    let beyond = page(&shop, TICKETS, json!({ "offset": 1_000 })).await;
    assert_eq!(numbers(&beyond), [0_i64; 0]);
    assert_eq!(beyond["pageInfo"]["hasNextPage"], false);
}

async fn a_cursor_outlives_its_row(shop: Shop) {
    let order = json!([{ "field": "TITLE" }]);
    let all = walk(&shop, TICKETS, &order, false).await;
    let first = page(&shop, TICKETS, json!({ "first": 4, "orderBy": order })).await;
    shop.execute(&format!("DELETE FROM tickets WHERE id = {}", all[3]))
        .await;
    let after = &first["pageInfo"]["endCursor"];
    let variables = json!({ "first": 3, "after": after, "orderBy": order });
    assert_eq!(numbers(&page(&shop, TICKETS, variables).await), all[4..7]);
}

async fn a_cursor_stands_where_its_row_stood(shop: Shop) {
    let order = json!([{ "field": "CREATED_AT" }]);
    let first = page(&shop, TICKETS, json!({ "first": 7, "orderBy": order })).await;
    assert_eq!(numbers(&first), [1, 2, 3, 4, 5, 6, 7]);
    // 8 has the same instant as 7; a row that comes in before the cursor is not met after it.
    shop.execute(
        "INSERT INTO tickets (customer_id, title, created_at)
         VALUES (5, 'Older', '2024-01-31 09:00:00')",
    )
    .await;
    let after = &first["pageInfo"]["endCursor"];
    let variables = json!({ "first": 2, "after": after, "orderBy": order });
    assert_eq!(numbers(&page(&shop, TICKETS, variables).await), [8, 9]);
}

async fn rows_are_counted_over_all_pages(shop: Shop) {
    let query = "query($where: TicketFilter) {
        tickets(first: 2, offset: 1, where: $where) { totalCount nodes { number } } }";
    let answer = shop.graphql(query, json!({})).await;
    assert_eq!(answer.data("/tickets/totalCount"), 14);
    let open = json!({ "where": { "completed": { "eq": false } } });
    let answer = shop.graphql(query, open.clone()).await;
    assert_eq!(answer.data("/tickets/totalCount"), 9);
    assert_eq!(numbers(answer.data("/tickets")), [3, 4]);
    shop.snapshot("tickets_counted", query, open).await;
}

/// Two fields of one response key are one, at every level (GraphQL specification, section 6.3.2).
async fn fields_of_one_key_are_merged(shop: Shop) {
    let merged = shop
        .ask(
            "{ customers(first: 2) { nodes { number } }
               ...More
               customers(first: 2) { nodes { tickets(first: 1) { nodes { number } } } } }
             fragment More on Query { customers(first: 2) { nodes {
               lastName tickets(first: 1) { totalCount nodes { title number } } } } }",
        )
        .await;
    let whole = shop
        .ask(
            "{ customers(first: 2) { nodes { number lastName
               tickets(first: 1) { totalCount nodes { title number } } } } }",
        )
        .await;
    assert_eq!(merged, whole);
    let merged = shop
        .ask(
            "{ ticket(id: 1) { customer { number } ... on Ticket { customer { email } } }
               ticket(id: 1) { title customer { lastName } } }",
        )
        .await;
    let whole = shop
        .ask("{ ticket(id: 1) { customer { number email lastName } title } }")
        .await;
    assert_eq!(merged, whole);
}

/// What stands below a list is asked of its rows, and of nobody where it has none.
async fn below_no_row_nothing_is_asked(shop: Shop) {
    let nobody = shop
        .ask("{ customers(first: 0) { nodes { tickets(first: 101) { nodes { title } } } } }")
        .await;
    assert_eq!(nobody["customers"]["nodes"], json!([]));
    let query = "{ customers(first: 1) { nodes { tickets(first: 101) { nodes { title } } } } }";
    assert_eq!(shop.refusal(query, json!({})).await, "BAD_USER_INPUT");
}
