//! TLS: the server certificate and the authentication of clients, from files that are reloaded when
//! they change.

mod clients;
mod files;

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use tokio::time::MissedTickBehavior;

pub(crate) use clients::Client;
pub use clients::Clients;
pub use files::{CaPath, CertificatePath, KeyPath, TlsError, TlsErrorKind};

use files::{Contents, Files};

/// The protocol identifier of HTTP/2 (RFC 7301, RFC 9113).
pub(crate) const ALPN_HTTP2: &[u8] = b"h2";
const ALPN_HTTP1: &[u8] = b"http/1.1";

/// Time between checks for changed files. The files are small, and a certificate that was replaced
/// manually is in use at once.
const RELOAD_PERIOD: Duration = Duration::from_secs(1);

/// The encryption of a server.
#[derive(Debug, Clone)]
pub enum Tls {
    /// TLS 1.2 or 1.3 with a certificate from files, which are reloaded when they change.
    Files {
        /// The server certificate, followed by those of intermediate authorities.
        certificate: CertificatePath,
        /// The private key of the certificate.
        key: KeyPath,
        /// The clients that may send reviews.
        clients: Clients,
    },
    /// No encryption. Allowed on a loopback address only, because reviews contain tokens and
    /// Secrets.
    Plaintext,
}

/// The TLS identity of a server: its certificate, and the certificates that it accepts from
/// clients.
pub struct Identity {
    files: Files,
    allowed_names: Option<Vec<String>>,
    current: ArcSwap<Current>,
}

/// The configuration in use. It is replaced as a whole: a certificate resolver could replace the
/// server certificate, but not the authorities of clients.
struct Current {
    contents: Contents,
    config: Arc<ServerConfig>,
}

impl Identity {
    /// Loads and checks the files.
    ///
    /// # Errors
    /// Returns the path of the file and the reason for which it cannot be used.
    pub fn load(
        certificate: &CertificatePath,
        key: &KeyPath,
        clients: &Clients,
    ) -> Result<Arc<Self>, TlsError> {
        let (ca, allowed_names) = match clients {
            Clients::Anyone => (None, None),
            Clients::Verified { ca, allowed_names } => {
                (Some(ca.clone()), Some(allowed_names.clone()))
            }
        };
        let files = Files {
            certificate: certificate.clone(),
            key: key.clone(),
            ca,
        };
        let contents = files.read()?;
        let current = Current {
            config: Arc::new(config(&files, &contents)?),
            contents,
        };
        Ok(Arc::new(Self {
            files,
            allowed_names,
            current: ArcSwap::from_pointee(current),
        }))
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.load().config)
    }

    /// Returns the expiration time of the server certificate; none if it cannot be parsed.
    pub(crate) fn expiration(&self) -> Option<SystemTime> {
        self.current.load().contents.expiration()
    }

    /// Checks the names of a client. The handshake has verified its certificates.
    pub(crate) fn client(&self, certificates: Option<&[CertificateDer<'_>]>) -> Client {
        let leaf = certificates.and_then(<[_]>::first);
        match &self.allowed_names {
            Some(names) if !names.is_empty() => Client::check(leaf, names),
            _ => Client::Allowed,
        }
    }

    /// Reloads the files when they change, for ever. Their contents are compared, because a mounted
    /// Secret changes by swapping symbolic links, which a file watch can miss.
    ///
    /// `report` is called when the result changes: with the error of a failed reload, or with none.
    pub(crate) async fn keep_fresh(self: Arc<Self>, report: impl Fn(Option<String>)) -> Infallible {
        let mut ticks = tokio::time::interval(RELOAD_PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut last, mut reported) = (None, None);
        loop {
            ticks.tick().await;
            let identity = Arc::clone(&self);
            let error = match tokio::task::spawn_blocking(move || identity.reload()).await {
                Ok(Ok(Reload::Unchanged)) => None,
                Ok(Ok(Reload::Changed)) => {
                    tracing::info!("reloaded TLS files");
                    None
                }
                Ok(Err(error)) => Some(host::error_chain(&error)),
                Err(error) => Some(format!("failed to read the TLS files: {error}")),
            };
            // Reported after the second time: the files are written one after the other.
            if error == last && error != reported {
                if let Some(error) = &error {
                    tracing::warn!(
                        error,
                        "failed to reload TLS files; the previous ones stay in use"
                    );
                }
                report(error.clone());
                reported.clone_from(&error);
            }
            last = error;
        }
    }

    fn reload(&self) -> Result<Reload, TlsError> {
        let contents = self.files.read()?;
        if contents == self.current.load().contents {
            return Ok(Reload::Unchanged);
        }
        let config = Arc::new(config(&self.files, &contents)?);
        self.current.store(Arc::new(Current { contents, config }));
        Ok(Reload::Changed)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Reload {
    Unchanged,
    Changed,
}

/// Omits the key.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("files", &self.files)
            .field("allowed_names", &self.allowed_names)
            .finish_non_exhaustive()
    }
}

/// Creates the configuration. The crypto provider is passed explicitly: installing one for the
/// process is up to the binary.
fn config(files: &Files, contents: &Contents) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let certified = files.certified_key(contents, &provider)?;
    let verifier = files.client_verifier(contents, &provider)?;
    let builder = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError {
            path: files.certificate.0.clone(),
            kind: TlsErrorKind::Setup(error),
        })?;
    let builder = match verifier {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut config =
        builder.with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(certified)));
    config.alpn_protocols = vec![ALPN_HTTP2.to_vec(), ALPN_HTTP1.to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests;
