//! The TLS configuration of a server: paths of its files, and the clients that it allows.

use std::path::PathBuf;

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

/// The clients that may send reviews.
#[derive(Debug, Clone)]
pub enum Clients {
    /// Any client that can reach the port.
    Anyone,
    /// Clients with a certificate.
    Verified {
        /// The authorities that issue client certificates.
        ca: CaPath,
        /// Allowed common names and DNS names of certificates. If empty, every certificate of the
        /// authorities is allowed.
        allowed_names: Vec<String>,
    },
}

/// The path of a certificate chain, PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificatePath(pub PathBuf);

/// The path of a private key: PKCS#8, PKCS#1 or SEC1, PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPath(pub PathBuf);

/// The path of the certificates of authorities, PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaPath(pub PathBuf);
