//! One connection, from the handshake to the last byte.

use std::convert::Infallible;
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

use super::watched::{Activity, IdleRule, Timeouts, Watched};
use super::{Handler, Shared};
use crate::refusal::Refusal;
use crate::tls::{ALPN_HTTP2, Client, Identity};

/// The most that the head of a request may take, in bytes. kube-apiserver sends a few hundred.
const HEAD_MAX: u32 = 64 << 10;

/// How often a silent HTTP/2 client is asked whether it is still there, and how long it may take to answer. client-go does the
/// same after 30 s and gives 15 s.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(15);

/// Serves one connection until the client leaves, a limit ends it, or `watcher` asks to finish.
pub(super) async fn serve<H: Handler>(
    shared: Arc<Shared<H>>,
    stream: TcpStream,
    peer: SocketAddr,
    watcher: Watcher,
) {
    // Answers are written whole: waiting for more only delays them. A failure costs no more than that.
    let _ = stream.set_nodelay(true);
    let served = match shared.identity.clone() {
        None => http1(shared, stream, Client::Admitted, watcher).await,
        Some(identity) => match handshake(&identity, stream, shared.limits.handshake_timeout).await
        {
            Err(error) => return tell_handshake(peer, &error),
            Ok(stream) => {
                let client = identity.client(stream.get_ref().1.peer_certificates());
                if let Client::Refused { names } = &client {
                    tracing::warn!(%peer, ?names, "refused a client certificate");
                }
                if stream.get_ref().1.alpn_protocol() == Some(ALPN_HTTP2) {
                    http2(shared, stream, client, watcher).await
                } else {
                    http1(shared, stream, client, watcher).await
                }
            }
        },
    };
    if let Err(error) = served {
        tracing::debug!(%peer, error = &error as &dyn std::error::Error, "a connection broke");
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

/// Port scanners and TCP probes leave without a word; everything else may be an API server that is set up wrongly.
fn tell_handshake(peer: SocketAddr, error: &io::Error) {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => {
            tracing::debug!(%peer, %error, "a client left during the TLS handshake");
        }
        _ => tracing::info!(%peer, %error, "a TLS handshake failed"),
    }
}

async fn http1<H: Handler>(
    shared: Arc<Shared<H>>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    client: Client,
    watcher: Watcher,
) -> hyper::Result<()> {
    let activity = Arc::new(Activity::default());
    let stream = watched(stream, &activity, IdleRule::UntilFirstByte, &shared);
    let service = service_fn(|request| answer(Arc::clone(&shared), &client, &activity, request));
    let connection = http1::Builder::new()
        // hyper's own timeout runs while a connection is idle, too, where another one is right: `Watched` knows both.
        .header_read_timeout(None)
        .max_buf_size(HEAD_MAX as usize)
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
    let stream = watched(stream, &activity, IdleRule::UntilRequest, &shared);
    let streams_max = shared.limits.streams_max;
    let service =
        service_fn(move |request| answer(Arc::clone(&shared), &client, &activity, request));
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .max_concurrent_streams(streams_max)
        .max_header_list_size(HEAD_MAX)
        .serve_connection(stream, service);
    watcher.watch(connection).await
}

fn watched<H, S>(
    stream: S,
    activity: &Arc<Activity>,
    idle: IdleRule,
    shared: &Shared<H>,
) -> TokioIo<Watched<S>> {
    let limits = &shared.limits;
    let timeouts = Timeouts {
        head: limits.head_timeout,
        idle: limits.idle_timeout,
        write: limits.write_timeout,
    };
    TokioIo::new(Watched::new(stream, Arc::clone(activity), idle, timeouts))
}

/// One request. The client counts as active until the answer is there.
fn answer<H: Handler>(
    shared: Arc<Shared<H>>,
    client: &Client,
    activity: &Arc<Activity>,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<Full<Bytes>>, Infallible>> + Send + use<H> {
    let active = Activity::begin(activity);
    let admitted = matches!(client, Client::Admitted);
    async move {
        let _active = active;
        Ok(if admitted {
            shared.handler.handle(request).await
        } else {
            Refusal::Client.response()
        })
    }
}
