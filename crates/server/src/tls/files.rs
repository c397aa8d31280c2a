//! Files with certificates and keys, and the errors of files that cannot be used.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::CertifiedKey;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;

/// The path of a certificate chain, PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificatePath(pub PathBuf);

/// The path of a private key: PKCS#8, PKCS#1 or SEC1, PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPath(pub PathBuf);

/// The path of the certificates of authorities, PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaPath(pub PathBuf);

/// The paths of the certificates and the key.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) certificate: CertificatePath,
    pub(super) key: KeyPath,
    pub(super) ca: Option<CaPath>,
}

/// The contents of the files.
#[derive(PartialEq, Eq)]
pub(super) struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
    ca: Option<Vec<u8>>,
}

/// An error of a TLS file.
#[derive(Debug, thiserror::Error)]
#[error("failed to use `{}`", path.display())]
pub struct TlsError {
    /// The path of the file.
    pub path: PathBuf,
    /// The cause.
    #[source]
    pub kind: TlsErrorKind,
}

/// The cause of a [`TlsError`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsErrorKind {
    /// The operating system refused to read the file.
    #[error("failed to read the file")]
    Read(#[source] io::Error),
    /// The text between `BEGIN` and `END` is malformed.
    #[error("the file is not PEM")]
    Pem(#[source] pem::Error),
    /// The file contains no certificate.
    #[error("the file contains no certificate: expected `-----BEGIN CERTIFICATE-----`")]
    NoCertificate,
    /// The file contains no private key.
    #[error(
        "the file contains no private key: expected a PKCS#8, PKCS#1 or SEC1 key without a password"
    )]
    NoKey,
    /// The PEM section is not an X.509 certificate.
    #[error("the certificate is malformed: {0}")]
    Certificate(String),
    /// The certificate expired, so clients reject it.
    #[error("the certificate expired on {0} and must be renewed")]
    Expired(String),
    /// The files belong to different certificates.
    #[error("the key does not belong to the certificate in `{}`", certificate.display())]
    KeyMismatch {
        /// The path of the certificate.
        certificate: PathBuf,
    },
    /// The key is not an RSA, ECDSA (P-256, P-384) or Ed25519 key.
    #[error("the key cannot be used: expected an RSA, ECDSA (P-256, P-384) or Ed25519 key")]
    Key(#[source] rustls::Error),
    /// The certificate is not one of an authority.
    #[error("the certificate of the authority cannot be used")]
    Authority(#[source] rustls::Error),
    /// Client certificates cannot be verified with these authorities.
    #[error("failed to set up the verification of client certificates: {0}")]
    Verifier(String),
    /// rustls refused the configuration.
    #[error("failed to configure TLS")]
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
    /// Reads all files.
    pub(super) fn read(&self) -> Result<Contents, TlsError> {
        let read =
            |path: &Path| std::fs::read(path).map_err(|error| TlsErrorKind::Read(error).at(path));
        Ok(Contents {
            certificate: read(&self.certificate.0)?,
            key: read(&self.key.0)?,
            ca: self.ca.as_ref().map(|ca| read(&ca.0)).transpose()?,
        })
    }

    /// Parses the server certificate and the key that belongs to it.
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

    /// Creates the verifier of client certificates; none if clients need no certificate.
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
    /// Returns the expiration time of the server certificate; none if it cannot be parsed.
    pub(super) fn expiration(&self) -> Option<SystemTime> {
        let leaf = CertificateDer::from_pem_slice(&self.certificate).ok()?;
        let (_, leaf) = X509Certificate::from_der(&leaf).ok()?;
        let seconds = u64::try_from(leaf.validity().not_after.timestamp()).ok()?;
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
    }
}

/// Parses certificates, at least one.
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

/// Rejects an expired certificate. A certificate that is not valid yet is accepted: clocks differ,
/// and it will soon be valid.
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

/// Omits the key.
impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contents").finish_non_exhaustive()
    }
}
