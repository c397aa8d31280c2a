//! The webhook server: HTTPS endpoints for kube-apiserver around a [`host::Host`].
//!
//! * [`Server`] binds its sockets, serves and drains; [`Options`] holds its options and defaults.
//! * [`http`] is the layer below: sockets, TLS, HTTP/1.1 and HTTP/2 with limits, for any
//!   [`http::Handler`]. It does not depend on reviews, so that its cost can be measured alone.
//! * [`tls`] loads the server certificate and authenticates clients.
//!
//! The module `webhook` is the only place that maps evaluations to HTTP responses.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod admin;
mod error_response;
pub mod http;
mod options;
mod server;
pub mod tls;
mod webhook;

pub use error_response::status_and_body;
pub use options::{DEFAULT_ADMIN_LISTEN, DEFAULT_LISTEN, Options};
pub use server::{BindError, Handle, Server};
pub use tls::{CaPath, CertificatePath, Clients, KeyPath, Tls};
