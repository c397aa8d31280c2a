//! The server over real sockets: what each request is answered, what each kind of client gets, and how it all ends.

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
