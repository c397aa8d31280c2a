//! HTTPS webhooks around a [`host::Host`]: what kube-apiserver sends comes in here, what it accepts goes out.
//!
//! * [`Server`] binds, serves and drains; [`Options`] is its table of defaults.
//! * [`http`] is the layer below: sockets, TLS, HTTP/1.1 and HTTP/2 with their limits, for any [`http::Handler`]. It knows no
//!   review, so that its cost can be measured without one.
//! * [`tls`] holds the certificate and decides on client certificates.
//!
//! What a decision or a failure looks like in HTTP is said in one place, the module `webhook`.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod admin;
pub mod http;
mod options;
mod refusal;
mod server;
pub mod tls;
mod webhook;

pub use options::{CaPath, CertificatePath, Clients, KeyPath, Options, Tls};
pub use server::{BindError, Handle, Server};
