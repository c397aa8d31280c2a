//! What is logged of decisions, the same through every door; nothing at info or coarser tells a token, a Secret or an object.

use std::time::Instant;

use access::Trace;
use access::trace::{StepOutcome, StepVerdict};

use crate::evaluation::Evaluation;
use crate::host::Host;

/// The policies of a host: the digest tells which module it is.
pub fn loaded(host: &Host) {
    for policy in host.policies() {
        tracing::info!(
            plane = policy.plane.as_str(),
            policy = %policy.name,
            digest = policy.digest.map(tracing::field::display),
            entry_point = policy.entry_point.as_str(),
            "loaded"
        );
    }
}

/// The decision on a review, and each policy that failed on the way.
///
/// What a failed module itself wrote can be anything, so it is left to level debug.
///
/// `plane` is what was asked; `status` is the number that the client is answered with, where the door has such.
pub fn decision(plane: &str, answered: &Evaluation, status: Option<u16>, arrival: Instant) {
    for (policy, failure) in answered.trace.failures() {
        let (kind, error) = (failure.kind.as_str(), failure.message.as_str());
        tracing::warn!(plane, %policy, kind, error, "a policy failed");
        if let Some(detail) = &failure.detail {
            tracing::debug!(plane, %policy, detail, "what the module wrote");
        }
    }
    for step in &answered.trace.steps {
        if let Some(verdict) = step.would_have() {
            tracing::info!(plane, policy = %step.policy, "would be {}, mode monitor", verdict.as_str());
        }
    }
    tracing::info!(
        plane,
        policy = deciding(&answered.trace),
        verdict = answered.verdict().as_str(),
        uid = answered
            .uid
            .as_deref()
            .map(|uid| uid.chars().take(UID_MAX).collect::<String>()),
        status,
        duration_us = u64::try_from(arrival.elapsed().as_micros()).unwrap_or(u64::MAX),
        "decided",
    );
}

/// A UUID has 36 characters; a client can send anything.
const UID_MAX: usize = 64;

/// The policy that decided, when it was one; of several that reject, the first.
fn deciding(trace: &Trace) -> Option<&str> {
    let decided = trace.steps.iter().find(|step| match &step.outcome {
        StepOutcome::Evaluated { verdict, .. } => matches!(
            verdict,
            StepVerdict::Authenticated { .. }
                | StepVerdict::Allowed { .. }
                | StepVerdict::Denied { .. }
                | StepVerdict::Rejected { .. }
        ),
        StepOutcome::Skipped(_) | StepOutcome::Monitored { .. } => false,
    });
    let step = match (decided, trace.steps.as_slice()) {
        (Some(step), _) | (None, [step]) => step,
        (None, _) => return None,
    };
    Some(step.policy.as_str())
}
