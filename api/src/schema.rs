//! The schema put together from the features, and how one request is executed against it:
//! [`async_graphql::Request`] in, [`async_graphql::Response`] out. Knows no transport.

mod subscribe;

use std::{
    any::TypeId,
    future::ready,
    ops::Deref,
    panic::AssertUnwindSafe,
    slice,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_graphql::{
    MergedObject, MergedSubscription, Request, Response, SDLExportOptions, ServerError,
    ValidationMode, Value,
    futures_util::{
        FutureExt, StreamExt,
        stream::{self, BoxStream},
    },
    parser::types::OperationType,
};
use tokio::{sync::Semaphore, time::timeout};
use tokio_util::task::TaskTracker;

use crate::{
    Result,
    admission::{Admission, Room, Turn},
    context::with_shop,
    customer::{CustomerMutation, CustomerQuery, CustomerSubscription, Emails},
    database::{Database, Lease, Pool},
    document::{Documents, Verdict},
    error::{Code, Error, classify, has_code, list_at_most, not_again, retry_after},
    finished::finished,
    health::Health,
    limits::Limits,
    live::Live,
    node::NodeQuery,
    settings::Settings,
    technician::TechnicianQuery,
    ticket::{
        TicketCountQuery, TicketList, TicketMutation, TicketQuery, TicketSubscription, TicketsOf,
    },
    viewer::{Caller, ViewerQuery},
};

/// How many values of variables are read for 1 more, used or not.
const VALUES_READ: u64 = 10;

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

fn schema(limits: Limits, emails: Emails) -> Schema {
    let query = Query(
        NodeQuery,
        ViewerQuery,
        CustomerQuery,
        TicketQuery,
        TicketList(TicketsOf::Everybody),
        TechnicianQuery,
        TicketCountQuery,
    );
    Schema::build(query, Mutation::default(), Subscription::default())
        // Documents are validated before, all rules of them, and once.
        .validation_mode(ValidationMode::Fast)
        // So is how deep they go.
        .limit_recursive_depth(usize::MAX)
        .data(limits)
        .data(emails)
        .finish()
}

/// The schema in GraphQL's own language.
#[must_use]
pub fn sdl() -> String {
    printed(&schema(Limits::default(), Emails { unique: true }))
}

fn printed(schema: &Schema) -> String {
    schema.sdl_with_options(
        SDLExportOptions::new()
            .include_specified_by()
            .prefer_single_line_descriptions()
            .use_space_ident(),
    )
}

/// The server without its transports: the schema, its database, and the documents it has parsed.
/// Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

/// What an [`App`] is made of.
pub struct Inner {
    schema: Schema,
    database: Database,
    documents: Documents,
    settings: Arc<Settings>,
    admission: Arc<Admission>,
    health: Health,
    live: Live,
    writes: TaskTracker,
}

impl Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl App {
    /// With the default [`Settings`].
    #[must_use]
    pub fn new(database: Database) -> Self {
        let app = Self::with(database, Settings::default());
        app.unwrap_or_else(|_| unreachable!("without trusted documents none is wrong"))
    }

    /// # Errors
    /// A line for each of the trusted documents that is not valid.
    pub fn with(database: Database, settings: Settings) -> Result<Self, Vec<String>> {
        let unique = settings.unique_emails;
        let schema = schema(settings.limits, Emails { unique });
        database.limit_writes(settings.request_timeout);
        Ok(Self(Arc::new(Inner {
            documents: Documents::new(printed(&schema), &settings)?,
            schema,
            live: Live::new(&database),
            admission: Arc::new(Admission::new(&database, &settings)),
            database,
            settings: Arc::new(settings),
            health: Health::default(),
            writes: TaskTracker::new(),
        })))
    }

    #[must_use]
    pub fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// Looks before anything is read whether there is room for one more request.
    ///
    /// # Errors
    /// `UNAVAILABLE` where there is none.
    pub(crate) fn room(&self, caller: &Caller) -> Room {
        self.admission.room(caller)
    }

    pub(crate) fn has_room(&self) -> Result<()> {
        self.admission.has_room()
    }

    pub(crate) fn documents(&self) -> &Documents {
        &self.documents
    }

    /// The parts of the server that are not there, as far as it knows.
    pub(crate) async fn missing(&self) -> Vec<&'static str> {
        let mut missing = self.health.missing(&self.database).await;
        if (self.settings.auth.as_ref()).is_some_and(|auth| !auth.has_keys()) {
            missing.push("issuer");
        }
        if self.live.is_missed() {
            missing.push("live");
        }
        missing
    }

    /// The schema in GraphQL's own language.
    pub(crate) fn sdl(&self) -> String {
        printed(&self.schema)
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
    ///
    /// A query that takes too long is dropped, a mutation is not waited for any longer.
    pub async fn execute(&self, mut request: Request, may_write: bool) -> Option<Response> {
        let Prepared { kind, merges, .. } = match self.admit(&mut request) {
            Ok(prepared) => prepared,
            Err(errors) => return Some(Response::from_errors(errors)),
        };
        let writes = match kind {
            OperationType::Mutation if !may_write => return None,
            OperationType::Mutation => true,
            OperationType::Query => false,
            OperationType::Subscription => {
                return Some(refused(Error::bad_user_input(
                    "Expected a query or a mutation, found a subscription, which takes a stream of responses.",
                )));
            }
        };
        // On the heap: what is moved on the way to here, and what waits for it, is small then.
        let response = Box::pin(async {
            let caller = Caller::of(&request);
            let turn = match self.admission.turn(caller, writes).await {
                Ok(turn) => turn,
                Err(error) => return refused(error),
            };
            let mut response = if writes {
                self.write(turn, merges, request).await
            } else {
                self.read(turn, merges, request).await
            };
            response.errors.iter_mut().for_each(classify);
            self.cut(&mut response);
            self.health.note(&response);
            if is_nothing(&response) {
                // As where the request was not executed at all: it was not.
                response.errors.iter_mut().for_each(|it| it.path.clear());
                response = Response::from_errors(response.errors);
            }
            response
        });
        let response = timeout(self.settings.request_timeout, response).await;
        Some(response.unwrap_or_else(|_| refused(self.late(writes))))
    }

    fn late(&self, writes: bool) -> Error {
        let seconds = self.settings.request_timeout.as_secs_f64();
        if writes {
            Error::unavailable(format!(
                "Expected the change to take at most {seconds} s, found that it is still under way: \
                 look what has become of it before you send it again."
            ))
        } else {
            Error::unavailable(format!(
                "Expected an answer within {seconds} s, found none by then: ask for less at a time."
            ))
        }
    }

    /// What kind of operation a request asks for; none where it is no request. Its document goes along
    /// with it: long ones are not kept, and are read but once even so.
    pub(crate) fn operation_type(&self, request: &mut Request) -> Option<OperationType> {
        let verdict = self.documents.get(&request.query);
        request.data.insert(verdict.clone());
        let document = verdict.ok()?;
        let operation = document.operation(request.operation_name.as_deref());
        operation.ok().map(|operation| operation.kind)
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

    /// Takes what something costs from what its caller may spend.
    ///
    /// # Errors
    /// `RATE_LIMITED`.
    pub(crate) fn charge(&self, caller: &Caller, cost: u64) -> crate::Result<()> {
        let cost = u32::try_from(cost).unwrap_or(u32::MAX);
        self.admission.charge(caller, cost)
    }

    /// Prepares a request, and has its caller pay what it costs before anything runs.
    ///
    /// # Errors
    /// As [`App::prepare`]; and `RATE_LIMITED`.
    fn admit(&self, request: &mut Request) -> Result<Prepared, Vec<ServerError>> {
        let prepared = self.prepare(request)?;
        // Requests without a caller come from nobody's network: from a test, or a benchmark.
        if let Some(caller) = Caller::of(request) {
            let paid = self.charge(caller, prepared.cost);
            paid.map_err(|error| vec![error.into_server_error()])?;
        }
        Ok(prepared)
    }

    /// Gives a request its document and its variables as they are to be executed.
    ///
    /// # Errors
    /// The specification's request errors, and `FORBIDDEN` with the path of a field: nothing is to
    /// be executed.
    fn prepare(&self, request: &mut Request) -> Result<Prepared, Vec<ServerError>> {
        let read = request.data.get(&TypeId::of::<Verdict>());
        let document = match read.and_then(|it| it.downcast_ref::<Verdict>()) {
            Some(verdict) => verdict.clone(),
            None => self.documents.get(&request.query),
        };
        let document = document.map_err(|errors| errors.to_vec())?;
        let name = request.operation_name.as_deref();
        let operation = document.operation(name).map_err(|error| vec![error])?;
        let given = std::mem::take(&mut request.variables);
        let coerced = self.documents.coerce(operation, given);
        let (variables, values) = coerced.map_err(|error| vec![error])?;
        request.variables = variables;
        // Without a caller it is the program itself that asks.
        if let Some(caller) = Caller::of(request) {
            operation.permit(caller, &request.variables)?;
        }
        let cost = self.documents.cost(operation, &request.variables);
        let cost = cost.map_err(|error| vec![error])? + values as u64 / VALUES_READ;
        request.set_parsed_query(document.executable.clone());
        Ok(Prepared {
            kind: operation.kind,
            merges: document.merges,
            cost,
        })
    }

    /// Lists no more errors than a response may.
    fn cut(&self, response: &mut Response) {
        let found = response.errors.len();
        list_at_most(&mut response.errors, self.settings.limits.errors, found);
    }

    /// A panic is an error of this one request.
    async fn run(&self, db: Pool, merges: bool, request: Request) -> Response {
        let response = Box::pin(with_shop(db, merges, |shop| {
            self.schema.execute(request.data(shop))
        }));
        let response = AssertUnwindSafe(response).catch_unwind().await;
        response.unwrap_or_else(|panic| refused(Error::panicked(&*panic)))
    }

    /// A pool for one request: a caller's statements leave a connection for others, together with
    /// those of its other requests where callers are told apart.
    fn shared(&self, db: &Pool, turn: &Turn) -> Pool {
        let callers = turn.statements().cloned();
        db.within(callers.unwrap_or_else(|| Arc::new(Semaphore::new(self.database.share()))))
    }

    /// A query is dropped where the caller goes away, and what it has begun is ended.
    async fn read(&self, turn: Turn, merges: bool, request: Request) -> Response {
        let reader = self.database.reader().await;
        let db = match reader.as_ref().and_then(Lease::db) {
            Some(own) => own.clone(),
            None => self.shared(&self.database.read, &turn),
        };
        let response = self.run(db, merges, request).await;
        if let Some(reader) = reader {
            reader.finished();
        }
        response
    }

    /// A mutation goes on where the caller goes away: one that has begun is finished.
    async fn write(&self, turn: Turn, merges: bool, request: Request) -> Response {
        let app = self.clone();
        let written = Arc::new(AtomicBool::new(false));
        let db = self.shared(&self.database.write, &turn);
        let db = db.noting(Arc::clone(&written));
        let write = async move {
            let mut response = app.run(db, merges, request).await;
            if written.load(Ordering::Relaxed) {
                response.errors.iter_mut().for_each(not_again);
            }
            app.live.written();
            drop(turn);
            response
        };
        finished(&self.writes, write).await
    }
}

/// What a request turned out to be.
struct Prepared {
    kind: OperationType,
    /// As [`crate::document::Document`] has it.
    merges: bool,
    /// What it costs its caller: at least 1.
    cost: u64,
}

/// Whether the database was there for no field at all: there is nothing to answer with, and the same
/// request may be sent again.
fn is_nothing(response: &Response) -> bool {
    let none = match &response.data {
        Value::Null => true,
        Value::Object(fields) => fields.values().all(|value| *value == Value::Null),
        _ => false,
    };
    let again = |error: &ServerError| {
        has_code(error, Code::Unavailable) && retry_after(slice::from_ref(error)).is_some()
    };
    none && !response.errors.is_empty() && response.errors.iter().all(again)
}

fn refused(error: Error) -> Response {
    Response::from_errors(vec![error.into_server_error()])
}
