//! What may not grow, beside the operations of the other benchmark; and searches.

use serde_json::json;

use super::operations::{Operation, cursor};

/// The customer who has a twentieth of all tickets.
pub(crate) const HEAVY: u32 = 777;

const fn operation(
    name: &'static str,
    query: &'static str,
    variables: fn(super::Size, u32) -> serde_json::Value,
) -> Operation {
    Operation {
        name,
        cpu_target: 1.3,
        rate_target: None,
        query,
        variables,
        pgbench: "",
    }
}

const PAGE: &str = "query Page($after: String!) { tickets(first: 50, after: $after) { nodes { number title completed tech } pageInfo { hasNextPage endCursor } } }";

pub(crate) const GROWING: &[Operation] = &[
    operation("page 1", PAGE, |_, _| json!({ "after": cursor(0) })),
    operation(
        "page 100,000, or the last",
        PAGE,
        |size, _| json!({ "after": cursor((100_000 * 50).min(size.tickets - 60)) }),
    ),
    operation(
        "10 tickets of the customer who has a twentieth of all",
        "query Heavy($id: ID!) { customer(id: $id) { tickets(first: 10) { nodes { number title } } } }",
        |_, _| json!({ "id": HEAVY }),
    ),
    operation(
        "the newest 10 of the same",
        "query Heavy($id: ID!) { customer(id: $id) { tickets(first: 10, orderBy: [{field: CREATED_AT, direction: DESC}]) { nodes { number title } } } }",
        |_, _| json!({ "id": HEAVY }),
    ),
    operation("technicians", "{ technicians { name } }", |_, _| json!({})),
];

macro_rules! searches {
    ($($words:literal),*) => { &[$(
        operation(
            $words,
            "query Search($words: String!) { tickets(first: 20, search: $words) { nodes { number title } } }",
            |_, _| json!({ "words": $words }),
        ),
        operation(
            concat!($words, ", newest first"),
            "query Search($words: String!) { tickets(first: 20, search: $words, orderBy: [{field: CREATED_AT, direction: DESC}]) { nodes { number title } } }",
            |_, _| json!({ "words": $words }),
        ),
    )*] };
}

/// Frequent and rare words, in a ticket, in a name, in both, and nowhere.
pub(crate) const SEARCHES: &[Operation] = searches![
    "screen",
    "xylophone",
    "SN-123456",
    "screen macbook",
    "flores",
    "liam flores",
    "flores battery",
    "zoey schmidt xylophone",
    "gazpacho"
];
