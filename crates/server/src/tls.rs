//! The server's certificate and the certificates of clients, read from files and read again when they change.

mod client;
mod files;

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls_pki_types::CertificateDer;
use tokio::time::MissedTickBehavior;

pub(crate) use client::Client;
pub use files::{TlsError, TlsErrorKind};

use crate::options::{CertificatePath, Clients, KeyPath};
use files::{Contents, Files};

/// HTTP/2 in the handshake (RFC 7301, RFC 9113).
pub(crate) const ALPN_HTTP2: &[u8] = b"h2";
const ALPN_HTTP1: &[u8] = b"http/1.1";

/// How often the files are read again: they are small, and who swaps a certificate by hand wants to see it work.
const RENEWAL_PERIOD: Duration = Duration::from_secs(1);

/// What a server shows to clients, and wants to see of them.
pub struct Identity {
    files: Files,
    allowed_names: Option<Vec<String>>,
    current: ArcSwap<Current>,
}

/// What is in use. It is replaced as a whole: a certificate resolver could renew the server's certificate, but not the
/// authorities of clients.
struct Current {
    contents: Contents,
    config: Arc<ServerConfig>,
}

impl Identity {
    /// Reads and checks the files.
    ///
    /// # Errors
    /// Names the file, what is wrong with it and what it should be.
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

    /// When the server's certificate expires; none if it cannot be told.
    pub(crate) fn expiry(&self) -> Option<SystemTime> {
        self.current.load().contents.expiry()
    }

    /// Whether the client with these certificates, which the handshake has verified, may ask.
    pub(crate) fn client(&self, certificates: Option<&[CertificateDer<'_>]>) -> Client {
        let leaf = certificates.and_then(<[_]>::first);
        match &self.allowed_names {
            Some(names) if !names.is_empty() => Client::check(leaf, names),
            _ => Client::Admitted,
        }
    }

    /// Reads the files again and again, and uses them when they have changed and are fine. A mounted Secret changes by
    /// swapping symbolic links, which watching the files can miss. `tell` hears what is wrong with them, when that changes.
    pub(crate) async fn keep_fresh(self: Arc<Self>, tell: impl Fn(Option<String>)) -> Infallible {
        let mut ticks = tokio::time::interval(RENEWAL_PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut seen, mut told) = (None, None);
        loop {
            ticks.tick().await;
            let identity = Arc::clone(&self);
            let renewed = tokio::task::spawn_blocking(move || identity.renew()).await;
            let problem = match renewed {
                Ok(Ok(Renewal::Unchanged)) => None,
                Ok(Ok(Renewal::Renewed)) => {
                    tracing::info!("the TLS files have changed and are in use");
                    None
                }
                Ok(Err(error)) => Some(host::error_chain(&error)),
                Err(error) => Some(format!("reading the TLS files ended abnormally: {error}")),
            };
            // Not before it is there twice: one file after the other is written.
            if problem == seen && problem != told {
                if let Some(problem) = &problem {
                    tracing::warn!(
                        problem,
                        "the TLS files have changed and cannot be used; the old ones stay in use"
                    );
                }
                tell(problem.clone());
                told.clone_from(&problem);
            }
            seen = problem;
        }
    }

    fn renew(&self) -> Result<Renewal, TlsError> {
        let contents = self.files.read()?;
        if contents == self.current.load().contents {
            return Ok(Renewal::Unchanged);
        }
        let config = Arc::new(config(&self.files, &contents)?);
        self.current.store(Arc::new(Current { contents, config }));
        Ok(Renewal::Renewed)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Renewal {
    Unchanged,
    Renewed,
}

/// Without the key.
impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Identity")
            .field("files", &self.files)
            .field("allowed_names", &self.allowed_names)
            .finish_non_exhaustive()
    }
}

/// The provider is passed on, never installed: that would be for the whole process, and is the binary's choice.
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
