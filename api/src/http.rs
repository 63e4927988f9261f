//! GraphQL over HTTP: bytes → [`Request`], [`Response`] → bytes. Knows no feature.
//!
//! Its own, and not async-graphql-axum's extractors: those take `text/plain` and bodies without a
//! type (so that any web page could send mutations), run mutations by GET, read bodies of any size,
//! overlook `operationName` in a URL and answer bad JSON with Rust's debug text. Its
//! [`GraphQLResponse`] is used: the one that serialises.
//!
//! Source of the rules: the GraphQL over HTTP specification and RFC 9110.

use async_graphql::{Request, Response, ServerError, Variables};
use async_graphql_axum::GraphQLResponse;
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Query, State, rejection::QueryRejection},
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{ACCEPT, ALLOW, CONTENT_TYPE, VARY},
    },
    middleware::from_fn_with_state,
    response::IntoResponse,
    routing::{any, get},
};
use serde::{Deserialize, Serialize};

use crate::{Error, playground, schema::App};

/// Where GraphQL is served.
const PATH: &str = "/graphql";
/// The longest body, in bytes.
const MAX_BODY: usize = 1024 * 1024;

const GRAPHQL: &str = "application/graphql-response+json";
const JSON: &str = "application/json";

/// The server's routes. Does no I/O.
pub fn app(app: App) -> Router {
    // GraphiQL lives on introspection, and is there where that is.
    let introspection = true;
    let page = from_fn_with_state(introspection, playground::to_browsers);
    let graphql = get(by_get).route_layer(page.clone());
    Router::new()
        .route(PATH, graphql.post(by_post).fallback(by_other))
        .route("/", any(elsewhere).layer(page))
        .merge(playground::files(introspection))
        .fallback(elsewhere)
        .with_state(app)
}

/// What a request says, in its body or in its URL.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters<V> {
    query: String,
    operation_name: Option<String>,
    variables: Option<V>,
    /// Has to be an object; none is known yet.
    extensions: Option<V>,
}

type Object = serde_json::Map<String, serde_json::Value>;

async fn by_post(
    State(app): State<App>,
    headers: HeaderMap,
    body: Body,
) -> axum::response::Response {
    let Some(answer) = Answer::accepted(&headers) else {
        return none_acceptable();
    };
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
        Ok(parameters) => answer.to(&app, parameters, true).await,
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
    State(app): State<App>,
    headers: HeaderMap,
    parameters: Result<Query<Parameters<String>>, QueryRejection>,
) -> axum::response::Response {
    let Some(answer) = Answer::accepted(&headers) else {
        return none_acceptable();
    };
    match parameters.map(|Query(parameters)| parameters.parsed()) {
        Ok(Ok(parameters)) => answer.to(&app, parameters, false).await,
        _ => answer.refuse(
            StatusCode::BAD_REQUEST,
            "Expected the URL to have a `query`, and optionally an `operationName`, and \
             `variables` and `extensions` as JSON objects.",
        ),
    }
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
        let accept: Vec<&str> = (headers.get_all(ACCEPT).iter())
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter(|range| !range.trim().is_empty())
            .collect();
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

    /// Executes a request.
    async fn to(
        self,
        app: &App,
        parameters: Parameters<Object>,
        may_write: bool,
    ) -> axum::response::Response {
        let variables = parameters.variables.unwrap_or_default();
        let mut request = Request::new(parameters.query);
        request.variables = Variables::from_json(serde_json::Value::Object(variables));
        request.operation_name = parameters.operation_name.filter(|name| !name.is_empty());
        match app.execute(request, may_write).await {
            Some(response) => self.respond(response),
            None => self.not_allowed("POST", "Expected a mutation to be sent by POST."),
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
