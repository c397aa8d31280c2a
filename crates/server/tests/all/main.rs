//! The server over real sockets: what each request is answered, what each kind of client gets, and how it all ends.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests may panic"
)]

mod admin;
mod client;
mod clients_that_leave;
mod connections;
mod logs;
mod modules;
mod pki;
mod reviews;
mod running;
mod shutdown;
mod tls;
