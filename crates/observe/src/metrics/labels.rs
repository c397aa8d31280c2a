//! Labels of metrics, each with a bounded set of values.

use std::fmt;

use access::PolicyName;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Decision {
    pub(super) plane: &'static str,
    pub(super) verdict: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Plane {
    pub(super) plane: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Policy {
    pub(super) plane: &'static str,
    pub(super) policy: Name,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Evaluation {
    pub(super) plane: &'static str,
    pub(super) policy: Name,
    pub(super) mode: &'static str,
    pub(super) verdict: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Failure {
    pub(super) plane: &'static str,
    pub(super) policy: Name,
    pub(super) mode: &'static str,
    pub(super) kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Rejection {
    pub(super) reason: RejectionReason,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Reload {
    /// `success` or `failure`.
    pub(super) result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct PolicyInfo {
    pub(super) plane: &'static str,
    pub(super) policy: Name,
    /// Empty for a group, which has no module of its own.
    pub(super) digest: String,
}

/// The name of a configured policy.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Name(pub(super) PolicyName);

impl EncodeLabelValue for Name {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        self.0.as_str().encode(encoder)
    }
}

/// The reason for which a request was not evaluated: a `metav1.StatusReason`
/// (`k8s.io/apimachinery/pkg/apis/meta/v1/types.go`), or `Cancelled`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RejectionReason {
    /// The review or a parameter is malformed.
    BadRequest,
    /// The caller cancelled the request before there was a decision.
    Cancelled,
    /// No name of the client certificate is allowed.
    Forbidden,
    /// An admission policy failed.
    InternalError,
    /// The HTTP method is not supported.
    MethodNotAllowed,
    /// The path or the policy does not exist.
    NotFound,
    /// The review is too large.
    RequestEntityTooLarge,
    /// An authorizer failed.
    ServiceUnavailable,
    /// The review did not arrive in time.
    Timeout,
    /// The server is overloaded.
    TooManyRequests,
    /// The content type is not JSON.
    UnsupportedMediaType,
}

impl RejectionReason {
    /// Returns the reason as Kubernetes writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "BadRequest",
            Self::Cancelled => "Cancelled",
            Self::Forbidden => "Forbidden",
            Self::InternalError => "InternalError",
            Self::MethodNotAllowed => "MethodNotAllowed",
            Self::NotFound => "NotFound",
            Self::RequestEntityTooLarge => "RequestEntityTooLarge",
            Self::ServiceUnavailable => "ServiceUnavailable",
            Self::Timeout => "Timeout",
            Self::TooManyRequests => "TooManyRequests",
            Self::UnsupportedMediaType => "UnsupportedMediaType",
        }
    }
}

impl EncodeLabelValue for RejectionReason {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        self.as_str().encode(encoder)
    }
}
