//! Stub.
pub mod config;
pub mod database;
pub mod seed;

#[derive(Clone)]
pub struct App {
    database: database::Database,
}
impl App {
    #[must_use]
    pub fn new(database: database::Database) -> App {
        App { database }
    }
    pub async fn writes_finished(&self) {
        let _ = &self.database;
        std::future::ready(()).await;
    }
}
pub fn app(app: App) -> axum::Router {
    drop(app);
    axum::Router::new().route(
        "/slow",
        axum::routing::get(|| async {
            tokio::time::sleep(std::time::Duration::from_secs(2)).await;
            "done\n"
        }),
    )
}
#[must_use]
pub fn sdl() -> String {
    "type Query { a: Int }\n".to_owned()
}
