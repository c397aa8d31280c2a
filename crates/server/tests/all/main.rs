//! Tests of the server over real sockets: responses, clients, limits, logs and shutdown.

mod admin;
mod client;
mod connections;
mod disconnects;
mod logs;
mod modules;
mod pki;
mod reviews;
mod running;
mod shutdown;
mod tls;
