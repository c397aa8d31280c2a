//! The admin port: `/livez`, `/readyz`, `/status`, `/metrics`, `/decisions` and `/reload`.

mod status;

use std::sync::Arc;

use arc_swap::ArcSwap;
use host::Host;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use observe::Observer;

pub(crate) use status::Status;

use crate::error_response::{ErrorResponse, json};
use crate::http::Handler;
use crate::tls::Identity;

const OPENMETRICS: HeaderValue = HeaderValue::from_static(observe::metrics::CONTENT_TYPE);
const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// The handler of the admin port.
#[derive(Debug)]
pub(crate) struct Admin {
    pub(crate) status: Status,
    pub(crate) host: Arc<ArcSwap<Host>>,
    pub(crate) observer: Arc<Observer>,
    /// The identity of the server; none without TLS.
    pub(crate) identity: Option<Arc<Identity>>,
}

impl Admin {
    fn metrics(&self) -> String {
        let identity = self.identity.as_ref();
        if let Some(expiration) = identity.and_then(|identity| identity.expiration()) {
            self.observer
                .metrics()
                .set_certificate_expiration(expiration);
        }
        self.observer.metrics_text()
    }
}

impl Handler for Admin {
    async fn handle(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (path, method) = (request.uri().path(), request.method());
        match (path, allowed_method(path)) {
            (_, None) => ErrorResponse::UnknownPath.response(),
            (_, Some(allowed)) if *method != allowed => {
                let allow = if allowed == Method::GET {
                    "GET"
                } else {
                    "POST"
                };
                ErrorResponse::Method { allow }.response()
            }
            ("/status", _) => {
                let generation = self.observer.generation();
                let report = self.status.to_json(&self.host.load(), generation);
                json(StatusCode::OK, report)
            }
            ("/metrics", _) => content(OPENMETRICS, self.metrics()),
            ("/decisions", _) => {
                let after = parse_after(request.uri().query());
                let decisions = self.observer.recent().to_json(after);
                json(StatusCode::OK, decisions.into_bytes())
            }
            ("/reload", _) => {
                self.status.request_reload();
                text(
                    StatusCode::ACCEPTED,
                    "reload requested; see /status for the result\n",
                )
            }
            ("/readyz", _) if !self.status.is_ready() => {
                text(StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
            }
            _ => text(StatusCode::OK, "ok\n"),
        }
    }
}

/// Returns the method of a path; none if the path does not exist.
fn allowed_method(path: &str) -> Option<Method> {
    match path {
        "/livez" | "/readyz" | "/status" | "/metrics" | "/decisions" => Some(Method::GET),
        "/reload" => Some(Method::POST),
        _ => None,
    }
}

/// Parses the parameter `after`, a sequence number; 0, which selects all decisions, if it is
/// missing or malformed.
fn parse_after(query: Option<&str>) -> u64 {
    let mut parameters = query.unwrap_or_default().split('&');
    let after = parameters.find_map(|parameter| parameter.strip_prefix("after="));
    after.and_then(|after| after.parse().ok()).unwrap_or(0)
}

fn text(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = content(PLAIN, text);
    *response.status_mut() = status;
    response
}

fn content(content_type: HeaderValue, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
