//! GraphQL over HTTP: bytes → [`Request`], [`Response`] → bytes. Knows no feature.
//!
//! Its own, and not async-graphql-axum's extractors: those take `text/plain` and bodies without a
//! type (so that any web page could send mutations), run mutations by GET, read bodies of any size,
//! overlook `operationName` in a URL and answer bad JSON with Rust's debug text. Its
//! [`GraphQLResponse`] is used: the one that serialises.
//!
//! Source of the rules: the GraphQL over HTTP specification and RFC 9110.

use async_graphql::{Request, Response, ServerError, Variables, parser::types::OperationType};
use async_graphql_axum::GraphQLResponse;
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{
        Query, State, WebSocketUpgrade, rejection::QueryRejection,
        ws::rejection::WebSocketUpgradeRejection,
    },
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{ACCEPT, ALLOW, CONTENT_TYPE, SEC_WEBSOCKET_VERSION, UPGRADE, VARY},
    },
    response::IntoResponse,
    routing::get,
};
use serde::{Deserialize, Serialize};

use crate::{Error, connections::Connections, schema::App, socket, stream};

/// Where GraphQL is served.
const PATH: &str = "/graphql";
/// The longest body, in bytes.
const MAX_BODY: usize = 1024 * 1024;

const GRAPHQL: &str = "application/graphql-response+json";
const JSON: &str = "application/json";

/// The server's routes. Does no I/O.
pub fn app(app: App) -> Router {
    app_with(app, Connections::default())
}

/// The same, with a say in what stays open, and until when.
pub fn app_with(app: App, connections: Connections) -> Router {
    let methods = get(by_get).post(by_post).connect(by_connect);
    Router::new()
        .route(PATH, methods.fallback(by_other))
        .fallback(elsewhere)
        .with_state(Server { app, connections })
}

/// What the handlers need.
#[derive(Clone)]
struct Server {
    app: App,
    connections: Connections,
}

/// What a request says, in its body or in its URL.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Parameters<V = Object> {
    query: String,
    operation_name: Option<String>,
    variables: Option<V>,
    /// Has to be an object; none is known yet.
    extensions: Option<V>,
}

pub(crate) type Object = serde_json::Map<String, serde_json::Value>;

impl Parameters {
    pub(crate) fn into_request(self) -> Request {
        let variables = self.variables.unwrap_or_default();
        let mut request = Request::new(self.query);
        request.variables = Variables::from_json(serde_json::Value::Object(variables));
        request.operation_name = self.operation_name.filter(|name| !name.is_empty());
        request
    }
}

async fn by_post(
    State(server): State<Server>,
    headers: HeaderMap,
    body: Body,
) -> axum::response::Response {
    let Some(wish) = Wish::of(&headers) else {
        return none_acceptable();
    };
    let answer = wish.answer;
    let media_type = header(&headers, &CONTENT_TYPE).split(';').next();
    if !media_type.is_some_and(|found| found.trim().eq_ignore_ascii_case(JSON)) {
        let message = format!("Expected a body of the content type `{JSON}`.");
        return answer.refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, message);
    }
    // The other reason, a caller who goes away, has nobody to be told.
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        let message = format!("Expected a body of at most {MAX_BODY} bytes.");
        return answer.refuse(StatusCode::PAYLOAD_TOO_LARGE, message);
    };
    match serde_json::from_slice(&body) {
        Ok(parameters) => server.answer(wish, parameters, true).await,
        Err(error) => {
            let found = if error.is_data() {
                "another shape"
            } else {
                "no JSON"
            };
            let message = format!(
                "Expected the body to be a JSON object with a string `query` and optionally a \
                 string `operationName` and objects `variables` and `extensions`, found {found}."
            );
            answer.refuse(StatusCode::BAD_REQUEST, message)
        }
    }
}

async fn by_get(
    State(server): State<Server>,
    socket: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    headers: HeaderMap,
    parameters: Result<Query<Parameters<String>>, QueryRejection>,
) -> axum::response::Response {
    match socket {
        Ok(socket) => return socket::upgrade(socket, server.app, &server.connections),
        Err(refusal) if asks_for_socket(&headers) => return no_socket(&refusal),
        Err(_) => {}
    }
    let Some(wish) = Wish::of(&headers) else {
        return none_acceptable();
    };
    match parameters.map(|Query(parameters)| parameters.parsed()) {
        Ok(Ok(parameters)) => server.answer(wish, parameters, false).await,
        _ => wish.answer.refuse(
            StatusCode::BAD_REQUEST,
            "Expected the URL to have a `query`, and optionally an `operationName`, and \
             `variables` and `extensions` as JSON objects.",
        ),
    }
}

/// A WebSocket over HTTP/2 (RFC 8441).
async fn by_connect(
    State(server): State<Server>,
    socket: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> axum::response::Response {
    match socket {
        Ok(socket) => socket::upgrade(socket, server.app, &server.connections),
        Err(refusal) => no_socket(&refusal),
    }
}

fn asks_for_socket(headers: &HeaderMap) -> bool {
    header(headers, &UPGRADE).eq_ignore_ascii_case("websocket")
}

/// Refuses a WebSocket's opening handshake that is none (RFC 6455, section 4.4).
fn no_socket(refusal: &WebSocketUpgradeRejection) -> axum::response::Response {
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

impl Parameters<String> {
    /// With the objects that a URL has as JSON; an empty parameter is as one left out.
    fn parsed(self) -> serde_json::Result<Parameters<Object>> {
        let object = |json: Option<String>| {
            let json = json.filter(|json| !json.is_empty());
            json.map(|json| serde_json::from_str(&json)).transpose()
        };
        Ok(Parameters {
            query: self.query,
            operation_name: self.operation_name,
            variables: object(self.variables)?,
            extensions: object(self.extensions)?,
        })
    }
}

async fn elsewhere() -> axum::response::Response {
    let message = format!("Expected the path `{PATH}`, where GraphQL is served.");
    Answer::Json.refuse(StatusCode::NOT_FOUND, message)
}

async fn by_other(headers: HeaderMap) -> axum::response::Response {
    let Some(answer) = Answer::accepted(&headers) else {
        return none_acceptable();
    };
    answer.not_allowed("GET, POST", "Expected GET or POST.")
}

fn none_acceptable() -> axum::response::Response {
    let message = format!("Expected to be allowed to answer with `{GRAPHQL}` or `{JSON}`.");
    Answer::Json.refuse(StatusCode::NOT_ACCEPTABLE, message)
}

/// How the caller wants to be answered.
#[derive(Clone, Copy)]
struct Wish {
    /// With one response; also with what is said where there is none.
    answer: Answer,
    /// With a stream of responses.
    stream: Option<stream::Format>,
    /// Also where there is only one.
    only_stream: bool,
}

impl Wish {
    /// None where the caller accepts nothing that there is.
    fn of(headers: &HeaderMap) -> Option<Self> {
        let (answer, stream) = (Answer::accepted(headers), stream::Format::accepted(headers));
        let only_stream = stream.is_some_and(|(_, much)| {
            let [json, graphql] = [JSON, GRAPHQL].map(|it| quality(&ranges(headers), it));
            much > json.max(graphql)
        });
        (answer.is_some() || stream.is_some()).then(|| Self {
            answer: answer.unwrap_or(Answer::Json),
            stream: stream.map(|(format, _)| format),
            only_stream,
        })
    }
}

impl Server {
    /// Executes a request.
    async fn answer(
        self,
        wish: Wish,
        parameters: Parameters,
        may_write: bool,
    ) -> axum::response::Response {
        let request = parameters.into_request();
        if let Some(format) = wish.stream {
            let kind = self.app.operation_type(&request);
            let is_subscription = kind == Some(OperationType::Subscription);
            let may_run = may_write || kind != Some(OperationType::Mutation);
            if may_run && (is_subscription || wish.only_stream) {
                let responses = self.app.responses(request, is_subscription);
                return format.respond(responses, is_subscription, &self.connections);
            }
        }
        match self.app.execute(request, may_write).await {
            Some(response) => wish.answer.respond(response),
            None => (wish.answer).not_allowed("POST", "Expected a mutation to be sent by POST."),
        }
    }
}

/// The media types that a caller accepts, with their parameters.
fn ranges(headers: &HeaderMap) -> Vec<&str> {
    (headers.get_all(ACCEPT).iter())
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter(|range| !range.trim().is_empty())
        .collect()
}

/// The media type of a response, as the caller accepts it.
#[derive(Clone, Copy)]
enum Answer {
    /// `application/graphql-response+json`: the status says what became of the request.
    GraphQl,
    /// `application/json`: the status says whether it was well formed.
    Json,
}

impl Answer {
    /// The caller's choice; `application/json` where it has no preference.
    fn accepted(headers: &HeaderMap) -> Option<Self> {
        let accept = ranges(headers);
        if accept.is_empty() {
            return Some(Self::Json);
        }
        let (json, graphql) = (quality(&accept, JSON), quality(&accept, GRAPHQL));
        if graphql > json {
            Some(Self::GraphQl)
        } else {
            (json > 0.0).then_some(Self::Json)
        }
    }

    fn respond(self, response: Response) -> axum::response::Response {
        // An error without a path, and nothing executed: the specification's request error.
        let refused = response.data == async_graphql::Value::Null
            && !response.errors.is_empty()
            && response.errors.iter().all(|error| error.path.is_empty());
        if refused {
            let status = match self {
                Self::GraphQl => StatusCode::BAD_REQUEST,
                Self::Json => StatusCode::OK,
            };
            return self.errors(status, &response.errors);
        }
        let mut response = GraphQLResponse::from(response).into_response();
        self.head(response.headers_mut());
        response
    }

    /// Refuses a request that is none.
    fn refuse(self, status: StatusCode, message: impl Into<String>) -> axum::response::Response {
        let error = Error::bad_user_input(message).into_server_error();
        self.errors(status, &[error])
    }

    fn not_allowed(self, allow: &'static str, message: &str) -> axum::response::Response {
        let mut response = self.refuse(StatusCode::METHOD_NOT_ALLOWED, message);
        (response.headers_mut()).insert(ALLOW, HeaderValue::from_static(allow));
        response
    }

    /// A response without `data`, which there is none of where nothing was executed.
    fn errors(self, status: StatusCode, errors: &[ServerError]) -> axum::response::Response {
        #[derive(Serialize)]
        struct Body<'a> {
            errors: &'a [ServerError],
        }
        let mut response = (status, axum::Json(Body { errors })).into_response();
        self.head(response.headers_mut());
        response
    }

    fn head(self, headers: &mut HeaderMap) {
        let media_type = match self {
            Self::GraphQl => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        headers.append(VARY, HeaderValue::from_static("accept"));
    }
}

/// How much a caller wants a media type: the quality of the most specific range that has it (RFC
/// 9110, section 12.5.1).
fn quality(accept: &[&str], media_type: &str) -> f32 {
    let mut best = (0, 0.0);
    for range in accept {
        let mut parts = range.split(';').map(str::trim);
        let specificity = match parts
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase()
            .as_str()
        {
            found if found == media_type => 3,
            "application/*" => 2,
            "*/*" => 1,
            _ => continue,
        };
        let quality = parts
            .filter_map(|part| part.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"))
            .map_or(1.0, |(_, value)| value.trim().parse().unwrap_or(0.0));
        if specificity > best.0 {
            best = (specificity, quality);
        }
    }
    best.1
}

fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    let value = headers.get(name).map(HeaderValue::to_str);
    value.and_then(Result::ok).unwrap_or_default()
}
