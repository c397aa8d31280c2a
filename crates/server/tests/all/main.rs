//! Tests of the server over real sockets: responses, clients, limits, logs and shutdown.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests may panic"
)]

mod admin;
mod client;
mod connections;
mod disconnects;
mod failures;
mod logs;
mod modules;
mod pki;
mod reviews;
mod running;
mod shutdown;
mod tls;
