//! The schema put together from the features, and how one request is executed against it:
//! [`async_graphql::Request`] in, [`async_graphql::Response`] out. Knows no transport.

use std::{
    future::ready,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_graphql::{
    MergedObject, MergedSubscription, Request, Response, SDLExportOptions, ServerError,
    futures_util::{
        FutureExt, Stream, StreamExt,
        stream::{self, BoxStream},
    },
    parser::types::{ExecutableDocument, OperationType},
};
use sea_orm::DatabaseConnection;
use tokio_util::task::TaskTracker;

use crate::{
    context::with_shop,
    customer::{CustomerMutation, CustomerQuery, CustomerSubscription},
    database::Database,
    document::{Documents, complete_variables, is_mutation, operation},
    error::{Error, classify},
    live::{self, Live},
    node::NodeQuery,
    technician::TechnicianQuery,
    ticket::{
        TicketCountQuery, TicketList, TicketMutation, TicketQuery, TicketSubscription, TicketsOf,
    },
    viewer::ViewerQuery,
};

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

/// Everything that can be listened to.
#[derive(MergedSubscription, Default)]
pub struct Subscription(CustomerSubscription, TicketSubscription);

type Schema = async_graphql::Schema<Query, Mutation, Subscription>;

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
    Schema::build(query, Mutation::default(), Subscription::default()).finish()
}

/// The schema in GraphQL's own language.
#[must_use]
pub fn sdl() -> String {
    schema().sdl_with_options(
        SDLExportOptions::new()
            .include_specified_by()
            .prefer_single_line_descriptions()
            .use_space_ident(),
    )
}

/// The server without its transports: the schema, its database, and the documents it has parsed.
/// Cheap to clone.
#[derive(Clone)]
pub struct App {
    schema: Schema,
    database: Database,
    documents: Arc<Documents>,
    live: Live,
    writes: TaskTracker,
}

impl App {
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self {
            schema: schema(),
            live: Live::new(&database),
            database,
            documents: Arc::new(Documents::new()),
            writes: TaskTracker::new(),
        }
    }

    /// Waits for the mutations whose callers have gone away, and for the database to know that
    /// nobody listens any more. To be called when no request comes in and no stream is open.
    pub async fn writes_finished(&self) {
        self.writes.close();
        self.writes.wait().await;
        self.live.signed_off().await;
    }

    /// Executes one request. `may_write` is false where the transport allows queries alone; the
    /// result is then none for a mutation.
    pub async fn execute(&self, mut request: Request, may_write: bool) -> Option<Response> {
        let document = match self.documents.get(&request.query) {
            Ok(document) => document,
            Err(error) => return Some(Response::from_errors(vec![error])),
        };
        let mut writes = false;
        // Where there is no such operation, the schema says so.
        if let Some(operation) = operation(&document, request.operation_name.as_deref()) {
            writes = is_mutation(operation);
            if writes && !may_write {
                return None;
            }
            if let Err(error) = complete_variables(&mut request, operation) {
                return Some(Response::from_errors(vec![error]));
            }
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

    /// What kind of operation a request asks for; none where it is no request.
    pub(crate) fn operation_type(&self, request: &Request) -> Option<OperationType> {
        let document = self.documents.get(&request.query).ok()?;
        operation(&document, request.operation_name.as_deref()).map(|operation| operation.ty)
    }

    /// The responses to a request of any kind: one for each event of a subscription, and one to
    /// everything else. Dropped, it takes what it reads with it; what it writes is finished.
    pub(crate) fn responses(
        &self,
        request: Request,
        is_subscription: bool,
    ) -> BoxStream<'static, Response> {
        if is_subscription {
            return self.subscribe(request).boxed();
        }
        let app = self.clone();
        let response = async move { app.execute(request, true).await };
        stream::once(response).filter_map(ready).boxed()
    }

    /// A panic is an error of this one request.
    async fn run(&self, db: DatabaseConnection, request: Request) -> Response {
        let response = with_shop(db, |shop| self.schema.execute(request.data(shop)));
        let response = AssertUnwindSafe(response).catch_unwind().await;
        response.unwrap_or_else(|panic| refused(Error::panicked(&*panic)))
    }

    /// A mutation runs in a task of its own, which goes on where the caller goes away: a dropped
    /// transaction would be left to the connection's next user.
    async fn write(&self, request: Request) -> Response {
        let app = self.clone();
        let db = self.database.write.clone();
        let task = (self.writes).spawn(async move {
            let response = app.run(db, request).await;
            app.live.written();
            response
        });
        task.await
            .unwrap_or_else(|cause| refused(Error::internal(cause)))
    }

    /// Begins a subscription: a response for each event, in their order. A request that is refused
    /// is one response, whose errors have no path. Nothing happens before the first is asked for,
    /// and to drop the stream is to unsubscribe.
    pub fn subscribe(&self, mut request: Request) -> impl Stream<Item = Response> + use<> {
        let document = match self.to_subscribe(&mut request) {
            Ok(document) => document,
            Err(error) => {
                let refusal = Response::from_errors(vec![error]);
                return stream::once(async { refusal }).boxed();
            }
        };
        request.set_parsed_query(document);
        let begun = Arc::new(AtomicBool::new(false));
        let request = request.data(live::Subscription {
            live: self.live.clone(),
            begun: Arc::clone(&begun),
        });
        let responses = AssertUnwindSafe(self.schema.execute_stream(request)).catch_unwind();
        let responses = responses.map(move |response| {
            let mut response = response.unwrap_or_else(|panic| refused(Error::panicked(&*panic)));
            for error in &mut response.errors {
                classify(error);
                if !begun.load(Ordering::Relaxed) {
                    error.path.clear();
                }
            }
            response
        });
        responses.boxed()
    }

    /// The document of a request that subscribes.
    fn to_subscribe(&self, request: &mut Request) -> Result<ExecutableDocument, ServerError> {
        let document = self.documents.get(&request.query)?;
        let name = request.operation_name.clone();
        if let Some(operation) = operation(&document, name.as_deref()) {
            complete_variables(request, operation)?;
            if operation.ty != OperationType::Subscription {
                let message = format!("Expected a subscription, found a {}.", operation.ty);
                return Err(Error::bad_user_input(message).into_server_error());
            }
        }
        let mut document = ExecutableDocument::clone(&document);
        live::unfold(&mut document, name.as_deref())?;
        Ok(document)
    }
}

fn refused(error: Error) -> Response {
    Response::from_errors(vec![error.into_server_error()])
}
