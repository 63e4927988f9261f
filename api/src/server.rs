//! The accept loop: connections, how long they may be silent, and how they end.
//!
//! Its own, and not `axum::serve`: that waits for ever for the head of a request and for a client that
//! reads no answer, and when it is told to stop it resets the connections that the kernel has accepted
//! and it has not, and those on which a request has just come in.

mod stream;
mod unread;

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{HeaderValue, Request, Version, header::CONNECTION},
};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::{
    net::{TcpListener, TcpStream},
    pin, select,
    time::{interval, sleep},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;
use tracing::debug;

use crate::{
    App, Connections, clients::Clients, server::stream::Stream, server::unread::Answers,
    settings::Settings,
};

/// How long a new connection may take to its first request.
const FIRST_REQUEST: Duration = Duration::from_secs(10);
/// How long it may be silent after a request. Load balancers keep theirs for a minute.
const SILENCE: Duration = Duration::from_secs(75);
/// Requests that run at a time on a connection: what RFC 9113, section 6.5.2, wants at least.
const STREAMS: u32 = 100;
/// How long open connections may bring in a last request after the server is told to stop: who has
/// sent one has not been told yet.
const LAST_REQUESTS: Duration = Duration::from_millis(300);
/// What a client is told for which there is no connection.
const TOO_MANY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n\
    Connection: close\r\nContent-Length: 0\r\n\r\n";
/// How long to wait before the next connection where the system has no room for one.
const NO_ROOM: Duration = Duration::from_millis(100);

/// Serves what comes in until `stop` is ready, and then what has come in until it is answered.
///
/// # Errors
/// Where the listener cannot be used.
pub async fn serve(
    listener: TcpListener,
    app: App,
    connections: Connections,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let settings = Arc::clone(app.settings());
    let clients = Clients::new(settings.max_clients, settings.max_clients_per_address);
    let router = crate::app_with(app, connections.clone());
    let accepted = Accepted {
        settings,
        clients,
        router,
        stopping: connections.stopping().clone(),
        closing: CancellationToken::new(),
        unread: connections.limits().unread,
        open: TaskTracker::new(),
    };
    pin!(stop);
    loop {
        select! {
            biased;
            () = &mut stop => break,
            next = listener.accept() => match next {
                Ok((stream, address)) => accepted.open(stream, address),
                // The caller has gone already, or there are too many: neither is the end.
                Err(error) => {
                    debug!(%error, "no connection");
                    sleep(NO_ROOM).await;
                }
            },
        }
    }
    connections.stop();
    // Those that the kernel has accepted are ours; then it accepts no more.
    let listener = listener.into_std()?;
    while let Ok((stream, address)) = listener.accept() {
        stream.set_nonblocking(true)?;
        accepted.open(TcpStream::from_std(stream)?, address);
    }
    drop(listener);
    accepted.open.close();
    select! {
        () = accepted.open.wait() => {}
        () = sleep(LAST_REQUESTS) => accepted.closing.cancel(),
    }
    accepted.open.wait().await;
    connections.stopped().await;
    Ok(())
}

struct Accepted {
    settings: Arc<Settings>,
    clients: Clients,
    router: Router,
    /// Each answer is the last of its connection.
    stopping: CancellationToken,
    /// A connection without a request is closed.
    closing: CancellationToken,
    /// How long a client may leave unread what it was sent.
    unread: Duration,
    open: TaskTracker,
}

impl Accepted {
    fn open(&self, stream: TcpStream, address: SocketAddr) {
        let Some(client) = self
            .clients
            .enter(address.ip(), &self.settings.trusted_proxies)
        else {
            debug!(%address, "too many connections");
            // As much as fits; who does not hear it sees the connection closed.
            let _ = stream.try_write(TOO_MANY);
            return;
        };
        // Answers are small and written at once: waiting to fill a packet only delays them.
        let _ = stream.set_nodelay(true);
        // Of what the system has taken, it alone knows that nobody reads it.
        let unread = self.unread;
        #[cfg(target_os = "linux")]
        let _ = socket2::SockRef::from(&stream).set_tcp_user_timeout(Some(unread));
        let stream = Stream::new(stream, unread, client);
        let router = self.router.clone();
        // Tokens of its own: each request locks them, and would wait for those of all connections.
        let stopping = self.stopping.child_token();
        let closing = self.closing.child_token();
        let connection = connection(stream, address, router, stopping, closing, unread);
        self.open.spawn(connection);
    }
}

async fn connection(
    stream: Stream,
    address: SocketAddr,
    router: Router,
    stopping: CancellationToken,
    closing: CancellationToken,
    unread: Duration,
) {
    let answers = Answers::default();
    let asked = Arc::new(AtomicBool::new(false));
    let service = {
        let (asked, answers) = (Arc::clone(&asked), answers.clone());
        service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(address));
            asked.store(true, Ordering::Relaxed);
            let (router, stopping, answers) = (router.clone(), stopping.clone(), answers.clone());
            async move {
                let version = request.version();
                let Ok(mut response) = router.oneshot(request.map(Body::new)).await;
                if version > Version::HTTP_11 {
                    response = answers.watch(response);
                } else if stopping.is_cancelled() {
                    let close = HeaderValue::from_static("close");
                    response.headers_mut().insert(CONNECTION, close);
                }
                Ok::<_, Infallible>(response)
            }
        })
    };
    let mut builder = Builder::new(TokioExecutor::new());
    (builder.http1())
        .timer(TokioTimer::new())
        .header_read_timeout(SILENCE);
    (builder.http2())
        .timer(TokioTimer::new())
        .keep_alive_interval(SILENCE)
        .max_concurrent_streams(STREAMS)
        // Sockets over HTTP/2 open with CONNECT.
        .enable_connect_protocol();
    let served = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    pin!(served);
    let mut first = true;
    let mut told = false;
    let mut look = interval(unread / 4);
    let first_request = sleep(FIRST_REQUEST);
    pin!(first_request);
    loop {
        select! {
            ended = &mut served => {
                if let Err(error) = ended {
                    debug!(%error, "a connection ended early");
                }
                return;
            }
            () = &mut first_request, if first => {
                if !asked.load(Ordering::Relaxed) {
                    return;
                }
                first = false;
            }
            _ = look.tick() => {
                if answers.unread_for(unread) {
                    debug!(%address, "answers are not read");
                    return;
                }
            }
            () = closing.cancelled(), if !told => {
                told = true;
                served.as_mut().graceful_shutdown();
            }
        }
    }
}
