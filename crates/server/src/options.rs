//! Options of the server and their defaults.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::http;
use crate::tls::Tls;

/// Default address for reviews.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8443);

/// Default address of the admin port.
pub const DEFAULT_ADMIN_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8081);

/// Options of a server.
///
/// ```
/// use server::{Options, Tls};
///
/// let options = Options {
///     max_body_bytes: 1 << 20,
///     ..Options::new(Tls::Plaintext)
/// };
/// assert_eq!(options.listen, server::DEFAULT_LISTEN);
/// ```
#[derive(Debug, Clone)]
pub struct Options {
    /// The address for reviews. Default: `127.0.0.1:8443`, for a server on the same machine as the
    /// API server. Behind a Service, it must be an address that other machines can reach.
    pub listen: SocketAddr,
    /// The address of the admin port, which serves plain HTTP. Default: `127.0.0.1:8081`.
    pub admin: SocketAddr,
    /// Encryption and client authentication.
    pub tls: Tls,
    /// Maximum size of a review, in bytes. Default: 8 MiB; an AdmissionReview contains two objects
    /// of at most 3 MiB and needs 7 MiB.
    pub max_body_bytes: usize,
    /// Maximum size of all reviews that are being received or evaluated, in bytes. Further reviews
    /// are rejected with 429. Default: 256 MiB, 32 reviews of the maximum size.
    pub max_total_body_bytes: usize,
    /// Limits of connections.
    pub connections: http::Limits,
}

impl Options {
    /// Creates options with the defaults.
    #[must_use]
    pub fn new(tls: Tls) -> Self {
        Self {
            listen: DEFAULT_LISTEN,
            admin: DEFAULT_ADMIN_LISTEN,
            tls,
            max_body_bytes: 8 << 20,
            max_total_body_bytes: 256 << 20,
            connections: http::Limits::default(),
        }
    }
}
