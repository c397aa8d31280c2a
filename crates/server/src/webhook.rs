//! The handler of reviews: it maps paths to chains, and evaluations to HTTP responses.
//!
//! | Result | Response |
//! |---|---|
//! | a decision | 200 with the review |
//! | no decision because an authorizer failed | 503 without `Retry-After`: kube-apiserver applies its failure policy at once |
//! | no decision because an admission policy with `failurePolicy: Fail` failed | 500 |
//! | no decision only because of overload | 429 with `Retry-After: 1`: kube-apiserver retries |
//!
//! The failure of an authenticator is part of the review (`status.error`): kube-apiserver neither
//! caches nor retries it.

mod body;
mod deadline;
mod route;

use std::mem;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use host::{EvaluateError, Evaluation, EvaluationRequest, Host, Reply};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Uri};
use observe::{DecisionEvent, Observer, Origin, TraceParent};
use tracing::Instrument;

pub(crate) use body::Bodies;

use crate::error_response::{ErrorResponse, json};
use crate::http::Handler;
use route::Route;

/// Maximum length of a logged path, in characters. Valid paths are shorter.
const MAX_PATH: usize = 300;

/// The handler of reviews.
#[derive(Debug)]
pub(crate) struct Webhook {
    pub(crate) host: Arc<ArcSwap<Host>>,
    pub(crate) observer: Arc<Observer>,
    pub(crate) bodies: Bodies,
}

impl Handler for Webhook {
    async fn handle(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let arrival = Instant::now();
        let method = request.method().clone();
        let uri = request.uri().clone();
        match self.review(request, arrival).await {
            Ok(response) => response,
            Err(error) => {
                log_rejection(&method, &uri, &error);
                self.observer.record_rejected_request(error.reason());
                error.response()
            }
        }
    }
}

impl Webhook {
    async fn review(
        &self,
        request: Request<Incoming>,
        arrival: Instant,
    ) -> Result<Response<Full<Bytes>>, ErrorResponse> {
        let (head, body) = request.into_parts();
        let route = Route::parse(head.uri.path()).ok_or(ErrorResponse::UnknownPath)?;
        if head.method != Method::POST {
            return Err(ErrorResponse::Method { allow: "POST" });
        }
        if !is_json(&head.headers) {
            return Err(ErrorResponse::MediaType);
        }
        let deadline = deadline::parse(head.uri.query(), arrival).ok_or(ErrorResponse::Timeout)?;
        let body = self.bodies.receive(body, deadline).await?;
        // Debug messages of the host and of modules need the review that they belong to. The line
        // of the decision has all fields itself, so the default level does without a span.
        let span = tracing::debug_span!("review", plane = route.origin.as_str());
        let mut evaluation = self
            .evaluate(&route, body.bytes(), deadline)
            .instrument(span)
            .await
            .map_err(evaluate_error)?;
        let response = respond(route.origin, &mut evaluation);
        let status = response.status().as_u16();
        self.observer.record(&DecisionEvent {
            origin: route.origin,
            policy: route.policy.as_deref(),
            review: body.bytes(),
            evaluation: &evaluation,
            status: Some(status),
            arrival,
            parent: trace_parent(&head.headers),
        });
        Ok(response)
    }

    async fn evaluate(
        &self,
        route: &Route<'_>,
        review: &[u8],
        deadline: Instant,
    ) -> Result<Evaluation, EvaluateError> {
        let host = self.host.load_full();
        let policy = route.policy.as_deref();
        match route.origin {
            Origin::Chain(plane) => {
                host.evaluate(EvaluationRequest {
                    plane,
                    policy,
                    review,
                    already_evaluated: &[],
                    deadline,
                })
                .await
            }
            Origin::Raw => {
                host.evaluate_raw(policy.unwrap_or_default(), review, deadline)
                    .await
            }
        }
    }
}

/// Logs a request that is not evaluated. The message may quote what the client sent, so it is
/// logged at level debug only. The path is shortened because a client can send anything.
fn log_rejection(method: &Method, uri: &Uri, error: &ErrorResponse) {
    let path: String = uri.path().chars().take(MAX_PATH).collect();
    let (status, reason) = (error.status().as_u16(), error.reason().as_str());
    tracing::info!(%method, ?path, status, reason, "rejected request");
    tracing::debug!(message_to_client = %error, "details of rejected request");
}

/// Returns true for `application/json`, with or without parameters, and for requests without a
/// content type.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return true;
    };
    let media_type = value
        .as_bytes()
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default();
    media_type
        .trim_ascii()
        .eq_ignore_ascii_case(b"application/json")
}

/// Returns the span of kube-apiserver, if it traces the request (KEP-647).
fn trace_parent(headers: &HeaderMap) -> Option<TraceParent> {
    let values = headers.get_all("traceparent");
    TraceParent::from_headers(values.iter().map(HeaderValue::as_bytes))
}

/// Converts an error. The whole chain of causes may be shown to the client: it quotes only what the
/// client sent.
fn evaluate_error(error: EvaluateError) -> ErrorResponse {
    match error {
        EvaluateError::NoSuchPolicy(name) => ErrorResponse::UnknownPolicy(name),
        EvaluateError::Review(_) | EvaluateError::Request(_) | EvaluateError::NotKubewarden(_) => {
            ErrorResponse::MalformedReview(host::error_chain(&error))
        }
    }
}

/// Returns the response to an evaluation, and moves the reply out of it.
fn respond(origin: Origin, evaluation: &mut Evaluation) -> Response<Full<Bytes>> {
    match &mut evaluation.reply {
        Reply::Review(review) => json(StatusCode::OK, mem::take(review)),
        Reply::NoDecision(no_decision) => {
            ErrorResponse::from_no_decision(origin, no_decision).response()
        }
    }
}
