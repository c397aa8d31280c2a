//! How a server is set up, with its defaults.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::http;

/// How a server is set up. [`Options::new`] is the table of defaults.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where reviews are taken. Default: `127.0.0.1:8443`, which is right next to an API server; behind a Service it must be
    /// an address that other machines reach.
    pub listen: SocketAddr,
    /// Where `/livez` and `/readyz` are answered, in plain HTTP. Default: `127.0.0.1:8081`.
    pub admin: SocketAddr,
    /// Who can listen in, and who may ask.
    pub tls: Tls,
    /// The largest review, in bytes. Default: 8 MiB; an AdmissionReview carries two objects of at most 3 MiB and needs 7 MiB.
    pub body_max: usize,
    /// What all reviews that are being read or answered may take together, in bytes. Beyond it they are turned away with
    /// 429 until others are done. Default: 256 MiB, 32 of the largest.
    pub bodies_max: usize,
    /// The limits of connections.
    pub connections: http::Limits,
}

impl Options {
    /// The defaults.
    #[must_use]
    pub fn new(tls: Tls) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8443)),
            admin: SocketAddr::from((Ipv4Addr::LOCALHOST, 8081)),
            tls,
            body_max: 8 << 20,
            bodies_max: 256 << 20,
            connections: http::Limits::default(),
        }
    }
}

/// Who can listen in, and who may ask.
#[derive(Debug, Clone)]
pub enum Tls {
    /// TLS 1.2 or 1.3 with a certificate from files, which are read again when they change.
    Files {
        /// The certificate, followed by those of intermediate authorities.
        certificate: CertificatePath,
        /// Its private key.
        key: KeyPath,
        /// Who may ask.
        clients: Clients,
    },
    /// No encryption. Only on a loopback address, because the reviews carry tokens and Secrets.
    Plaintext,
}

/// Who may ask.
#[derive(Debug, Clone)]
pub enum Clients {
    /// Everybody who reaches the port.
    Anyone,
    /// Only who shows a certificate.
    Verified {
        /// The authorities that sign the certificates of clients.
        ca: CaPath,
        /// The common name or a DNS name of the certificate must be one of these; when empty, each certificate of the
        /// authorities will do.
        allowed_names: Vec<String>,
    },
}

/// The file of a certificate chain, PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificatePath(pub PathBuf);

/// The file of a private key: PKCS#8, PKCS#1 or SEC1, PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPath(pub PathBuf);

/// The file of the certificates of authorities, PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaPath(pub PathBuf);
