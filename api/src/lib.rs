//! Stub.
pub mod database {
    use std::sync::Arc;

    pub type StatementLog = Arc<dyn Fn(&sea_orm::metric::Info<'_>) + Send + Sync>;

    #[derive(Clone)]
    pub struct Database {
        pub read: sea_orm::DatabaseConnection,
        pub write: sea_orm::DatabaseConnection,
    }

    impl Database {
        pub async fn connect(
            url: &str,
            _max_connections: Option<u32>,
            log: Option<StatementLog>,
        ) -> Result<Self, sea_orm::DbErr> {
            let mut read = sea_orm::Database::connect(url).await?;
            if let Some(log) = log {
                read.set_metric_callback(move |info| log(info));
            }
            Ok(Self {
                write: read.clone(),
                read,
            })
        }
    }
}

#[derive(Clone)]
pub struct App(pub database::Database);

impl App {
    pub fn new(database: database::Database) -> Self {
        Self(database)
    }
}

pub fn api(app: App) -> axum::Router {
    use axum::{Json, Router, extract::State, routing::post};
    use sea_orm::ConnectionTrait;
    async fn stub(State(app): State<App>) -> Json<serde_json::Value> {
        let select = sea_orm::Statement::from_string(
            app.0.read.get_database_backend(),
            "SELECT id FROM tickets",
        );
        let rows = app.0.read.query_all_raw(select).await.unwrap();
        Json(serde_json::json!({"data": {"rows": rows.len()}}))
    }
    Router::new().route("/graphql", post(stub)).with_state(app)
}

pub fn sdl() -> String {
    include_str!("../../../shared/schema.graphql").to_owned()
}
