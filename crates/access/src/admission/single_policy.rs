//! The evaluation of one policy outside of a chain.

use std::iter;

use wire::RawValue;
use wire::admission::{PatchType, Response};

use super::collect::{Collector, Next};
use super::{Outcome, Policy};
use crate::evaluate::Evaluated;
use crate::failure::{Failure, FailureKind};
use crate::patch::{Draft, Patch};
use crate::policy::Mode;
use crate::trace::SkipReason;

/// The result of evaluating one policy outside of a chain.
#[derive(Debug, Clone)]
pub struct SingleOutcome {
    /// The policy's own response, with the smallest patch and without anything that a chain adds.
    /// A failure if the call failed and its failure must not be ignored.
    pub response: Result<Response, Failure>,
    /// The outcome of a chain that consists of this policy only.
    pub outcome: Outcome,
}

/// Reads the response of one policy to the request with this `uid`. `object` is the object that
/// the policy may change, if there is one.
#[must_use]
pub fn single_policy(
    policy: &Policy,
    uid: &str,
    object: Option<&RawValue>,
    evaluated: Evaluated<Response>,
) -> SingleOutcome {
    let own = evaluated.response.clone().unwrap_or_default();
    let mut patch = None;
    let mut collector = Collector::with_capacity(1);
    let next = collector.add(policy, uid, evaluated, |mutation| {
        let Some(object) = object else {
            return Ok(false);
        };
        let mut draft = Draft::new(object);
        draft.mutate(mutation.patch_type, &mutation.patch)?;
        let change = draft.into_change()?;
        let mutated = change.is_some();
        patch = change.filter(|_| policy.mode == Mode::Protect);
        Ok(mutated)
    });
    let names = iter::once(&policy.name);
    let outcome = collector.finish(names, SkipReason::AlreadyDecided, || Ok(patch.clone()));
    let response = match next {
        Next::Continue => Ok(Response {
            uid: uid.to_owned(),
            allowed: true,
            status: None,
            patch: patch.as_ref().map(Patch::to_json),
            patch_type: patch.map(|_| PatchType::JsonPatch),
            ..own
        }),
        Next::Rejected => Ok(Response {
            patch: None,
            patch_type: None,
            ..own
        }),
        Next::NoDecision => Err(first_failure(&outcome)),
    };
    SingleOutcome { response, outcome }
}

fn first_failure(outcome: &Outcome) -> Failure {
    let first = outcome.trace.failures().next();
    first.map_or_else(
        || Failure::new(FailureKind::Internal, "there is no decision"),
        |(_, failure)| failure.clone(),
    )
}
