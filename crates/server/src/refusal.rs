//! Requests that are not answered with a review: which HTTP code, and what the `Status` in the body says.

use access::{NoDecision, Plane};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};

/// Why a request is not answered with a review. `Display` is what the client is told.
///
/// Each is sent as a `v1` Status, whose message kube-apiserver shows and logs. None is a redirect: kube-apiserver would
/// follow it (CVE-2020-8561).
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("there is nothing at this path")]
    Path,
    #[error("only {allow} is allowed here")]
    Method { allow: &'static str },
    #[error("the review must be sent as `application/json`")]
    MediaType,
    #[error("the parameter `timeout` must be a duration such as `10s`, `1m30s` or `500ms`")]
    Timeout,
    #[error("the review is larger than {max} bytes")]
    BodyTooLarge { max: usize },
    #[error("the review did not arrive in time")]
    BodyTooSlow,
    #[error("the review could not be received")]
    BodyBroken,
    #[error("{0}")]
    Review(String),
    #[error("there is no policy `{0}` here")]
    Policy(String),
    #[error("the client certificate is valid, but none of its names is allowed to ask")]
    Client,
    /// Too much is being done already: worth another try, which kube-apiserver makes within its deadline.
    #[error("{0}")]
    Overload(String),
    /// An authorizer failed. With 503 and without Retry-After kube-apiserver does not try again, caches nothing and follows
    /// its own failure policy.
    #[error("{0}")]
    Authorizer(String),
    /// An admission policy failed.
    #[error("{0}")]
    AdmissionPolicy(String),
}

/// What a client is asked to wait when there is too much to do, in seconds: kube-apiserver reads integers only.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// Returns the HTTP status code and the body of the response to a client; `plane` is `None` for a
/// raw review. The webhook server sends exactly these.
#[must_use]
pub fn status_and_body(plane: Option<Plane>, reply: &host::Reply) -> (u16, Vec<u8>) {
    match reply {
        host::Reply::Review(review) => (StatusCode::OK.as_u16(), review.clone()),
        host::Reply::NoDecision(no_decision) => {
            let refusal = Refusal::from_no_decision(plane, no_decision);
            (refusal.status().as_u16(), refusal.body())
        }
    }
}

impl Refusal {
    /// Creates the response to a review without a decision.
    pub(crate) fn from_no_decision(plane: Option<Plane>, no_decision: &NoDecision) -> Self {
        let message = no_decision.message().to_owned();
        match (no_decision, plane) {
            (NoDecision::Overloaded(_), _) => Self::Overload(message),
            (NoDecision::PoliciesFailed(_), Some(Plane::Authorization)) => {
                Self::Authorizer(message)
            }
            (NoDecision::PoliciesFailed(_), _) => Self::AdmissionPolicy(message),
        }
    }

    fn body(&self) -> Vec<u8> {
        wire::meta::failure_body(self.status().as_u16(), self.reason(), &self.to_string())
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Path | Self::Policy(_) => StatusCode::NOT_FOUND,
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Timeout | Self::BodyBroken | Self::Review(_) => StatusCode::BAD_REQUEST,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Client => StatusCode::FORBIDDEN,
            Self::Overload(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Authorizer(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::AdmissionPolicy(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// For machines: a `metav1.StatusReason` (`k8s.io/apimachinery/pkg/apis/meta/v1/types.go`).
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Path | Self::Policy(_) => "NotFound",
            Self::Method { .. } => "MethodNotAllowed",
            Self::MediaType => "UnsupportedMediaType",
            Self::Timeout | Self::BodyBroken | Self::Review(_) => "BadRequest",
            Self::BodyTooLarge { .. } => "RequestEntityTooLarge",
            Self::BodyTooSlow => "Timeout",
            Self::Client => "Forbidden",
            Self::Overload(_) => "TooManyRequests",
            Self::Authorizer(_) => "ServiceUnavailable",
            Self::AdmissionPolicy(_) => "InternalError",
        }
    }

    pub(crate) fn response(&self) -> Response<Full<Bytes>> {
        let status = self.status();
        let mut response = json(status, self.body());
        match self {
            Self::Method { allow } => {
                response
                    .headers_mut()
                    .insert(ALLOW, HeaderValue::from_static(allow));
            }
            Self::Overload(_) => {
                response
                    .headers_mut()
                    .insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
            }
            _ => {}
        }
        response
    }
}

/// An answer with a JSON body.
pub(crate) fn json(status: StatusCode, body: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
