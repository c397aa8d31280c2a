//! The port for people and probes: `/livez` and `/readyz`, `/status`, and `/reload`.

mod status;

use std::sync::Arc;

use arc_swap::ArcSwap;
use host::Host;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

pub(crate) use status::Status;

use crate::http::Handler;
use crate::refusal::{Refusal, json};

/// Answers probes and operators.
#[derive(Debug)]
pub(crate) struct Admin {
    pub(crate) status: Status,
    pub(crate) host: Arc<ArcSwap<Host>>,
}

impl Handler for Admin {
    async fn handle(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (path, method) = (request.uri().path(), request.method());
        match (path, allowed(path)) {
            (_, None) => Refusal::Path.response(),
            (_, Some(allow)) if *method != allow => {
                let allow = if allow == Method::GET { "GET" } else { "POST" };
                Refusal::Method { allow }.response()
            }
            ("/status", _) => json(StatusCode::OK, self.status.report(&self.host.load())),
            ("/reload", _) => {
                self.status.request_reload();
                text(StatusCode::ACCEPTED, "looking for changes, see /status\n")
            }
            ("/readyz", _) if !self.status.is_ready() => {
                text(StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
            }
            _ => text(StatusCode::OK, "ok\n"),
        }
    }
}

/// What a path takes; nothing when there is no such path.
fn allowed(path: &str) -> Option<Method> {
    match path {
        "/livez" | "/readyz" | "/status" => Some(Method::GET),
        "/reload" => Some(Method::POST),
        _ => None,
    }
}

fn text(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}
