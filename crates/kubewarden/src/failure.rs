//! Why a policy has no answer.

use engine::{CallError, CallFailed};

/// A policy was asked and has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The module did not come to its end, or says itself that it failed.
    #[error("{}", .0.error)]
    Call(CallFailed),
    /// It came to its end, but what it answered means nothing.
    #[error("{problem}")]
    Answer {
        /// What is wrong, for anybody.
        problem: String,
        /// What the module wrote, for the operator.
        detail: String,
    },
    /// What the policy sees of the cluster was not there in time; the policy was not asked.
    #[error("the objects that the policy reads did not arrive before its deadline")]
    Deadline,
    /// The host could not do its part.
    #[error("{0}")]
    Host(String),
}

impl Failure {
    pub(crate) fn answer(problem: impl Into<String>, detail: String) -> Self {
        Self::Answer {
            problem: problem.into(),
            detail,
        }
    }

    pub(crate) fn host(problem: impl Into<String>) -> Self {
        Self::Host(problem.into())
    }

    /// A failed call, with what the module says of it.
    pub(crate) fn reported(said: String, failed: CallFailed) -> Self {
        Self::Call(CallFailed {
            error: CallError::Reported(said),
            ..failed
        })
    }
}

impl From<CallFailed> for Failure {
    fn from(failed: CallFailed) -> Self {
        Self::Call(failed)
    }
}
