//! The operations that are measured: what is asked in GraphQL, and the SQL that an author who knew
//! the question would have written for it.

use serde_json::{Value, json};

/// How many customers and tickets the benchmark's shop has.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) customers: u32,
    pub(crate) tickets: u32,
}

pub(crate) struct Operation {
    pub(crate) name: &'static str,
    /// The most CPU a request may take, as a multiple of the limit's.
    pub(crate) cpu_target: f64,
    /// The least rate, as a part of pgbench's; none where no such target is set.
    pub(crate) rate_target: Option<f64>,
    pub(crate) query: &'static str,
    /// Variables of the nth request.
    pub(crate) variables: fn(Size, u32) -> Value,
    /// The ideal SQL as a script of pgbench; `:customers` and `:tickets` are the size.
    pub(crate) pgbench: &'static str,
}

impl Operation {
    pub(crate) fn mutates(&self) -> bool {
        self.query.starts_with("mutation")
    }
}

/// A round of requests.
pub(crate) fn bodies(operation: &Operation, size: Size) -> Vec<String> {
    let query = json!(operation.query).to_string();
    let body = |n| {
        let variables = (operation.variables)(size, n);
        format!("{{\"query\":{query},\"variables\":{variables}}}")
    };
    (0..1_000).map(body).collect()
}

/// Spreads the requests over the rows, the same way in each run.
fn spread(n: u32, most: u32) -> u32 {
    let hash = u64::from(n).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    1 + u32::try_from(hash % u64::from(most)).unwrap_or_default()
}

/// The cursor behind the nth ticket, as the server's default order has it.
pub(crate) fn cursor(number: u32) -> String {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    BASE64_URL_SAFE_NO_PAD.encode(json!(["Ticket NUMBER ASC", number]).to_string())
}

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation {
        name: "ticket with its customer",
        cpu_target: 1.5,
        rate_target: Some(0.65),
        query: "query Ticket($id: ID!) { ticket(id: $id) { number title completed tech customer { number firstName lastName email } } }",
        variables: |size, n| json!({ "id": spread(n, size.tickets) }),
        pgbench: "\\set id random(1, :tickets)\nSELECT t.id, t.title, t.completed, t.tech, c.id, c.first_name, c.last_name, c.email FROM tickets t JOIN customers c ON c.id = t.customer_id WHERE t.id = :id;",
    },
    Operation {
        name: "50 customers, 10 tickets each",
        cpu_target: 1.5,
        rate_target: Some(0.6),
        query: "query Customers($above: Int!) { customers(first: 50, where: {number: {gt: $above}}) { nodes { number firstName lastName tickets(first: 10) { nodes { number title completed } } } } }",
        variables: |size, n| json!({ "above": spread(n, size.customers - 60) }),
        pgbench: "\\set above random(1, :customers - 60)\nSELECT c.id, c.first_name, c.last_name, t.id, t.title, t.completed FROM (SELECT id, first_name, last_name FROM customers WHERE id > :above ORDER BY id LIMIT 50) c LEFT JOIN LATERAL (SELECT id, title, completed FROM tickets WHERE customer_id = c.id ORDER BY id LIMIT 10) t ON true;",
    },
    Operation {
        name: "100 open tickets, newest first, with customer",
        cpu_target: 2.0,
        rate_target: Some(0.55),
        query: "{ tickets(first: 100, where: {completed: {eq: false}}, orderBy: [{field: CREATED_AT, direction: DESC}]) { nodes { number title tech createdAt customer { number firstName lastName } } } }",
        variables: |_, _| json!({}),
        pgbench: "SELECT t.id, t.title, t.tech, t.created_at, c.id, c.first_name, c.last_name FROM (SELECT id, title, tech, created_at, customer_id FROM tickets WHERE NOT completed ORDER BY created_at DESC, id DESC LIMIT 100) t JOIN customers c ON c.id = t.customer_id ORDER BY t.created_at DESC, t.id DESC;",
    },
    Operation {
        name: "50 tickets of a deep page",
        cpu_target: 1.5,
        rate_target: None,
        query: "query Page($after: String!) { tickets(first: 50, after: $after) { nodes { number title completed tech } pageInfo { hasNextPage endCursor } } }",
        variables: |size, n| {
            let deep = size.tickets / 10 * 9;
            json!({ "after": cursor(deep + spread(n, size.tickets / 20)) })
        },
        pgbench: "\\set after :tickets / 10 * 9 + random(1, :tickets / 20)\nSELECT id, title, completed, tech FROM tickets WHERE id > :after ORDER BY id LIMIT 51;",
    },
    Operation {
        name: "filter, contains and totalCount, 20 rows",
        cpu_target: 1.5,
        rate_target: Some(0.9),
        query: "{ tickets(first: 20, where: {completed: {eq: false}, title: {contains: \"screen\"}}) { totalCount nodes { number title tech } } }",
        variables: |_, _| json!({}),
        pgbench: "SELECT count(*) FROM tickets WHERE NOT completed AND title ILIKE '%screen%';\nSELECT id, title, tech FROM tickets WHERE NOT completed AND title ILIKE '%screen%' ORDER BY id LIMIT 20;",
    },
    Operation {
        name: "createTicket",
        cpu_target: 2.0,
        rate_target: None,
        query: "mutation Create($customer: ID!) { createTicket(input: {customerId: $customer, title: \"Battery swollen\", tech: \"nobody\"}) { ticket { number title createdAt } userErrors { code field } } }",
        variables: |size, n| json!({ "customer": spread(n, size.customers) }),
        pgbench: "\\set customer random(1, :customers)\nINSERT INTO tickets (customer_id, title, tech) VALUES (:customer, 'Battery swollen', 'nobody') RETURNING id, title, created_at;",
    },
    Operation {
        name: "updateTicket",
        cpu_target: 2.0,
        rate_target: None,
        query: "mutation Update($id: ID!, $done: Boolean!) { updateTicket(input: {id: $id, completed: $done}) { ticket { number completed updatedAt } userErrors { code field } } }",
        variables: |size, n| json!({ "id": spread(n, size.tickets), "done": n % 2 == 0 }),
        pgbench: "\\set id random(1, :tickets)\nUPDATE tickets SET completed = NOT completed, updated_at = now() WHERE id = :id RETURNING id, completed, updated_at;",
    },
];
