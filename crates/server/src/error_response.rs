//! Responses without a review: an HTTP status code and a `v1` Status as the body.

use access::{NoDecision, Plane};
use host::Reply;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use observe::{Origin, RejectionReason};

/// Value of `Retry-After`, in seconds. kube-apiserver parses integers only.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// The reason for a response without a review. `Display` is the message for the client.
///
/// kube-apiserver shows and logs the message. No response is a redirect, which kube-apiserver would
/// follow (CVE-2020-8561).
#[derive(Debug, thiserror::Error)]
pub(crate) enum ErrorResponse {
    #[error("path not found")]
    UnknownPath,
    #[error("method not allowed: use {allow}")]
    Method { allow: &'static str },
    #[error("unsupported content type: use `application/json`")]
    MediaType,
    #[error("query parameter `timeout` must be a duration such as `10s`, `1m30s` or `500ms`")]
    Timeout,
    #[error("the review is larger than {max} bytes")]
    BodyTooLarge { max: usize },
    #[error("the review did not arrive before the deadline")]
    BodyTooSlow,
    #[error("failed to receive the review")]
    BodyBroken,
    #[error("{0}")]
    MalformedReview(String),
    #[error("policy `{0}` not found")]
    UnknownPolicy(String),
    #[error("the client certificate is valid, but none of its names is allowed")]
    ClientName,
    /// Temporary: kube-apiserver retries within its deadline.
    #[error("{0}")]
    Overloaded(String),
    /// An authorizer failed. For 503 without `Retry-After`, kube-apiserver neither retries nor
    /// caches, and applies its own failure policy.
    #[error("{0}")]
    AuthorizerFailed(String),
    /// An admission policy failed.
    #[error("{0}")]
    AdmissionPolicyFailed(String),
}

/// Returns the HTTP status code and the body of the response that the webhook server sends for a
/// reply.
#[must_use]
pub fn status_and_body(origin: Origin, reply: &Reply) -> (u16, Vec<u8>) {
    match reply {
        Reply::Review(review) => (StatusCode::OK.as_u16(), review.clone()),
        Reply::NoDecision(no_decision) => {
            let error = ErrorResponse::from_no_decision(origin, no_decision);
            (error.status().as_u16(), error.body())
        }
    }
}

impl ErrorResponse {
    /// Creates the response to a review without a decision.
    pub(crate) fn from_no_decision(origin: Origin, no_decision: &NoDecision) -> Self {
        let message = no_decision.message().to_owned();
        match (no_decision, origin) {
            (NoDecision::Overloaded(_), _) => Self::Overloaded(message),
            (NoDecision::PoliciesFailed(_), Origin::Chain(Plane::Authorization)) => {
                Self::AuthorizerFailed(message)
            }
            (NoDecision::PoliciesFailed(_), _) => Self::AdmissionPolicyFailed(message),
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::UnknownPath | Self::UnknownPolicy(_) => StatusCode::NOT_FOUND,
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Timeout | Self::BodyBroken | Self::MalformedReview(_) => StatusCode::BAD_REQUEST,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::ClientName => StatusCode::FORBIDDEN,
            Self::Overloaded(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::AuthorizerFailed(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::AdmissionPolicyFailed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Returns the `reason` of the Status.
    pub(crate) fn reason(&self) -> RejectionReason {
        match self {
            Self::UnknownPath | Self::UnknownPolicy(_) => RejectionReason::NotFound,
            Self::Method { .. } => RejectionReason::MethodNotAllowed,
            Self::MediaType => RejectionReason::UnsupportedMediaType,
            Self::Timeout | Self::BodyBroken | Self::MalformedReview(_) => {
                RejectionReason::BadRequest
            }
            Self::BodyTooLarge { .. } => RejectionReason::RequestEntityTooLarge,
            Self::BodyTooSlow => RejectionReason::Timeout,
            Self::ClientName => RejectionReason::Forbidden,
            Self::Overloaded(_) => RejectionReason::TooManyRequests,
            Self::AuthorizerFailed(_) => RejectionReason::ServiceUnavailable,
            Self::AdmissionPolicyFailed(_) => RejectionReason::InternalError,
        }
    }

    fn body(&self) -> Vec<u8> {
        let reason = self.reason().as_str();
        wire::meta::failure_body(self.status().as_u16(), reason, &self.to_string())
    }

    pub(crate) fn response(&self) -> Response<Full<Bytes>> {
        let mut response = json(self.status(), self.body());
        let header = match self {
            Self::Method { allow } => Some((ALLOW, HeaderValue::from_static(allow))),
            Self::Overloaded(_) => Some((RETRY_AFTER, RETRY_AFTER_SECONDS)),
            _ => None,
        };
        response.headers_mut().extend(header);
        response
    }
}

/// Returns a response with a JSON body.
pub(crate) fn json(status: StatusCode, body: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
