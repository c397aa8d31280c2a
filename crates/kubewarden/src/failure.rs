//! Failures of policies.

use engine::{CallError, CallFailure};

/// A policy evaluation without a usable response.
///
/// A failure is never an acceptance.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The call failed, or the policy reported an error.
    #[error("{}", .0.error)]
    Call(CallFailure),
    /// The response of the policy is invalid.
    #[error("{problem}")]
    Response {
        /// The problem, without data from the policy. Safe for clients.
        problem: String,
        /// Details for the operator, which may quote the response.
        detail: String,
    },
    /// The objects of the cluster that a Rego policy reads were not available before its deadline.
    /// The policy was not called.
    #[error("the objects that the policy reads were not available before its deadline")]
    Deadline,
    /// The host failed.
    #[error("{0}")]
    Internal(String),
}

impl Failure {
    /// Creates a failure for an invalid response.
    pub(crate) fn response(problem: impl Into<String>, detail: String) -> Self {
        Self::Response {
            problem: problem.into(),
            detail,
        }
    }

    /// Creates a failure of the host.
    pub(crate) fn internal(problem: impl Into<String>) -> Self {
        Self::Internal(problem.into())
    }

    /// Replaces the error of a failed call by the one that the policy reported.
    pub(crate) fn reported(message: String, failed: CallFailure) -> Self {
        Self::Call(CallFailure {
            error: CallError::Reported(message),
            ..failed
        })
    }
}

impl From<CallFailure> for Failure {
    fn from(failed: CallFailure) -> Self {
        Self::Call(failed)
    }
}
