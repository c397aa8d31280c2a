//! The server: bound first, then run until it is told to stop and everything begun is answered.

use std::future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use host::Host;
use observe::Observer;
use tokio::net::TcpListener;

use crate::admin::{Admin, Status};
use crate::http::{self, Drained, Listener};
use crate::options::{Clients, Options, Tls};
use crate::tls::{Identity, TlsError};
use crate::webhook::{Bodies, Webhook};

/// Bound sockets with a host behind them.
#[derive(Debug)]
pub struct Server {
    listener: Listener,
    webhook: Webhook,
    admin: Listener,
    status: Status,
    host: Arc<ArcSwap<Host>>,
    observer: Arc<Observer>,
}

/// Changes a server while it runs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    host: Arc<ArcSwap<Host>>,
    status: Status,
    observer: Arc<Observer>,
}

impl Server {
    /// Reads the TLS files, then opens the sockets. Connections wait there until [`Server::run`]. `observer`, made for the same
    /// host, is told of every decision.
    ///
    /// # Errors
    /// When a file or an address cannot be used, or plaintext is asked for where others can listen in.
    pub async fn bind(
        options: Options,
        host: Arc<Host>,
        observer: Arc<Observer>,
    ) -> Result<Self, BindError> {
        let identity = match &options.tls {
            Tls::Files {
                certificate,
                key,
                clients,
            } => {
                if matches!(clients, Clients::Anyone) {
                    tracing::warn!(
                        "everybody who reaches the port may ask: no CA for client certificates is set"
                    );
                }
                Some(Identity::load(certificate, key, clients)?)
            }
            Tls::Plaintext if options.listen.ip().is_loopback() => {
                tracing::warn!("reviews are taken without encryption");
                None
            }
            Tls::Plaintext => {
                return Err(BindError::PlaintextBeyondLoopback {
                    address: options.listen,
                });
            }
        };
        let limits = options.connections;
        let listener = Listener::new(listen(options.listen).await?, identity, limits.clone());
        let admin = Listener::new(listen(options.admin).await?, None, limits);
        let host = Arc::new(ArcSwap::new(host));
        let webhook = Webhook {
            host: Arc::clone(&host),
            observer: Arc::clone(&observer),
            bodies: Bodies::new(options.body_max, options.bodies_max),
        };
        Ok(Self {
            listener,
            webhook,
            admin,
            status: Status::default(),
            host,
            observer,
        })
    }

    /// Where reviews are taken; tells the port when that was left to the operating system.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Where `/livez` and `/readyz` are answered.
    #[must_use]
    pub fn admin_addr(&self) -> SocketAddr {
        self.admin.address()
    }

    /// What can be changed while the server runs.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle {
            host: Arc::clone(&self.host),
            status: self.status.clone(),
            observer: Arc::clone(&self.observer),
        }
    }

    /// Serves until `shutdown` resolves. Then it is no longer ready, takes no more connections, asks clients to leave
    /// (`Connection: close`, GOAWAY) and answers what has begun, for at most the drain timeout.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Drained {
        let Self {
            listener,
            webhook,
            admin,
            status,
            host,
            observer,
        } = self;
        tracing::info!(address = %listener.address(), admin = %admin.address(), "serving");
        let identity = listener.identity();
        let (told_status, told_observer) = (status.clone(), Arc::clone(&observer));
        let tell = |problem: Option<String>| {
            told_observer
                .metrics()
                .set_certificate_stale(problem.is_some());
            told_status.set_certificate_problem(problem);
        };
        let reviews = http::serve(listener, webhook, async {
            status.set_ready(true);
            shutdown.await;
            status.set_ready(false);
            tracing::info!("stopping");
        });
        let probes = http::serve(
            admin,
            Admin {
                status: status.clone(),
                host,
                observer,
                identity: identity.clone(),
            },
            future::pending(),
        );
        let renewal = async {
            match identity {
                Some(identity) => identity.keep_fresh(tell).await,
                None => future::pending().await,
            }
        };
        // Cancelling probes and renewal is safe: neither has anything to finish.
        let drained = tokio::select! {
            drained = reviews => drained,
            drained = probes => drained,
            never = renewal => match never {},
        };
        tracing::info!(?drained, "stopped");
        drained
    }
}

impl Handle {
    /// Puts another host in place. Reviews that are being answered stay with the one they began with.
    pub fn replace(&self, host: Arc<Host>) {
        let told = Arc::clone(&host);
        // In place first, told afterwards: who reads of the new policies can rely on them.
        self.host.store(host);
        self.observer.record_reload(&told);
        self.status.changed();
    }

    /// Shows on `/status` why a change did not load. The host that answers stays in place.
    pub fn keep(&self, problem: String) {
        self.observer.record_failed_reload();
        self.status.kept(problem);
    }

    /// Resolves when somebody posts to `/reload`.
    pub async fn reload_requested(&self) {
        self.status.reload_requested().await;
    }
}

/// A server could not be bound.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// A TLS file cannot be used.
    #[error("failed to set up TLS")]
    Tls(#[from] TlsError),
    /// The reviews carry tokens and Secrets.
    #[error("plaintext is only served on a loopback address such as 127.0.0.1, not on {address}")]
    PlaintextBeyondLoopback {
        /// Where it was to listen.
        address: SocketAddr,
    },
    /// The address is in use, not ours, or needs privileges.
    #[error("failed to listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
}

async fn listen(address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| BindError::Listen { address, source })
}
