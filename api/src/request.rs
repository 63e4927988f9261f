//! What a caller asks for, whatever the transport: the parameters that the GraphQL over HTTP
//! specification names, and which document they mean.

use async_graphql::{Request, ServerError, Variables};
use serde::Deserialize;

use crate::{
    error::{Code, Error, coded, excerpt},
    schema::App,
    viewer::Caller,
};

/// What each request costs at least, beside what it asks for: that it is read.
const READING: u64 = 1;
/// How much of a document is read for 1 more, in bytes.
const BYTES_READ: u64 = 64;

/// A request as callers write it in JSON. What else they write is not looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Parameters {
    pub(crate) query: Option<String>,
    /// The id of a document that the server has, in place of `query`.
    pub(crate) document_id: Option<String>,
    pub(crate) operation_name: Option<String>,
    pub(crate) variables: Option<Variables>,
    pub(crate) extensions: Option<Extensions>,
}

/// The one extension that is known.
#[derive(Debug, Default, Deserialize)]
#[serde(try_from = "serde_json::Map<String, serde_json::Value>")]
pub(crate) struct Extensions {
    persisted_query: Option<PersistedQuery>,
}

/// Apollo's way to name a document by the hash of its text.
#[derive(Debug, Deserialize)]
struct PersistedQuery {
    version: u32,
    #[serde(rename = "sha256Hash")]
    sha256_hash: String,
}

impl TryFrom<serde_json::Map<String, serde_json::Value>> for Extensions {
    type Error = serde_json::Error;

    fn try_from(mut all: serde_json::Map<String, serde_json::Value>) -> serde_json::Result<Self> {
        let persisted_query = match all.remove("persistedQuery") {
            None | Some(serde_json::Value::Null) => None,
            Some(value) => Some(PersistedQuery::deserialize(value)?),
        };
        Ok(Self { persisted_query })
    }
}

impl Parameters {
    /// Whether they say, in one way or another, what is to be executed.
    pub(crate) fn name_a_document(&self) -> bool {
        self.query.is_some() || self.document_id.is_some() || self.extensions.is_some()
    }

    /// The request, with its document's text and with who sends it, who pays for its being read.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` where the parameters name no document, or two of them;
    /// `PERSISTED_QUERY_NOT_FOUND` where they name one that the server does not have.
    pub(crate) fn into_request(self, app: &App, caller: Caller) -> Result<Request, ServerError> {
        let length = self.query.as_ref().map_or(0, String::len);
        let paid = app.charge(&caller, READING + length as u64 / BYTES_READ);
        paid.map_err(Error::into_server_error)?;
        let wrong = |message: String| Error::bad_user_input(message).into_server_error();
        let automatic = self.extensions.and_then(|all| all.persisted_query);
        if let Some(other) = automatic
            .as_ref()
            .map(|it| it.version)
            .filter(|it| *it != 1)
        {
            return Err(wrong(format!(
                "Expected a persisted query of version 1, found {other}."
            )));
        }
        let documents = app.documents();
        // Some clients cannot leave it out.
        let named = self.document_id.is_some() || automatic.is_some();
        let query = self.query.filter(|query| !named || !query.is_empty());
        let text = match (query, self.document_id, automatic) {
            (None, Some(id), _) => documents.by_id(&id).ok_or_else(|| {
                let message = format!(
                    "Expected the `documentId` of a document that the server knows, found `{}`.",
                    excerpt(&id)
                );
                coded(Code::PersistedQueryNotFound, message, None)
            })?,
            (Some(_), Some(_), _) => {
                let message = "Expected either a `query` or a `documentId`, found both.";
                return Err(wrong(message.to_owned()));
            }
            (Some(query), None, Some(PersistedQuery { sha256_hash, .. })) => {
                documents.remember(&query, &sha256_hash).map_err(|()| {
                    wrong("Expected the SHA-256 hash of the `query`, found another.".to_owned())
                })?;
                query
            }
            // The words that Apollo's clients wait for, to send the text then.
            (None, None, Some(PersistedQuery { sha256_hash, .. })) => {
                documents.by_hash(&sha256_hash).ok_or_else(|| {
                    coded(Code::PersistedQueryNotFound, "PersistedQueryNotFound", None)
                })?
            }
            (Some(query), None, None) => query,
            (None, None, None) => {
                let message = "Expected a string `query`, or a `documentId`, found neither.";
                return Err(wrong(message.to_owned()));
            }
        };
        let mut request = Request::new(text).data(caller);
        request.variables = self.variables.unwrap_or_default();
        request.operation_name = self.operation_name.filter(|name| !name.is_empty());
        Ok(request)
    }
}
