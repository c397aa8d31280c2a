//! From files to certificates and keys, with errors that say which file is wrong and how.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;

use crate::options::{CaPath, CertificatePath, KeyPath};

/// Where the certificates and the key are.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) certificate: CertificatePath,
    pub(super) key: KeyPath,
    pub(super) ca: Option<CaPath>,
}

/// What is in the files.
#[derive(PartialEq, Eq)]
pub(super) struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
    ca: Option<Vec<u8>>,
}

/// A TLS file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("failed to use `{}`", path.display())]
pub struct TlsError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    #[source]
    pub kind: TlsErrorKind,
}

/// What is wrong with a TLS file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsErrorKind {
    /// The operating system does not let us.
    #[error("the file cannot be read")]
    Read(#[source] io::Error),
    /// The text between `BEGIN` and `END` is damaged.
    #[error("the file is not PEM")]
    Pem(#[source] pem::Error),
    /// There is nothing to show, or to trust.
    #[error("the file has no certificate: a `-----BEGIN CERTIFICATE-----` is expected")]
    NoCertificate,
    /// There is nothing to sign with.
    #[error(
        "the file has no private key: a PKCS#8, PKCS#1 or SEC1 key without a password is expected"
    )]
    NoKey,
    /// It is PEM, but not X.509.
    #[error("the certificate cannot be read: {0}")]
    Certificate(String),
    /// Clients would refuse it.
    #[error("the certificate expired on {0}; it has to be renewed")]
    Expired(String),
    /// Files of two different renewals, or swapped ones.
    #[error("the key does not belong to the certificate in `{}`", certificate.display())]
    KeyMismatch {
        /// The certificate's file.
        certificate: PathBuf,
    },
    /// RSA, ECDSA (P-256, P-384) and Ed25519 keys can be used.
    #[error("the key cannot be used")]
    Key(#[source] rustls::Error),
    /// An authority that cannot be trusted.
    #[error("the authority's certificate cannot be used")]
    Authority(#[source] rustls::Error),
    /// The authorities as a whole cannot be used.
    #[error("client certificates cannot be verified with it: {0}")]
    Verifier(String),
    /// TLS itself cannot be set up.
    #[error("TLS cannot be set up")]
    Setup(#[source] rustls::Error),
}

impl TlsErrorKind {
    fn at(self, path: &Path) -> TlsError {
        TlsError {
            path: path.to_owned(),
            kind: self,
        }
    }
}

impl Files {
    pub(super) fn read(&self) -> Result<Contents, TlsError> {
        let read =
            |path: &Path| std::fs::read(path).map_err(|error| TlsErrorKind::Read(error).at(path));
        Ok(Contents {
            certificate: read(&self.certificate.0)?,
            key: read(&self.key.0)?,
            ca: self.ca.as_ref().map(|ca| read(&ca.0)).transpose()?,
        })
    }

    /// The server's certificate with the key that belongs to it.
    pub(super) fn certified_key(
        &self,
        contents: &Contents,
        provider: &CryptoProvider,
    ) -> Result<CertifiedKey, TlsError> {
        let path = &self.certificate.0;
        let chain = certificates(path, &contents.certificate)?;
        if let Some(leaf) = chain.first() {
            check_expiry(leaf).map_err(|kind| kind.at(path))?;
        }
        let key = match PrivateKeyDer::from_pem_slice(&contents.key) {
            Ok(key) => key,
            Err(pem::Error::NoItemsFound) => return Err(TlsErrorKind::NoKey.at(&self.key.0)),
            Err(error) => return Err(TlsErrorKind::Pem(error).at(&self.key.0)),
        };
        CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => TlsErrorKind::KeyMismatch {
                certificate: path.clone(),
            }
            .at(&self.key.0),
            rustls::Error::InvalidCertificate(error) => {
                TlsErrorKind::Certificate(error.to_string()).at(path)
            }
            error => TlsErrorKind::Key(error).at(&self.key.0),
        })
    }

    /// What verifies clients, when they have to show a certificate.
    pub(super) fn client_verifier(
        &self,
        contents: &Contents,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Option<Arc<dyn ClientCertVerifier>>, TlsError> {
        let (Some(CaPath(path)), Some(pem)) = (&self.ca, &contents.ca) else {
            return Ok(None);
        };
        let mut authorities = RootCertStore::empty();
        for authority in certificates(path, pem)? {
            authorities
                .add(authority)
                .map_err(|error| TlsErrorKind::Authority(error).at(path))?;
        }
        WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), Arc::clone(provider))
            .build()
            .map(Some)
            .map_err(|error| TlsErrorKind::Verifier(error.to_string()).at(path))
    }
}

impl Contents {
    /// When the server's certificate expires.
    pub(super) fn expiry(&self) -> Option<SystemTime> {
        let leaf = CertificateDer::from_pem_slice(&self.certificate).ok()?;
        let (_, leaf) = X509Certificate::from_der(&leaf).ok()?;
        let seconds = u64::try_from(leaf.validity().not_after.timestamp()).ok()?;
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
    }
}

/// At least one certificate.
fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| TlsErrorKind::Pem(error).at(path))?;
    if certificates.is_empty() {
        Err(TlsErrorKind::NoCertificate.at(path))
    } else {
        Ok(certificates)
    }
}

/// A certificate that is not valid yet passes: clocks differ, and it soon will be.
fn check_expiry(certificate: &CertificateDer<'_>) -> Result<(), TlsErrorKind> {
    let (_, certificate) = X509Certificate::from_der(certificate)
        .map_err(|error| TlsErrorKind::Certificate(error.to_string()))?;
    let end = certificate.validity().not_after;
    if end < ASN1Time::now() {
        Err(TlsErrorKind::Expired(end.to_string()))
    } else {
        Ok(())
    }
}

/// Without the key.
impl fmt::Debug for Contents {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Contents").finish_non_exhaustive()
    }
}
