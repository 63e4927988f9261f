//! The limit: the same answers by sqlx, serde and axum alone, without GraphQL. What a server costs
//! over this is the price of GraphQL.

use std::collections::HashMap;

use axum::{Json, Router, extract::State, response::IntoResponse, routing::post};
use sea_orm::prelude::DateTime;
use sea_orm::sqlx::{self, PgPool, postgres::PgPoolOptions};
use serde::{Deserialize, Serialize};

use super::operations::OPERATIONS;

type Answer = axum::response::Response;

#[derive(Deserialize)]
struct Body {
    query: String,
    variables: Variables,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Variables {
    id: i32,
    above: i32,
    after: String,
    customer: i32,
    done: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Customer {
    number: i32,
    first_name: String,
    last_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tickets: Option<List<Ticket>>,
}

#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct Ticket {
    number: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completed: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tech: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<DateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<DateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<Customer>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List<T> {
    #[serde(skip_serializing_if = "Option::is_none")]
    total_count: Option<i64>,
    nodes: Vec<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    page_info: Option<PageInfo>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

#[derive(Serialize)]
struct Data<T> {
    data: HashMap<&'static str, T>,
}

fn answer<T: Serialize>(field: &'static str, value: T) -> Answer {
    let data = HashMap::from([(field, value)]);
    Json(Data { data }).into_response()
}

fn nodes<T>(nodes: Vec<T>) -> List<T> {
    List {
        total_count: None,
        nodes,
        page_info: None,
    }
}

/// Serves until the process ends; prints its address.
pub(crate) async fn serve(url: &str) {
    // As many as the server uses on two cores, to read and to write; one kind runs at a time.
    let pools = Pools {
        read: pool(url, 4).await,
        write: pool(url, 8).await,
    };
    let app = Router::new()
        .route("/graphql", post(handle))
        .with_state(pools);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    println!("http://{}", listener.local_addr().expect("an address"));
    axum::serve(listener, app).await.expect("the server runs");
}

#[derive(Clone)]
struct Pools {
    read: PgPool,
    write: PgPool,
}

async fn pool(url: &str, connections: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(connections)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect(url)
        .await
        .expect("the database")
}

/// One address for all operations, told apart by their text, as a GraphQL server does.
async fn handle(State(Pools { read, write }): State<Pools>, Json(body): Json<Body>) -> Answer {
    let operation = OPERATIONS.iter().position(|it| it.query == body.query);
    let answer = match operation {
        Some(0) => ticket(&read, body.variables.id).await,
        Some(1) => customers(&read, body.variables.above).await,
        Some(2) => open_tickets(&read).await,
        Some(3) => deep_page(&read, &body.variables.after).await,
        Some(4) => filtered(&read).await,
        Some(5) => create(&write, body.variables.customer).await,
        _ => update(&write, body.variables.id, body.variables.done).await,
    };
    answer.expect("the SQL runs")
}

async fn ticket(pool: &PgPool, id: i32) -> sqlx::Result<Answer> {
    let row: (i32, String, bool, String, i32, String, String, String) = sqlx::query_as(
        "SELECT t.id, t.title, t.completed, t.tech, c.id, c.first_name, c.last_name, c.email FROM tickets t JOIN customers c ON c.id = t.customer_id WHERE t.id = $1",
    )
    .bind(id)
    .fetch_one(pool)
    .await?;
    let customer = Customer {
        number: row.4,
        first_name: row.5,
        last_name: row.6,
        email: Some(row.7),
        tickets: None,
    };
    Ok(answer(
        "ticket",
        Ticket {
            number: row.0,
            title: Some(row.1),
            completed: Some(row.2),
            tech: Some(row.3),
            customer: Some(customer),
            ..Ticket::default()
        },
    ))
}

async fn customers(pool: &PgPool, above: i32) -> sqlx::Result<Answer> {
    let rows: Vec<(i32, String, String)> = sqlx::query_as(
        "SELECT id, first_name, last_name FROM customers WHERE id > $1 ORDER BY id LIMIT 50",
    )
    .bind(above)
    .fetch_all(pool)
    .await?;
    let keys: Vec<i32> = rows.iter().map(|row| row.0).collect();
    let tickets: Vec<(i32, i32, String, bool)> = sqlx::query_as(
        "SELECT k.k, t.id, t.title, t.completed FROM unnest($1) AS k(k) CROSS JOIN LATERAL (SELECT id, title, completed FROM tickets WHERE customer_id = k.k ORDER BY id LIMIT 10) t",
    )
    .bind(keys)
    .fetch_all(pool)
    .await?;
    let mut by_customer: HashMap<i32, Vec<Ticket>> = HashMap::new();
    for (customer, number, title, completed) in tickets {
        by_customer.entry(customer).or_default().push(Ticket {
            number,
            title: Some(title),
            completed: Some(completed),
            ..Ticket::default()
        });
    }
    let customers = rows
        .into_iter()
        .map(|(number, first_name, last_name)| Customer {
            number,
            first_name,
            last_name,
            email: None,
            tickets: Some(nodes(by_customer.remove(&number).unwrap_or_default())),
        })
        .collect();
    Ok(answer("customers", nodes::<Customer>(customers)))
}

async fn open_tickets(pool: &PgPool) -> sqlx::Result<Answer> {
    let rows: Vec<(i32, String, String, DateTime, i32, String, String)> = sqlx::query_as(
        "SELECT t.id, t.title, t.tech, t.created_at, c.id, c.first_name, c.last_name FROM (SELECT id, title, tech, created_at, customer_id FROM tickets WHERE NOT completed ORDER BY created_at DESC, id DESC LIMIT 100) t JOIN customers c ON c.id = t.customer_id ORDER BY t.created_at DESC, t.id DESC",
    )
    .fetch_all(pool)
    .await?;
    let tickets = rows
        .into_iter()
        .map(|row| Ticket {
            number: row.0,
            title: Some(row.1),
            tech: Some(row.2),
            created_at: Some(row.3),
            customer: Some(Customer {
                number: row.4,
                first_name: row.5,
                last_name: row.6,
                email: None,
                tickets: None,
            }),
            ..Ticket::default()
        })
        .collect();
    Ok(answer("tickets", nodes::<Ticket>(tickets)))
}

async fn deep_page(pool: &PgPool, after: &str) -> sqlx::Result<Answer> {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    let json = BASE64_URL_SAFE_NO_PAD.decode(after).expect("a cursor");
    let (_, number): (String, i32) = serde_json::from_slice(&json).expect("a cursor");
    let mut rows: Vec<(i32, String, bool, String)> = sqlx::query_as(
        "SELECT id, title, completed, tech FROM tickets WHERE id > $1 ORDER BY id LIMIT 51",
    )
    .bind(number)
    .fetch_all(pool)
    .await?;
    let has_next_page = rows.len() > 50;
    rows.truncate(50);
    let last = rows.last().map(|row| row.0.unsigned_abs());
    let page_info = PageInfo {
        has_next_page,
        end_cursor: last.map(super::operations::cursor),
    };
    Ok(answer(
        "tickets",
        List {
            total_count: None,
            nodes: rows
                .into_iter()
                .map(|row| Ticket {
                    number: row.0,
                    title: Some(row.1),
                    completed: Some(row.2),
                    tech: Some(row.3),
                    ..Ticket::default()
                })
                .collect(),
            page_info: Some(page_info),
        },
    ))
}

async fn filtered(pool: &PgPool) -> sqlx::Result<Answer> {
    let total =
        sqlx::query_scalar("SELECT count(*) FROM tickets WHERE NOT completed AND title ILIKE $1")
            .bind("%screen%")
            .fetch_one(pool);
    let rows = sqlx::query_as(
        "SELECT id, title, tech FROM tickets WHERE NOT completed AND title ILIKE $1 ORDER BY id LIMIT 20",
    )
    .bind("%screen%")
    .fetch_all(pool);
    let (total, rows): (i64, Vec<(i32, String, String)>) = tokio::try_join!(total, rows)?;
    Ok(answer(
        "tickets",
        List {
            total_count: Some(total),
            nodes: rows
                .into_iter()
                .map(|row| Ticket {
                    number: row.0,
                    title: Some(row.1),
                    tech: Some(row.2),
                    ..Ticket::default()
                })
                .collect(),
            page_info: None,
        },
    ))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    ticket: Ticket,
    user_errors: [(); 0],
}

async fn create(pool: &PgPool, customer: i32) -> sqlx::Result<Answer> {
    let row: (i32, String, DateTime) = sqlx::query_as(
        "INSERT INTO tickets (customer_id, title, tech) VALUES ($1, $2, $3) RETURNING id, title, created_at",
    )
    .bind(customer)
    .bind("Battery swollen")
    .bind("nobody")
    .fetch_one(pool)
    .await?;
    let ticket = Ticket {
        number: row.0,
        title: Some(row.1),
        created_at: Some(row.2),
        ..Ticket::default()
    };
    Ok(answer(
        "createTicket",
        Payload {
            ticket,
            user_errors: [],
        },
    ))
}

async fn update(pool: &PgPool, id: i32, done: bool) -> sqlx::Result<Answer> {
    let row: (i32, bool, DateTime) = sqlx::query_as(
        "UPDATE tickets SET completed = $2, updated_at = now() WHERE id = $1 RETURNING id, completed, updated_at",
    )
    .bind(id)
    .bind(done)
    .fetch_one(pool)
    .await?;
    let ticket = Ticket {
        number: row.0,
        completed: Some(row.1),
        updated_at: Some(row.2),
        ..Ticket::default()
    };
    Ok(answer(
        "updateTicket",
        Payload {
            ticket,
            user_errors: [],
        },
    ))
}
