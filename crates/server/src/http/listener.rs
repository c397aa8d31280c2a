//! The layer below the webhooks: sockets, TLS and HTTP, with a limit on everything a client can hold on to.
//!
//! It serves any [`Handler`], so a benchmark can put a handler that does nothing behind the very same layer:
//!
//! ```no_run
//! use http_body_util::Full;
//! use hyper::body::{Bytes, Incoming};
//! use hyper::{Request, Response};
//! use server::http::{self, Handler, Limits, Listener};
//!
//! struct Nothing;
//!
//! impl Handler for Nothing {
//!     async fn handle(&self, _request: Request<Incoming>) -> Response<Full<Bytes>> {
//!         Response::new(Full::default())
//!     }
//! }
//!
//! # async fn example() -> std::io::Result<()> {
//! let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! http::serve(Listener::new(socket, None, Limits::default()), Nothing, std::future::pending()).await;
//! # Ok(())
//! # }
//! ```

mod connection;
mod watched;

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::task::{JoinError, JoinSet};

use crate::tls::Identity;

/// Answers requests.
pub trait Handler: Send + Sync + 'static {
    /// Answers a request. The future is dropped when the client leaves.
    fn handle(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<Full<Bytes>>> + Send;
}

/// What clients can hold on to. [`Limits::default`] is the table of defaults.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections at the same time; further ones wait in the operating system's queue. Default: 1024; an API server keeps
    /// up to 25 idle ones (client-go, `MaxIdleConnsPerHost`).
    pub connections_max: NonZeroUsize,
    /// Requests at the same time in one HTTP/2 connection. Default: 512; an API server asks all its authn and authz
    /// questions over one connection.
    pub streams_max: u32,
    /// How long a TLS handshake may take. Default: 10 s, Go's own limit on the other side (`TLSHandshakeTimeout`).
    pub handshake_timeout: Duration,
    /// How long the head of an HTTP/1.1 request may take from its first byte to its last. Default: 10 s.
    pub head_timeout: Duration,
    /// How long a connection may be without a request. Default: 120 s; must be more than the 90 s after which client-go
    /// closes it, otherwise both may act at once and a request is lost.
    pub idle_timeout: Duration,
    /// How long a client may take nothing of what it is being sent. Default: 30 s, the longest that an API server waits.
    pub write_timeout: Duration,
    /// How long open requests are waited for at the end. Default: 25 s, less than the 30 s after which Kubernetes kills a pod.
    pub drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: NonZeroUsize::new(1024).unwrap_or(NonZeroUsize::MIN),
            streams_max: 512,
            handshake_timeout: Duration::from_secs(10),
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(120),
            write_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(25),
        }
    }
}

/// A bound socket, and how connections to it are treated.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    identity: Option<Arc<Identity>>,
    limits: Limits,
}

impl Listener {
    /// TLS with HTTP/2 and HTTP/1.1 when there is an identity, otherwise plain HTTP/1.1.
    #[must_use]
    pub fn new(socket: TcpListener, identity: Option<Arc<Identity>>, limits: Limits) -> Self {
        Self {
            socket,
            identity,
            limits,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        // A bound socket has an address; the operating system has no reason not to tell it.
        self.socket
            .local_addr()
            .unwrap_or(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)))
    }

    pub(crate) fn identity(&self) -> Option<Arc<Identity>> {
        self.identity.clone()
    }
}

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// Everything that had begun was answered.
    Completely,
    /// The drain timeout passed first.
    Aborted {
        /// The connections that were cut.
        connections: usize,
    },
}

/// What all connections of a listener share.
struct Shared<H> {
    handler: H,
    identity: Option<Arc<Identity>>,
    limits: Limits,
}

/// Serves connections until `shutdown` resolves, then drains: takes no more, closes idle ones, lets begun requests finish.
///
/// Dropping the future cuts all connections.
pub async fn serve<H: Handler>(
    listener: Listener,
    handler: H,
    shutdown: impl Future<Output = ()>,
) -> Drained {
    let Listener {
        socket,
        identity,
        limits,
    } = listener;
    let (connections_max, drain_timeout) = (limits.connections_max.get(), limits.drain_timeout);
    let shared = Arc::new(Shared {
        handler,
        identity,
        limits,
    });
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        // `accept` and `join_next` may be cancelled: neither loses anything.
        tokio::select! {
            () = &mut shutdown => break,
            Some(ended) = connections.join_next() => tell_panic(ended),
            accepted = socket.accept(), if connections.len() < connections_max => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(connection::serve(Arc::clone(&shared), stream, peer, graceful.watcher()));
                }
                Err(error) => {
                    // Most likely out of file descriptors: trying again at once would only burn a processor.
                    tracing::warn!(%error, "failed to accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(socket);
    if tokio::time::timeout(drain_timeout, graceful.shutdown())
        .await
        .is_ok()
    {
        return Drained::Completely;
    }
    while let Some(ended) = connections.try_join_next() {
        tell_panic(ended);
    }
    let open = connections.len();
    connections.shutdown().await;
    Drained::Aborted { connections: open }
}

fn tell_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection ended abnormally");
    }
}

/// How long no connection is accepted after the operating system refused one.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
