//! The authorizer chain: may this user do that?

use wire::authorization::{Review, Status};
use wire::review::ParseError;

use crate::ask::{self, Ask};
use crate::failure::{self, Consequence, Failure, FailureKind, NoDecision};
use crate::mode::Mode;
use crate::name::PolicyName;
use crate::text;
use crate::trace::{Recorder, SkipReason, StepVerdict, Trace};

/// One authorizer of a chain.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Its name.
    pub name: PolicyName,
    /// What becomes of a request when it fails.
    pub on_failure: OnFailure,
    /// Whether its answers count.
    pub mode: Mode,
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
    /// The decision. NoDecision when no policy allowed or denied and one failed: the API server's own failure policy
    /// should apply, and nothing may be cached.
    pub decision: Result<Decision, NoDecision>,
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

/// Asks the policies in order until one allows or denies, those left aside that are only watched.
///
/// A review that states both or neither of resource and non-resource attributes is answered by nobody: two policies could
/// read it differently, and kube-apiserver never sends one.
pub async fn decide(chain: &[Policy], review: &Review<'_>, by: &impl Ask<Status>) -> Outcome {
    let mut recorder = Recorder::default();
    let names = || chain.iter().map(|policy| &policy.name);
    let spec = &review.spec;
    if spec.resource_attributes.is_some() == spec.non_resource_attributes.is_some() {
        return Outcome {
            decision: Err(NoDecision {
                message: MALFORMED.to_owned(),
            }),
            trace: recorder.finish(names(), SkipReason::MalformedReview),
        };
    }
    let mut decided = None;
    let mut reasons = Vec::new();
    let body: Result<&[u8], ParseError> = Ok(review.for_module());
    for (index, policy) in chain.iter().enumerate() {
        let asked = ask::ask(by, index, &body).await;
        let answer = match asked.answer.and_then(check) {
            Ok(answer) => answer,
            Err(failure) => StepVerdict::failed(
                failure,
                policy.mode,
                failure::OnFailure::Authorization(policy.on_failure),
            ),
        };
        if policy.mode == Mode::Protect {
            decided = decision(&policy.name, &answer);
            reasons.extend(opinion(&policy.name, &answer));
        }
        let asked_policy = (&policy.name, policy.mode);
        recorder.asked(asked_policy, asked.timing, answer, Vec::new());
        if decided.is_some() {
            break;
        }
    }
    let trace = recorder.finish(names(), SkipReason::AlreadyDecided);
    let decision = match decided {
        Some(decision) => Ok(decision),
        None => failure::settle(
            &trace,
            Decision::NoOpinion {
                reason: reasons.join("; "),
            },
        ),
    };
    Outcome { decision, trace }
}

/// What an answer says, if it may say that.
///
/// A policy that met an error on its way and has no opinion has failed: a clean "no opinion" would be cached.
fn check(status: Status) -> Result<StepVerdict, Failure> {
    let reason = text::paragraph(&status.reason, MAX_REASON);
    match (status.allowed, status.denied) {
        (true, true) => Err(Failure::answer("the request is allowed and denied at once")),
        (true, false) => Ok(StepVerdict::Allowed { reason }),
        (false, true) => Ok(StepVerdict::Denied { reason }),
        (false, false) if status.evaluation_error.is_empty() => {
            Ok(StepVerdict::NoOpinion { reason })
        }
        (false, false) => Err(Failure::new(FailureKind::Reported, status.evaluation_error)),
    }
}

/// The decision of the chain, when this answer is one.
fn decision(policy: &PolicyName, answer: &StepVerdict) -> Option<Decision> {
    match answer {
        StepVerdict::Allowed { reason } if reason.is_empty() => Some(Decision::Allow {
            reason: format!("allowed by policy `{policy}`"),
        }),
        StepVerdict::Allowed { reason } => Some(Decision::Allow {
            reason: reason.clone(),
        }),
        StepVerdict::Denied { reason } if reason.is_empty() => Some(Decision::Deny {
            reason: format!("denied by policy `{policy}`"),
        }),
        StepVerdict::Denied { reason } => Some(Decision::Deny {
            reason: format!("{policy}: {reason}"),
        }),
        StepVerdict::Failed {
            failure,
            consequence: Consequence::Denied,
        } => Some(Decision::Deny {
            reason: failure::told(policy, failure),
        }),
        _ => None,
    }
}

/// What a policy without an opinion says nevertheless.
fn opinion(policy: &PolicyName, answer: &StepVerdict) -> Option<String> {
    match answer {
        StepVerdict::NoOpinion { reason } if !reason.is_empty() => {
            Some(format!("{policy}: {reason}"))
        }
        _ => None,
    }
}

const MALFORMED: &str =
    "the review must state either resourceAttributes or nonResourceAttributes, and not both";

/// In characters; the reason becomes part of the message of a 403.
const MAX_REASON: usize = 4096;

#[cfg(test)]
mod tests;
