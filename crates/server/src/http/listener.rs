//! A listener: it accepts connections, serves them and drains them during shutdown.

use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::task::{JoinError, JoinSet};

use super::connection;
use super::handler::{Handler, Limits, Shared};
use crate::tls::Identity;

/// Pause after a failure to accept a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A bound socket with its TLS identity and limits.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    identity: Option<Arc<Identity>>,
    limits: Limits,
}

impl Listener {
    /// Creates a listener: TLS with HTTP/2 and HTTP/1.1 if there is an identity, plain HTTP/1.1
    /// otherwise.
    #[must_use]
    pub fn new(socket: TcpListener, identity: Option<Arc<Identity>>, limits: Limits) -> Self {
        Self {
            socket,
            identity,
            limits,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        // A bound socket always has an address.
        self.socket
            .local_addr()
            .unwrap_or(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)))
    }

    pub(crate) fn identity(&self) -> Option<Arc<Identity>> {
        self.identity.clone()
    }
}

/// The result of a shutdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// All open requests completed.
    Completely,
    /// The drain timeout passed first.
    Aborted {
        /// The number of connections that were closed with open requests.
        connections: usize,
    },
}

/// Serves connections until `shutdown` resolves, then drains: it accepts no more connections,
/// closes idle ones and completes open requests.
///
/// Dropping the future closes all connections.
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
    let (max_connections, drain_timeout) = (limits.max_connections.get(), limits.drain_timeout);
    let shared = Arc::new(Shared {
        handler,
        identity,
        limits,
    });
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        // `accept` and `join_next` are cancel safe.
        tokio::select! {
            () = &mut shutdown => break,
            Some(ended) = connections.join_next() => log_panic(ended),
            accepted = socket.accept(), if connections.len() < max_connections => match accepted {
                Ok((stream, client)) => {
                    let shared = Arc::clone(&shared);
                    connections.spawn(connection::serve(shared, stream, client, graceful.watcher()));
                }
                Err(error) => {
                    // Most likely there are no file descriptors left: retrying at once would fail.
                    tracing::warn!(%error, "failed to accept connection");
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
        log_panic(ended);
    }
    let open = connections.len();
    connections.shutdown().await;
    Drained::Aborted { connections: open }
}

fn log_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "connection task failed");
    }
}
