//! All servers answer with the same rows, in the same order, or nothing is worth measuring.

use chrono::NaiveDateTime;
use sea_orm::sqlx::{PgConnection, query, query_as};
use serde_json::{Value, json};

use super::{
    database::connect,
    load::Client,
    operations::{OPERATIONS, Size},
    peer::Peer,
};

/// How many requests of a round are compared.
const COMPARED: usize = 20;

/// # Panics
/// Where one of the peers answers an operation otherwise than the first one.
pub(crate) async fn same(index: usize, size: Size, peers: &[Peer], url: &str) {
    let operation = &OPERATIONS[index];
    let mutates = operation.mutates();
    let mut connection = connect(url).await;
    let mut expected: Vec<Value> = Vec::new();
    for peer in peers {
        let mut client = Client::connect(&peer.server.address).await;
        for (n, body) in peer.bodies(index, size)[..COMPARED].iter().enumerate() {
            if mutates {
                let variables = (operation.variables)(size, u32::try_from(n).unwrap_or_default());
                undo(&mut connection, &variables).await;
            }
            let answer: Value = serde_json::from_slice(client.post(body).await).expect("JSON");
            let mut found = comparable(&peer.shaped(index, answer));
            if mutates {
                found = written(&mut connection, found).await;
            }
            match expected.get(n) {
                None => {
                    let text = found.to_string();
                    assert!(text.contains("\"number\""), "{}: no rows", operation.name);
                    expected.push(found);
                }
                Some(expected) => assert!(
                    *expected == found,
                    "{}: other rows than {}'s.\nExpected {expected}\nfound    {found}\nin answer to {body}",
                    peer.kind.name(),
                    peers[0].kind.name(),
                ),
            }
        }
    }
}

/// An answer without what may differ: how cursors and instants are written, what an instant is finer
/// than a millisecond, and the list of errors that `PostGraphile` and Seaography do not have.
fn comparable(answer: &Value) -> Value {
    match answer {
        Value::Object(object) => {
            let fields = object.iter().filter(|(name, value)| {
                *name != "userErrors" || value.as_array().is_none_or(|list| !list.is_empty())
            });
            let field = |(name, value): (&String, &Value)| {
                let value = match name.as_str() {
                    "endCursor" => json!(value.is_string()),
                    "createdAt" | "updatedAt" => json!(milliseconds(value)),
                    _ => comparable(value),
                };
                (name.clone(), value)
            };
            Value::Object(fields.map(field).collect())
        }
        Value::Array(list) => Value::Array(list.iter().map(comparable).collect()),
        _ => answer.clone(),
    }
}

fn milliseconds(instant: &Value) -> Option<i64> {
    let text = instant.as_str()?.trim_end_matches('Z').replace('T', " ");
    let instant = NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S%.f").ok()?;
    Some(instant.and_utc().timestamp_millis())
}

/// The ticket that is to be updated, as the one before found it, so that each has something to do.
async fn undo(connection: &mut PgConnection, variables: &Value) {
    if let (Some(id), Some(done)) = (variables["id"].as_i64(), variables["done"].as_bool()) {
        query("UPDATE tickets SET completed = $2 WHERE id = $1")
            .bind(id)
            .bind(!done)
            .execute(connection)
            .await
            .expect("the ticket is there");
    }
}

/// A mutation's answer together with the row that it left, without what is another one each time.
async fn written(connection: &mut PgConnection, mut answer: Value) -> Value {
    let payload = answer["data"].as_object_mut();
    let payload = payload.and_then(|data| data.values_mut().next());
    let Some(ticket) = payload.and_then(|payload| payload["ticket"].as_object_mut()) else {
        return answer;
    };
    let number = ticket.get("number").and_then(Value::as_i64);
    let row: Option<(i32, String, bool, String)> =
        query_as("SELECT customer_id, title, completed, tech FROM tickets WHERE id = $1")
            .bind(number)
            .fetch_optional(connection)
            .await
            .expect("a ticket");
    assert!(row.is_some(), "no row was written");
    let created = ticket.contains_key("createdAt");
    for (name, value) in ticket {
        match name.as_str() {
            "createdAt" | "updatedAt" => *value = json!(value.is_i64()),
            "number" if created => *value = json!(value.is_i64()),
            _ => {}
        }
    }
    json!({ "answer": answer, "row": row })
}
