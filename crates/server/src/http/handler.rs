//! The handler of requests, and the limits within which it is called.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};

use crate::tls::Identity;

/// A handler of requests.
pub trait Handler: Send + Sync + 'static {
    /// Handles a request. The future is dropped when the client disconnects.
    fn handle(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<Full<Bytes>>> + Send;
}

/// Limits of the resources that clients can occupy.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Maximum number of connections; further ones wait in the queue of the operating system.
    /// Default: 1024; an API server keeps up to 25 idle ones (client-go, `MaxIdleConnsPerHost`).
    pub max_connections: NonZeroUsize,
    /// Maximum number of concurrent requests in an HTTP/2 connection. Default: 512; an API server
    /// sends all TokenReviews and SubjectAccessReviews over one connection.
    pub max_streams: u32,
    /// Timeout of a TLS handshake. Default: 10 s, as in Go (`TLSHandshakeTimeout`).
    pub handshake_timeout: Duration,
    /// Timeout of the head of an HTTP/1.1 request, from its first byte. Default: 10 s.
    pub head_timeout: Duration,
    /// Time after which a connection without a request is closed. Default: 120 s; it must be more
    /// than the 90 s after which client-go closes it, so that the server does not close a
    /// connection on which a request was just sent.
    pub idle_timeout: Duration,
    /// Time for which a client may receive nothing of a response. Default: 30 s, the maximum that
    /// an API server waits.
    pub write_timeout: Duration,
    /// Time for open requests to complete during shutdown. Default: 25 s, less than the 30 s after
    /// which Kubernetes kills a pod.
    pub drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: NonZeroUsize::new(1024).unwrap_or(NonZeroUsize::MIN),
            max_streams: 512,
            handshake_timeout: Duration::from_secs(10),
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(120),
            write_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(25),
        }
    }
}

/// The state that all connections of a listener share.
pub(super) struct Shared<H> {
    pub(super) handler: H,
    pub(super) identity: Option<Arc<Identity>>,
    pub(super) limits: Limits,
}
