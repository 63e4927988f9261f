//! GraphQL over HTTP, and what else is served: bytes → [`async_graphql::Request`],
//! [`async_graphql::Response`] → bytes. Knows no feature.
//!
//! Its own, and not async-graphql-axum's extractors: those take `text/plain` and bodies without a
//! type (so that any web page could send mutations), run mutations by GET, read bodies of any size
//! for any time, overlook `operationName` in a URL, take `Accept` for a wish and answer bad JSON
//! with Rust's debug text.
//!
//! Source of the rules: the GraphQL over HTTP specification and RFC 9110.

mod answer;
mod browser;
mod caller;
mod compress;
pub(crate) mod negotiate;
mod post;
mod wish;

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{Query, State, rejection::QueryRejection, ws::rejection::WebSocketUpgradeRejection},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, SEC_WEBSOCKET_VERSION, UPGRADE},
    },
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::{any, get},
};
use serde::Deserialize;

use self::{answer::Answer, caller::Unknown, compress::compressed, negotiate::header, wish::Wish};
use crate::{
    App, Connections, Error, Limits,
    document::too_deep,
    playground,
    request::Parameters,
    socket::{self, Handshake},
    viewer::Caller,
};

/// Where GraphQL is served.
const PATH: &str = "/graphql";
/// What is allowed there.
const METHODS: &str = "GET, HEAD, OPTIONS, POST";

/// The server's routes. Does no I/O.
pub fn app(app: App) -> Router {
    app_with(app, Connections::default())
}

/// The same, with a say in what stays open, and until when.
pub fn app_with(app: App, connections: Connections) -> Router {
    let introspection = app.settings().introspection;
    // GraphiQL lives on introspection and on operations that people write.
    let playground = introspection && !app.settings().documents_only;
    let page = from_fn_with_state(playground, playground::to_browsers);
    let graphql = (get(by_get).route_layer(page.clone()))
        .post(post::by_post)
        .connect(by_connect)
        .options(options)
        .fallback(by_other);
    let mut router = Router::new()
        .route(PATH, graphql)
        .route("/", any(elsewhere).layer(page))
        .merge(playground::files(playground))
        .route("/health/live", get(live))
        .route("/health/ready", get(ready));
    if introspection {
        let sdl: Bytes = app.sdl().into();
        router = router.route(
            "/schema.graphql",
            get(move |_: Caller, headers: HeaderMap| schema(headers, sdl.clone())),
        );
    }
    router = router.fallback(elsewhere);
    if let Some(cors) = browser::cors(app.settings()) {
        router = router.layer(cors);
    }
    let guard = from_fn_with_state(Arc::clone(app.settings()), browser::guard);
    let server = Arc::new(Server { app, connections });
    router.layer(guard).with_state(server)
}

/// What the handlers need.
struct Server {
    app: App,
    connections: Connections,
}

/// What a request says in its URL: objects as JSON.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UrlParameters {
    query: Option<String>,
    document_id: Option<String>,
    operation_name: Option<String>,
    variables: Option<String>,
    extensions: Option<String>,
}

impl UrlParameters {
    /// Why its objects may not be read.
    fn too_deep(&self, limits: &Limits) -> Option<Error> {
        let objects = [&self.variables, &self.extensions];
        (objects.into_iter().flatten()).find_map(|json| too_deep(json.as_bytes(), limits))
    }

    /// With the objects read; an empty parameter is as one left out.
    fn parsed(self) -> serde_json::Result<Parameters> {
        fn object<T: for<'a> Deserialize<'a>>(
            json: Option<String>,
        ) -> serde_json::Result<Option<T>> {
            let json = json.filter(|json| !json.is_empty());
            json.map_or(Ok(None), |json| serde_json::from_str(&json))
        }
        Ok(Parameters {
            query: self.query,
            document_id: self.document_id,
            operation_name: self.operation_name,
            variables: object(self.variables)?,
            extensions: object(self.extensions)?,
        })
    }
}

/// A query. Event streams, upgrades to `WebSocket` and pages for browsers are told apart here, by
/// their headers, before anything else is looked at.
async fn by_get(
    State(server): State<Arc<Server>>,
    caller: Result<Caller, Unknown>,
    socket: Result<Handshake, WebSocketUpgradeRejection>,
    headers: HeaderMap,
    parameters: Result<Query<UrlParameters>, QueryRejection>,
) -> Response {
    let app = &server.app;
    match socket {
        Ok(socket) => return by_socket(socket, &server, caller),
        Err(refusal) if asks_for_socket(&headers) => return no_socket(&refusal),
        Err(_) => {}
    }
    let caller = match caller {
        Ok(caller) => caller,
        Err(unknown) => return unknown.into_response(),
    };
    let Some(wish) = Wish::of(&headers) else {
        return answer::none_acceptable();
    };
    let answer = wish.answer;
    if let Err(error) = app.has_room() {
        return answer.request_error(error.into_server_error());
    }
    let limits = &app.settings().limits;
    let parsed = parameters.map(|Query(parameters)| {
        let deep = parameters.too_deep(limits);
        parameters.parsed().map_err(|_| deep)
    });
    let parameters = match parsed {
        Ok(Ok(parameters)) => parameters,
        Ok(Err(Some(error))) => {
            let error = error.into_server_error();
            return answer.errors(StatusCode::BAD_REQUEST, vec![error]);
        }
        Ok(Err(None)) | Err(_) => {
            return answer.refuse(
                StatusCode::BAD_REQUEST,
                "Expected the URL to have a `query` or a `documentId`, and optionally an \
                 `operationName`, and `variables` and `extensions` as JSON objects.",
            );
        }
    };
    let mut request = match parameters.into_request(app, caller) {
        Ok(request) => request,
        Err(error) => return answer.request_error(error),
    };
    if let Some(stream) = wish.stream(app, &mut request, false) {
        return stream.of(&server, request);
    }
    match app.execute(request, false).await {
        Some(response) => compressed(&headers, answer.to_get(&headers, &response)).await,
        None => answer.not_allowed("POST", "Expected a mutation to be sent by POST."),
    }
}

/// A WebSocket over HTTP/2 (RFC 8441).
async fn by_connect(
    State(server): State<Arc<Server>>,
    caller: Result<Caller, Unknown>,
    socket: Result<Handshake, WebSocketUpgradeRejection>,
) -> Response {
    match socket {
        Ok(socket) => by_socket(socket, &server, caller),
        Err(refusal) => no_socket(&refusal),
    }
}

/// A browser has no header for its token: who sends none may send it by `connection_init`.
fn by_socket(socket: Handshake, server: &Server, caller: Result<Caller, Unknown>) -> Response {
    let caller = match caller {
        Ok(caller) => Ok(caller),
        Err(unknown) => match unknown.without_token() {
            Some(address) => Err(address),
            None => return unknown.into_response(),
        },
    };
    let upgraded = socket::upgrade(socket, server.app.clone(), &server.connections, caller);
    upgraded.unwrap_or_else(|| answer::no_room(Answer::Json))
}

fn asks_for_socket(headers: &HeaderMap) -> bool {
    header(headers, &UPGRADE).eq_ignore_ascii_case("websocket")
}

/// Refuses a WebSocket's opening handshake that is none (RFC 6455, section 4.4).
fn no_socket(refusal: &WebSocketUpgradeRejection) -> Response {
    let other_version = matches!(
        refusal,
        WebSocketUpgradeRejection::InvalidWebSocketVersionHeader(_)
    );
    let status = if other_version {
        StatusCode::UPGRADE_REQUIRED
    } else {
        StatusCode::BAD_REQUEST
    };
    let message = "Expected the opening handshake of a WebSocket, version 13.";
    let mut response = Answer::Json.refuse(status, message);
    if other_version {
        (response.headers_mut()).insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    }
    response
}

/// Says what there is; whether a page of another origin may use it is not said here.
async fn options() -> Response {
    (StatusCode::NO_CONTENT, [(ALLOW, METHODS)]).into_response()
}

async fn by_other(headers: HeaderMap) -> Response {
    match Answer::accepted(&headers) {
        Some(answer) => answer.not_allowed(METHODS, "Expected GET or POST."),
        None => answer::none_acceptable(),
    }
}

async fn elsewhere() -> Response {
    let message = format!("Expected the path `{PATH}`, where GraphQL is served.");
    Answer::Json.refuse(StatusCode::NOT_FOUND, message)
}

/// The schema's text, for code generators.
async fn schema(headers: HeaderMap, sdl: Bytes) -> Response {
    let media_type = HeaderValue::from_static("application/graphql; charset=utf-8");
    let mut response = [(CONTENT_TYPE, media_type)].into_response();
    let caching = HeaderValue::from_static("no-cache");
    answer::tagged(&mut response, &headers, sdl, caching);
    compressed(&headers, response).await
}

/// Whether the process runs: it answers.
async fn live() -> Response {
    health(StatusCode::OK, &[])
}

/// Whether it can answer requests, and what is not there if not.
async fn ready(State(server): State<Arc<Server>>) -> Response {
    let mut missing = server.app.missing().await;
    if server.connections.stopping().is_cancelled() {
        missing.push("server");
    }
    let status = if missing.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    health(status, &missing)
}

fn health(status: StatusCode, missing: &[&str]) -> Response {
    let word = if missing.is_empty() {
        "ok"
    } else {
        "unavailable"
    };
    let body = serde_json::json!({ "status": word, "missing": missing });
    let no_store = HeaderValue::from_static("no-store");
    (status, [(CACHE_CONTROL, no_store)], axum::Json(body)).into_response()
}
