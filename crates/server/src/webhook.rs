//! Reviews over HTTP: which path asks what, and which code says what.
//!
//! | Answer of the host | HTTP |
//! |---|---|
//! | a review, whatever it decides | 200 |
//! | an authorizer failed and nobody allowed or denied | 503 without Retry-After: kube-apiserver's failure policy applies at once |
//! | an admission policy failed that must not | 500 |
//! | no decision, and every policy to blame was only busy | 429 with `Retry-After: 1`: kube-apiserver tries again |
//!
//! An authenticator that failed is told inside a review (`status.error`), which kube-apiserver neither caches nor retries.

mod body;
mod deadline;
mod log;
mod route;

use std::mem;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use host::{EvaluateError, Evaluation, EvaluationRequest, Host, Reply};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use observe::traces::Parent;
use observe::{DecisionEvent, Observer};
use tracing::Instrument;

pub(crate) use body::Bodies;

use crate::http::Handler;
use crate::refusal::{Refusal, json};
use route::Route;

/// Answers reviews.
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
            Err(refusal) => {
                log::refusal(&method, &uri, &refusal);
                self.observer
                    .metrics()
                    .record_rejected_request(refusal.reason());
                refusal.response()
            }
        }
    }
}

impl Webhook {
    async fn review(
        &self,
        request: Request<Incoming>,
        arrival: Instant,
    ) -> Result<Response<Full<Bytes>>, Refusal> {
        let (head, body) = request.into_parts();
        let route = Route::parse(head.uri.path()).ok_or(Refusal::Path)?;
        if head.method != Method::POST {
            return Err(Refusal::Method { allow: "POST" });
        }
        if !is_json(&head.headers) {
            return Err(Refusal::MediaType);
        }
        let deadline = deadline::of(head.uri.query(), arrival).ok_or(Refusal::Timeout)?;
        let body = self.bodies.receive(body, deadline).await?;
        // What the host and its modules log at debug belongs to a review; the line of the decision says everything itself,
        // so at the usual level there is no span to pay for.
        let span = tracing::debug_span!("review", plane = route.as_str());
        let mut answered = self
            .ask(&route, body.bytes(), deadline)
            .instrument(span)
            .await
            .map_err(unanswerable)?;
        let response = respond(&route, &mut answered);
        let status = response.status().as_u16();
        let (plane, policy) = route.asked();
        self.observer.record(&DecisionEvent {
            plane,
            policy,
            review: body.bytes(),
            answered: &answered,
            status: Some(status),
            arrival,
            parent: parent(&head.headers),
        });
        Ok(response)
    }

    async fn ask(
        &self,
        route: &Route<'_>,
        review: &[u8],
        deadline: Instant,
    ) -> Result<Evaluation, EvaluateError> {
        let host = self.host.load_full();
        match route {
            Route::Review { plane, policy } => {
                host.evaluate(EvaluationRequest {
                    plane: *plane,
                    policy: policy.as_deref(),
                    review,
                    already_evaluated: &[],
                    deadline,
                })
                .await
            }
            Route::Raw { policy } => host.evaluate_raw(policy, review, deadline).await,
        }
    }
}

/// kube-apiserver says `application/json`; nothing at all, or a charset, is accepted too.
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

/// The span of kube-apiserver, when it traces (KEP-647).
fn parent(headers: &HeaderMap) -> Option<Parent> {
    let values = headers.get_all("traceparent");
    Parent::of(values.iter().map(HeaderValue::as_bytes))
}

/// The client sent what it is told back here, so the whole chain of causes may be shown to it.
fn unanswerable(error: EvaluateError) -> Refusal {
    match error {
        EvaluateError::NoSuchPolicy(name) => Refusal::Policy(name),
        EvaluateError::Review(_) | EvaluateError::Request(_) | EvaluateError::NotKubewarden(_) => {
            Refusal::Review(host::error_chain(&error))
        }
    }
}

/// What is sent; takes the reply out of the answer.
fn respond(route: &Route<'_>, answered: &mut Evaluation) -> Response<Full<Bytes>> {
    match &mut answered.reply {
        Reply::Review(review) => json(StatusCode::OK, mem::take(review)),
        Reply::NoDecision(no_decision) => {
            Refusal::from_no_decision(route.asked().0, no_decision).response()
        }
    }
}
