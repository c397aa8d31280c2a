//! The admission chains: decide if an object may be stored, and with which changes.

mod collect;
mod mutate;
mod notices;
mod rejection;
mod response;
mod single_policy;
mod validate;

use std::collections::BTreeMap;

use wire::admission::PatchType;

use crate::failure::{FailurePolicy, NoDecision};
use crate::patch::Patch;
use crate::policy::{Mode, PolicyName};
use crate::rules::{Rule, Target};
use crate::trace::{SkipReason, StepVerdict, Trace};

pub use mutate::mutate;
pub use rejection::Rejection;
pub use single_policy::{SingleOutcome, single_policy};
pub use validate::validate;

/// One admission policy of a chain.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The name of the policy.
    pub name: PolicyName,
    /// The rules of the policy. It is evaluated on requests that match at least one of them.
    pub rules: Vec<Rule>,
    /// The consequence of a failure.
    pub on_failure: OnFailure,
    /// The mode of the policy.
    pub mode: Mode,
}

/// The failure policy of an admission policy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// The chain has no decision, so the API server's failure policy applies.
    #[default]
    Fail,
    /// The chain continues without the policy, and the user gets a warning.
    Ignore,
}

impl From<OnFailure> for FailurePolicy {
    fn from(on_failure: OnFailure) -> Self {
        match on_failure {
            OnFailure::Fail => Self::NoDecision,
            OnFailure::Ignore => Self::Ignore,
        }
    }
}

/// The result of evaluating a chain.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The response. No decision if a policy failed whose failure must not be ignored.
    pub response: Result<Response, NoDecision>,
    /// The step of every policy.
    pub trace: Trace,
}

/// The response of a chain: a decision, with warnings and audit annotations in either case.
#[derive(Debug, Clone)]
pub struct Response {
    /// The decision.
    pub decision: Decision,
    /// The warnings for the user, within the limits of kube-apiserver.
    pub warnings: Vec<String>,
    /// The annotations for the audit log, with keys of the form `<policy>.<key>`.
    pub audit_annotations: BTreeMap<String, String>,
}

/// The decision on an object. Only an accepted object can be changed.
#[derive(Debug, Clone)]
pub enum Decision {
    /// The object may be stored.
    Accept {
        /// The change to the object, if there is one.
        patch: Option<Patch>,
    },
    /// The object must not be stored.
    Reject(Rejection),
}

/// The verdict of one admission policy.
#[derive(Debug)]
enum Verdict {
    Accepted { mutated: bool },
    Rejected { message: String, code: u16 },
}

impl From<Verdict> for StepVerdict {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Accepted { mutated } => Self::Accepted { mutated },
            Verdict::Rejected { message, code } => Self::Rejected { message, code },
        }
    }
}

impl Policy {
    /// Returns whether the policy is evaluated on such a request.
    #[must_use]
    pub fn is_for(&self, target: &Target<'_>) -> bool {
        self.rules.iter().any(|rule| rule.matches(target))
    }

    /// Returns the reason to skip the policy, if there is one.
    fn skip_reason(
        &self,
        target: &Target<'_>,
        already_evaluated: &[Target<'_>],
    ) -> Option<SkipReason> {
        if !self.is_for(target) {
            Some(SkipReason::NoRuleMatches)
        } else if already_evaluated.iter().any(|target| self.is_for(target)) {
            Some(SkipReason::AlreadyEvaluated)
        } else {
            None
        }
    }
}

impl Response {
    /// Creates the response of an AdmissionReview; `uid` is that of the request.
    #[must_use]
    pub fn to_wire(&self, uid: &str) -> wire::admission::Response {
        let mut response = wire::admission::Response {
            uid: uid.to_owned(),
            audit_annotations: self.audit_annotations.clone(),
            warnings: self.warnings.clone(),
            ..wire::admission::Response::default()
        };
        match &self.decision {
            Decision::Accept { patch } => {
                response.allowed = true;
                response.patch = patch.as_ref().map(Patch::to_json);
                response.patch_type = patch.as_ref().map(|_| PatchType::JsonPatch);
            }
            Decision::Reject(rejection) => response.status = Some(rejection.status()),
        }
        response
    }
}

#[cfg(test)]
mod tests;
