//! Evaluation requests, and the errors that prevent an evaluation.

use std::time::Instant;

use access::Plane;
use access::rules::Target;
use wire::review::ParseError;

/// A review, and the policies to evaluate on it.
#[derive(Debug, Clone, Copy)]
pub struct EvaluationRequest<'a> {
    /// The plane to evaluate.
    pub plane: Plane,
    /// The name of one policy of the plane; `None` for the whole chain.
    pub policy: Option<&'a str>,
    /// The review as received, JSON.
    pub review: &'a [u8],
    /// The same request in API versions that the admission chain was already evaluated on. Policies
    /// whose rules match one of them are skipped. Empty unless the caller converts objects.
    pub already_evaluated: &'a [Target<'a>],
    /// The instant at which the caller stops waiting. The deadline of a call is this instant or the
    /// policy's timeout, whichever is earlier.
    pub deadline: Instant,
}

/// The reason why a request cannot be evaluated.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// The bytes are not a review of the requested plane.
    #[error("failed to parse the review")]
    Review(#[from] ParseError),
    /// No policy of the plane has this name.
    #[error("there is no policy `{0}`")]
    NoSuchPolicy(String),
    /// The bytes are not a request that a Kubewarden policy can read.
    #[error("failed to parse the request")]
    Request(#[from] kubewarden::RequestError),
    /// The policy is not a Kubewarden policy; only those can be evaluated outside of a chain.
    #[error("policy `{0}` is not a Kubewarden policy")]
    NotKubewarden(String),
}
