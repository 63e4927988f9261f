//! Instants that no RFC 3339 string can hold: PostgreSQL has them, and another program may have
//! written them. They are shown as the first or the last that can be, and stand where they belong.

use serde_json::{Value, json};

use crate::harness::{Shop, numbers, on_postgres};

on_postgres!(
    a_list_shows_them_and_is_walked_past_them,
    they_are_counted_by_day,
    such_a_record_is_changed_like_any_other,
);

const FIRST: &str = "0000-01-01T00:00:00.000000Z";
const LAST: &str = "9999-12-31T23:59:59.999999Z";
/// The tickets by this order, from the first on.
const BY_TIME: [i64; 14] = [13, 12, 1, 2, 3, 4, 5, 6, 7, 8, 11, 10, 9, 14];

async fn written(shop: &Shop) {
    for (id, instant) in [
        (9, "infinity"),
        (14, "infinity"),
        (10, "200000-12-31 23:59:59"),
        (11, "10000-01-01 00:00:00"),
        (12, "0044-03-15 12:00:00 BC"),
        (13, "-infinity"),
    ] {
        let sql = format!("UPDATE tickets SET created_at = '{instant}' WHERE id = {id}");
        shop.execute(&sql).await;
    }
}

async fn a_list_shows_them_and_is_walked_past_them(shop: Shop) {
    written(&shop).await;
    let query = "query($after: String, $before: String, $first: Int, $last: Int) {
        tickets(first: $first, after: $after, last: $last, before: $before, orderBy: [{ field: CREATED_AT }]) {
            nodes { number createdAt } pageInfo { startCursor endCursor } } }";
    let all = shop.graphql(query, json!({ "first": 100 })).await;
    assert_eq!(numbers(all.data("/tickets")), BY_TIME);
    let nodes = all.data("/tickets/nodes");
    for (place, instant) in [
        (0, FIRST),
        (1, FIRST),
        (10, LAST),
        (11, LAST),
        (12, LAST),
        (13, LAST),
    ] {
        assert_eq!(nodes[place]["createdAt"], instant, "{place}");
    }
    for (size, edge, cursor, backward) in [
        ("first", "endCursor", "after", false),
        ("last", "startCursor", "before", true),
    ] {
        let (mut walked, mut at) = (Vec::new(), Value::Null);
        for _ in 0..BY_TIME.len() {
            let page = shop
                .graphql(query, json!({ (size): 1, (cursor): at }))
                .await;
            walked.extend(numbers(page.data("/tickets")));
            at = page.data(&format!("/tickets/pageInfo/{edge}")).clone();
        }
        if backward {
            walked.reverse();
        }
        assert_eq!(walked, BY_TIME);
    }
}

async fn they_are_counted_by_day(shop: Shop) {
    written(&shop).await;
    let counts = shop
        .ask("{ ticketCounts(by: [CREATED_ON]) { createdOn count } }")
        .await;
    let of = |day: &str| {
        let counts = counts["ticketCounts"].as_array().into_iter().flatten();
        let of_day = counts.filter(|it| it["createdOn"] == day);
        of_day.filter_map(|it| it["count"].as_i64()).sum::<i64>()
    };
    assert_eq!((of("0000-01-01"), of("9999-12-31")), (2, 4));
}

async fn such_a_record_is_changed_like_any_other(shop: Shop) {
    shop.execute(
        "UPDATE tickets SET created_at = '-infinity', updated_at = 'infinity' WHERE id = 9",
    )
    .await;
    let read = "{ ticket(id: 9) { updatedAt } }";
    let read = shop.ask(read).await["ticket"]["updatedAt"].clone();
    assert_eq!(read, LAST);
    let mutation = "mutation($at: DateTime) { updateTicket(input: { id: 9, title: \"Hum\", ifUpdatedAt: $at }) {
        ticket { title createdAt } userErrors { code message field } } }";
    let answer = shop.graphql(mutation, json!({ "at": read })).await;
    assert_eq!(answer.user_errors("/updateTicket"), [""; 0]);
    let ticket = json!({ "title": "Hum", "createdAt": FIRST });
    assert_eq!(answer.data("/updateTicket/ticket"), &ticket);
}
