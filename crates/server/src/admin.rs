//! The port for people and probes: `/livez` and `/readyz`, `/status`, `/metrics`, `/decisions`, and `/reload`.

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

use crate::http::Handler;
use crate::refusal::{Refusal, json};
use crate::tls::Identity;

/// Answers probes and operators.
#[derive(Debug)]
pub(crate) struct Admin {
    pub(crate) status: Status,
    pub(crate) host: Arc<ArcSwap<Host>>,
    pub(crate) observer: Arc<Observer>,
    /// The server's certificate, where there is one.
    pub(crate) identity: Option<Arc<Identity>>,
}

impl Admin {
    fn metrics(&self) -> String {
        if let Some(expiry) = self
            .identity
            .as_ref()
            .and_then(|identity| identity.expiry())
        {
            self.observer.metrics().set_certificate_expiry(expiry);
        }
        self.observer.metrics_text()
    }
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
            ("/status", _) => {
                let generation = self.observer.generation();
                json(
                    StatusCode::OK,
                    self.status.report(&self.host.load(), generation),
                )
            }
            ("/metrics", _) => text_of(METRICS, self.metrics()),
            ("/decisions", _) => {
                let decisions = self.observer.recent().to_json(after(request.uri().query()));
                json(StatusCode::OK, decisions.into_bytes())
            }
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
        "/livez" | "/readyz" | "/status" | "/metrics" | "/decisions" => Some(Method::GET),
        "/reload" => Some(Method::POST),
        _ => None,
    }
}

/// The number in `after=`: only decisions with a greater one are wanted. 0, which all are greater than, when it is missing.
fn after(query: Option<&str>) -> u64 {
    let mut parameters = query.unwrap_or_default().split('&');
    let after = parameters.find_map(|parameter| parameter.strip_prefix("after="));
    after.and_then(|after| after.parse().ok()).unwrap_or(0)
}

const METRICS: HeaderValue = HeaderValue::from_static(observe::metrics::CONTENT_TYPE);
const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

fn text(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = text_of(PLAIN, text);
    *response.status_mut() = status;
    response
}

fn text_of(kind: HeaderValue, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
