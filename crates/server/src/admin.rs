//! `/livez` and `/readyz`: whether the process works, and whether it should be sent reviews.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use crate::http::Handler;
use crate::refusal::Refusal;

/// Whether reviews are taken. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Readiness(Arc<AtomicBool>);

impl Readiness {
    pub(crate) fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::Relaxed);
    }

    fn is_ready(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Answers probes.
#[derive(Debug)]
pub(crate) struct Admin {
    pub(crate) readiness: Readiness,
}

impl Handler for Admin {
    async fn handle(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let ready = match request.uri().path() {
            "/livez" => true,
            "/readyz" => self.readiness.is_ready(),
            _ => return Refusal::Path.response(),
        };
        if request.method() != Method::GET {
            return Refusal::Method { allow: "GET" }.response();
        }
        let (status, text) = if ready {
            (StatusCode::OK, "ok\n")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
        };
        let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
        *response.status_mut() = status;
        response.headers_mut().insert(
            CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        response
    }
}
