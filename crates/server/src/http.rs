//! The HTTP layer below the webhooks: sockets, TLS and HTTP/1.1 and HTTP/2, with a limit on every
//! resource that a client can occupy.
//!
//! It serves any [`Handler`], so that a benchmark can measure its cost without reviews:
//!
//! ```no_run
//! use http_body_util::Full;
//! use hyper::body::{Bytes, Incoming};
//! use hyper::{Request, Response};
//! use server::http::{self, Handler, Limits, Listener};
//!
//! struct NoopHandler;
//!
//! impl Handler for NoopHandler {
//!     async fn handle(&self, _request: Request<Incoming>) -> Response<Full<Bytes>> {
//!         Response::new(Full::default())
//!     }
//! }
//!
//! # async fn example() -> std::io::Result<()> {
//! let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let listener = Listener::new(socket, None, Limits::default());
//! http::serve(listener, NoopHandler, std::future::pending()).await;
//! # Ok(())
//! # }
//! ```

mod connection;
mod handler;
mod listener;
mod timeout_stream;

pub use handler::{Handler, Limits};
pub use listener::{Drained, Listener, serve};
