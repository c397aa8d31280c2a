//! The admission chains: may this object be stored, and in what form?

mod alone;
mod collect;
mod mutate;
mod notices;
mod rejection;
mod response;
mod validate;

use std::collections::BTreeMap;

use wire::admission::{PatchType, Response};

use crate::failure::NoDecision;
use crate::mode::Mode;
use crate::name::PolicyName;
use crate::patch::Patch;
use crate::rules::{Rule, Target};
use crate::trace::Trace;

pub use alone::{Alone, alone};
pub use mutate::mutate;
pub use rejection::Rejection;
pub use validate::validate;

/// One admission policy of a chain.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Its name.
    pub name: PolicyName,
    /// It is asked when one of these matches.
    pub rules: Vec<Rule>,
    /// What becomes of a request when it fails.
    pub on_failure: OnFailure,
    /// Whether its answers count.
    pub mode: Mode,
}

/// What becomes of a request when an admission policy fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// The chain is undecided, so that the API server's failure policy applies.
    #[default]
    Fail,
    /// The request goes on without the policy, and the user is warned.
    Ignore,
}

/// What a chain answers, and why.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The answer. NoDecision when a policy failed that must not.
    pub answer: Result<Answer, NoDecision>,
    /// Every policy of the chain.
    pub trace: Trace,
}

/// The answer of a chain: warnings and annotations travel with either decision.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The decision.
    pub decision: Decision,
    /// Shown to the user. Within the limits of kube-apiserver.
    pub warnings: Vec<String>,
    /// For the audit log; keys are `<policy>.<key>`.
    pub audit_annotations: BTreeMap<String, String>,
}

/// Whether an object may be stored; only an accepted one can be changed.
#[derive(Debug, Clone)]
pub enum Decision {
    /// It may.
    Accept {
        /// The change, if there is one.
        patch: Option<Patch>,
    },
    /// It may not.
    Reject(Rejection),
}

impl Policy {
    /// Whether it is asked about such a request.
    #[must_use]
    pub fn is_for(&self, target: &Target<'_>) -> bool {
        self.rules.iter().any(|rule| rule.matches(target))
    }
}

impl Answer {
    /// The response to answer with; `uid` is the request's.
    #[must_use]
    pub fn response(&self, uid: &str) -> Response {
        let mut response = Response {
            uid: uid.to_owned(),
            audit_annotations: self.audit_annotations.clone(),
            warnings: self.warnings.clone(),
            ..Response::default()
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
