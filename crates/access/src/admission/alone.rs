//! One policy asked by itself: what it says in its own words, as far as its answers count.

use std::slice;

use wire::RawValue;
use wire::admission::{PatchType, Response};

use super::collect::{Collector, Next};
use super::response::Change;
use super::{Outcome, Policy};
use crate::ask::Asked;
use crate::failure::{Failure, FailureKind};
use crate::mode::Mode;
use crate::patch::Patch;
use crate::trace::SkipReason;

/// What came of asking one policy by itself.
#[derive(Debug, Clone)]
pub struct Alone {
    /// Its own words, with the smallest patch, and nothing that a chain adds. A failure when it failed and must not.
    pub response: Result<Response, Failure>,
    /// What a chain of nothing but this policy would answer, and why.
    pub outcome: Outcome,
}

/// Reads the answer of one policy; `object` is what it may change, if there is anything.
#[must_use]
pub fn alone(
    policy: &Policy,
    uid: &str,
    object: Option<&RawValue>,
    asked: Asked<Response>,
) -> Alone {
    let own = asked.answer.clone().unwrap_or_default();
    let mut patch = None;
    let mut collector = Collector::default();
    let next = collector.take(policy, uid, asked, |change| {
        let smallest = object.map(|object| smallest(change, object)).transpose()?;
        let change = smallest.filter(|patch| !patch.is_empty());
        let mutated = change.is_some();
        patch = change.filter(|_| policy.mode == Mode::Protect);
        Ok(mutated)
    });
    let outcome = collector.finish(slice::from_ref(policy), SkipReason::AlreadyDecided, || {
        Ok(patch.clone())
    });
    let response = match next {
        Next::GoOn => Ok(Response {
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
        Next::NoDecision => Err(failure(&outcome)),
    };
    Alone { response, outcome }
}

fn smallest(change: &Change, object: &RawValue) -> Result<Patch, Failure> {
    let patch = match change.form {
        PatchType::Full => Patch::from_full(object, &change.bytes),
        PatchType::JsonPatch => Patch::from_json_patch(object, &change.bytes),
    };
    patch.map_err(Failure::from)
}

/// Why there is no decision.
fn failure(outcome: &Outcome) -> Failure {
    let failed = outcome.trace.failures().next();
    failed.map_or_else(
        || Failure::new(FailureKind::Host, "there is no decision"),
        |(_, failure)| failure.clone(),
    )
}
