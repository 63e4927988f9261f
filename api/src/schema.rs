//! The schema put together from the features, and how one request is executed against it:
//! [`async_graphql::Request`] in, [`async_graphql::Response`] out. Knows no transport.

use std::{future::Future, sync::Arc};

use async_graphql::{
    EmptySubscription, MergedObject, Request, Response, SDLExportOptions, ServerError,
    parser::{
        parse_query,
        types::{DocumentOperations, ExecutableDocument, OperationType},
    },
};
use quick_cache::sync::Cache;
use sea_orm::DatabaseConnection;
use tokio_util::task::TaskTracker;

use crate::{
    context::with_shop,
    customer::{CustomerMutation, CustomerQuery},
    database::Database,
    error::{Code, Error, classify},
    node::NodeQuery,
    technician::TechnicianQuery,
    ticket::{TicketCountQuery, TicketList, TicketMutation, TicketQuery, TicketsOf},
    viewer::ViewerQuery,
};

/// How many parsed documents are kept. A client has a few dozen operations.
const DOCUMENTS: usize = 1_000;
/// The longest document that is kept, in bytes: what one entry may cost.
const LONGEST_DOCUMENT: usize = 16 * 1024;

/// Everything that can be read.
#[derive(MergedObject)]
pub struct Query(
    NodeQuery,
    ViewerQuery,
    CustomerQuery,
    TicketQuery,
    TicketList,
    TechnicianQuery,
    TicketCountQuery,
);

/// Everything that can be changed.
#[derive(MergedObject, Default)]
pub struct Mutation(CustomerMutation, TicketMutation);

type Schema = async_graphql::Schema<Query, Mutation, EmptySubscription>;

fn schema() -> Schema {
    let query = Query(
        NodeQuery,
        ViewerQuery,
        CustomerQuery,
        TicketQuery,
        TicketList(TicketsOf::Everybody),
        TechnicianQuery,
        TicketCountQuery,
    );
    Schema::build(query, Mutation::default(), EmptySubscription).finish()
}

/// The schema in GraphQL's own language.
#[must_use]
pub fn sdl() -> String {
    schema().sdl_with_options(SDLExportOptions::new().include_specified_by())
}

/// The server without its transports: the schema, its database, and the documents it has parsed.
/// Cheap to clone.
#[derive(Clone)]
pub struct App {
    schema: Schema,
    database: Database,
    documents: Arc<Cache<String, Arc<ExecutableDocument>>>,
    writes: TaskTracker,
}

impl App {
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self {
            schema: schema(),
            database,
            documents: Arc::new(Cache::new(DOCUMENTS)),
            writes: TaskTracker::new(),
        }
    }

    /// Waits for the mutations whose callers have gone away. To be called when no request comes in
    /// any more.
    pub fn writes_finished(&self) -> impl Future<Output = ()> + '_ {
        self.writes.close();
        self.writes.wait()
    }

    /// Executes one request. `may_write` is false where the transport allows queries alone; the
    /// result is then none for a mutation.
    pub async fn execute(&self, mut request: Request, may_write: bool) -> Option<Response> {
        let document = match self.document(&request.query) {
            Ok(document) => document,
            Err(error) => return Some(Response::from_errors(vec![error])),
        };
        let writes = is_mutation(&document, request.operation_name.as_deref());
        if writes && !may_write {
            return None;
        }
        request.set_parsed_query(ExecutableDocument::clone(&document));
        let mut response = if writes {
            self.write(request).await
        } else {
            self.run(self.database.read.clone(), request).await
        };
        response.errors.iter_mut().for_each(classify);
        Some(response)
    }

    async fn run(&self, db: DatabaseConnection, request: Request) -> Response {
        with_shop(db, |shop| self.schema.execute(request.data(shop))).await
    }

    /// A mutation runs in a task of its own, which goes on where the caller goes away: a dropped
    /// transaction would be left to the connection's next user.
    async fn write(&self, request: Request) -> Response {
        let app = self.clone();
        let db = self.database.write.clone();
        let task = (self.writes).spawn(async move { app.run(db, request).await });
        (task.await).unwrap_or_else(|panic| {
            Response::from_errors(vec![Error::internal(panic).into_server_error()])
        })
    }

    /// The parsed document of a text. Kept outside the schema, where an extension that does it
    /// would slow every field down.
    fn document(&self, text: &str) -> Result<Arc<ExecutableDocument>, ServerError> {
        if let Some(document) = self.documents.get(text) {
            return Ok(document);
        }
        let document = Arc::new(parse_query(text).map_err(|error| {
            let mut error = ServerError::from(error);
            (error.extensions.get_or_insert_default())
                .set("code", Code::GraphqlParseFailed.as_str());
            error
        })?);
        if text.len() <= LONGEST_DOCUMENT {
            self.documents
                .insert(text.to_owned(), Arc::clone(&document));
        }
        Ok(document)
    }
}

/// Whether the operation that would be executed is a mutation.
fn is_mutation(document: &ExecutableDocument, name: Option<&str>) -> bool {
    let operation = match (&document.operations, name) {
        (DocumentOperations::Single(operation), _) => Some(operation),
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name),
        (DocumentOperations::Multiple(operations), None) => operations.values().next(),
    };
    operation.is_some_and(|operation| operation.node.ty == OperationType::Mutation)
}
