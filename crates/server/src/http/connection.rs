//! A connection, from the TLS handshake to its end.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::Watcher;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::handler::{Handler, Shared};
use super::timeout_stream::{Activity, IdleEnd, TimeoutStream, Timeouts};
use crate::error_response::ErrorResponse;
use crate::tls::{ALPN_HTTP2, Client, Identity};

/// Maximum size of the head of a request, in bytes. kube-apiserver sends a few hundred.
const MAX_HEAD: u32 = 64 << 10;

/// Time after which an idle HTTP/2 client is pinged, as in client-go.
const PING_INTERVAL: Duration = Duration::from_secs(30);

/// Time for the response to a ping, as in client-go.
const PING_TIMEOUT: Duration = Duration::from_secs(15);

/// Serves a connection until the client disconnects, a limit ends it or `watcher` shuts it down.
pub(super) async fn serve<H: Handler>(
    shared: Arc<Shared<H>>,
    stream: TcpStream,
    client: SocketAddr,
    watcher: Watcher,
) {
    // Responses are written as a whole, so Nagle's algorithm only delays them. A failure has no
    // other effect.
    let _ = stream.set_nodelay(true);
    let served = match shared.identity.clone() {
        None => http1(shared, stream, Client::Allowed, watcher).await,
        Some(identity) => {
            let timeout = shared.limits.handshake_timeout;
            match handshake(&identity, stream, timeout).await {
                Ok(stream) => https(shared, &identity, stream, client, watcher).await,
                Err(error) => return log_handshake_error(client, &error),
            }
        }
    };
    if let Err(error) = served {
        let error = &error as &dyn Error;
        tracing::debug!(%client, error, "connection error");
    }
}

async fn handshake(
    identity: &Identity,
    stream: TcpStream,
    timeout: Duration,
) -> io::Result<TlsStream<TcpStream>> {
    let accept = TlsAcceptor::from(identity.config()).accept(stream);
    tokio::time::timeout(timeout, accept)
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

/// Logs a failed handshake. Port scanners and TCP probes just disconnect; every other failure may
/// be an API server with a wrong configuration.
fn log_handshake_error(client: SocketAddr, error: &io::Error) {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => {
            tracing::debug!(%client, %error, "client disconnected during the TLS handshake");
        }
        _ => tracing::info!(%client, %error, "TLS handshake failed"),
    }
}

async fn https<H: Handler>(
    shared: Arc<Shared<H>>,
    identity: &Identity,
    stream: TlsStream<TcpStream>,
    address: SocketAddr,
    watcher: Watcher,
) -> hyper::Result<()> {
    let session = stream.get_ref().1;
    let client = identity.client(session.peer_certificates());
    if let Client::Rejected { names } = &client {
        tracing::warn!(client = %address, ?names, "rejected client certificate");
    }
    if session.alpn_protocol() == Some(ALPN_HTTP2) {
        http2(shared, stream, client, watcher).await
    } else {
        http1(shared, stream, client, watcher).await
    }
}

async fn http1<H: Handler>(
    shared: Arc<Shared<H>>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    client: Client,
    watcher: Watcher,
) -> hyper::Result<()> {
    let activity = Arc::new(Activity::default());
    let stream = with_timeouts(stream, &activity, IdleEnd::FirstByte, &shared);
    let service = service_fn(|request| handle(Arc::clone(&shared), &client, &activity, request));
    let connection = http1::Builder::new()
        // hyper's timeout also applies to idle connections, which need a longer one.
        // `TimeoutStream` has both.
        .header_read_timeout(None)
        .max_buf_size(MAX_HEAD as usize)
        .serve_connection(stream, service);
    watcher.watch(connection).await
}

async fn http2<H: Handler>(
    shared: Arc<Shared<H>>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    client: Client,
    watcher: Watcher,
) -> hyper::Result<()> {
    let activity = Arc::new(Activity::default());
    let stream = with_timeouts(stream, &activity, IdleEnd::Request, &shared);
    let max_streams = shared.limits.max_streams;
    let service =
        service_fn(move |request| handle(Arc::clone(&shared), &client, &activity, request));
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .max_concurrent_streams(max_streams)
        .max_header_list_size(MAX_HEAD)
        .serve_connection(stream, service);
    watcher.watch(connection).await
}

fn with_timeouts<H, S>(
    stream: S,
    activity: &Arc<Activity>,
    idle_end: IdleEnd,
    shared: &Shared<H>,
) -> TokioIo<TimeoutStream<S>> {
    let limits = &shared.limits;
    let timeouts = Timeouts {
        head: limits.head_timeout,
        idle: limits.idle_timeout,
        write: limits.write_timeout,
    };
    TokioIo::new(TimeoutStream::new(
        stream,
        Arc::clone(activity),
        idle_end,
        timeouts,
    ))
}

/// Handles a request. The connection counts as active until the response is ready.
fn handle<H: Handler>(
    shared: Arc<Shared<H>>,
    client: &Client,
    activity: &Arc<Activity>,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<Full<Bytes>>, Infallible>> + Send + use<H> {
    let guard = Activity::start_request(activity);
    let is_allowed = matches!(client, Client::Allowed);
    async move {
        let _guard = guard;
        Ok(if is_allowed {
            shared.handler.handle(request).await
        } else {
            ErrorResponse::ClientName.response()
        })
    }
}
