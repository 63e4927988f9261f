//! Seaography: a schema made of SeaORM's entities, served by axum as its example for PostgreSQL is.

mod entities;

use std::{env, error::Error, sync::LazyLock};

use async_graphql_axum::{GraphQLRequest, GraphQLResponse};
use axum::{Router, extract::State, routing::post};
use entities::{customers, tickets};
use sea_orm::{ConnectOptions, Database};
use seaography::{Builder, BuilderContext, EntityQueryFieldConfig, async_graphql::dynamic::Schema};
use tokio::net::TcpListener;

/// As the product's.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

static CONTEXT: LazyLock<BuilderContext> = LazyLock::new(|| BuilderContext {
    entity_query_field: EntityQueryFieldConfig {
        // Its `contains` tells capitals from small letters.
        use_ilike: true,
        ..EntityQueryFieldConfig::default()
    },
    ..BuilderContext::default()
});

async fn handle(State(schema): State<Schema>, request: GraphQLRequest) -> GraphQLResponse {
    schema.execute(request.into_inner()).await.into()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut options = ConnectOptions::new(env::var("DATABASE_URL")?);
    // As many as node-postgres has. Faster than by default, where each statement is logged, and each
    // connection asked before it is used whether it is still there.
    options
        .max_connections(10)
        .sqlx_logging(false)
        .test_before_acquire(false);
    let database = Database::connect(options).await?;

    // Without limits of depth and complexity, which each request would have to be checked for.
    let mut builder = Builder::new(&CONTEXT, database.clone());
    seaography::register_entities!(builder, [customers, tickets]);
    let schema = builder.schema_builder().data(database).finish()?;

    let app = Router::new()
        .route("/graphql", post(handle))
        .with_state(schema);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
