//! The server: it is bound, serves until its shutdown is requested, and drains.

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
use crate::options::Options;
use crate::tls::{Clients, Identity, Tls, TlsError};
use crate::webhook::{Bodies, Webhook};

/// A bound server.
///
/// ```no_run
/// use std::sync::Arc;
///
/// use observe::Observer;
/// use server::{Options, Server, Tls};
///
/// async fn serve(host: host::Host) -> Result<(), server::BindError> {
///     let observer = Arc::new(Observer::new(&host, None));
///     let options = Options::new(Tls::Plaintext);
///     let server = Server::bind(options, Arc::new(host), observer).await?;
///     let interrupt = async {
///         let _ = tokio::signal::ctrl_c().await;
///     };
///     server.run(interrupt).await;
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct Server {
    listener: Listener,
    webhook: Webhook,
    admin: Listener,
    status: Status,
    host: Arc<ArcSwap<Host>>,
    observer: Arc<Observer>,
}

/// A handle to a running server. Clones refer to the same server.
#[derive(Debug, Clone)]
pub struct Handle {
    host: Arc<ArcSwap<Host>>,
    status: Status,
    observer: Arc<Observer>,
}

impl Server {
    /// Loads the TLS files and binds the sockets. Connections wait until [`Server::run`]. The
    /// observer must have been created for the same host.
    ///
    /// # Errors
    /// Returns an error if a file or an address cannot be used, or for plaintext on an address that
    /// is not a loopback address.
    pub async fn bind(
        options: Options,
        host: Arc<Host>,
        observer: Arc<Observer>,
    ) -> Result<Self, BindError> {
        let identity = identity(&options)?;
        let limits = options.connections;
        let listener = Listener::new(listen(options.listen).await?, identity, limits.clone());
        let admin = Listener::new(listen(options.admin).await?, None, limits);
        let host = Arc::new(ArcSwap::new(host));
        let webhook = Webhook {
            host: Arc::clone(&host),
            observer: Arc::clone(&observer),
            bodies: Bodies::new(options.max_body_bytes, options.max_total_body_bytes),
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

    /// Returns the address for reviews, with the port that the operating system assigned.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Returns the address of the admin port.
    #[must_use]
    pub fn admin_addr(&self) -> SocketAddr {
        self.admin.address()
    }

    /// Returns a handle, which stays valid while the server runs.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle {
            host: Arc::clone(&self.host),
            status: self.status.clone(),
            observer: Arc::clone(&self.observer),
        }
    }

    /// Serves until `shutdown` resolves, then drains: the server is not ready, accepts no
    /// connections, closes idle ones (`Connection: close`, GOAWAY) and completes open requests, for
    /// at most the drain timeout.
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
        let admin_handler = Admin {
            status: status.clone(),
            host,
            observer: Arc::clone(&observer),
            identity: identity.clone(),
        };
        let reviews = http::serve(listener, webhook, async {
            status.set_ready(true);
            shutdown.await;
            status.set_ready(false);
            tracing::info!("stopping");
        });
        let admin = http::serve(admin, admin_handler, future::pending());
        let reload_certificate = async {
            let Some(identity) = identity else {
                return future::pending().await;
            };
            let report = |error: Option<String>| {
                let is_failed = error.is_some();
                observer.metrics().set_certificate_reload_failed(is_failed);
                status.set_certificate_error(error);
            };
            identity.keep_fresh(report).await
        };
        // The admin port and the reload have nothing to complete, so they are cancelled.
        let drained = tokio::select! {
            drained = reviews => drained,
            drained = admin => drained,
            never = reload_certificate => match never {},
        };
        tracing::info!(?drained, "stopped");
        drained
    }
}

impl Handle {
    /// Replaces the host after a reload. Reviews that are being evaluated keep their host.
    pub fn replace(&self, host: &Arc<Host>) {
        // Stored before it is recorded: a client that reads the new generation gets its policies.
        self.host.store(Arc::clone(host));
        self.observer.record_reload(host);
        self.status.set_reload_error(None);
    }

    /// Records that a reload failed, and shows the error on `/status`. The current host stays.
    pub fn record_failed_reload(&self, error: String) {
        self.observer.record_failed_reload();
        self.status.set_reload_error(Some(error));
    }

    /// Resolves when a client posts to `/reload`.
    pub async fn reload_requested(&self) {
        self.status.reload_requested().await;
    }
}

/// An error of [`Server::bind`].
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// A TLS file cannot be used.
    #[error("failed to set up TLS")]
    Tls(#[from] TlsError),
    /// Reviews contain tokens and Secrets.
    #[error("plaintext is only served on a loopback address such as 127.0.0.1, not on {address}")]
    PlaintextBeyondLoopback {
        /// The configured address.
        address: SocketAddr,
    },
    /// The address is in use, not local, or requires privileges.
    #[error("failed to listen on {address}")]
    Listen {
        /// The configured address.
        address: SocketAddr,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
}

/// Loads the identity of the server; none for plaintext.
fn identity(options: &Options) -> Result<Option<Arc<Identity>>, BindError> {
    match &options.tls {
        Tls::Files {
            certificate,
            key,
            clients,
        } => {
            if matches!(clients, Clients::Anyone) {
                tracing::warn!(
                    "client authentication is disabled: anyone who can reach this port can send reviews"
                );
            }
            Ok(Some(Identity::load(certificate, key, clients)?))
        }
        Tls::Plaintext if options.listen.ip().is_loopback() => {
            tracing::warn!("serving reviews without TLS");
            Ok(None)
        }
        Tls::Plaintext => Err(BindError::PlaintextBeyondLoopback {
            address: options.listen,
        }),
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| BindError::Listen { address, source })
}
