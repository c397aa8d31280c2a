//! What is logged of reviews: one line per decision, never a token, an object or a body.

use std::time::Instant;

use access::trace::{StepAnswer, StepOutcome};
use access::{Failure, Plane, Trace};
use host::Answered;
use hyper::{Method, StatusCode, Uri};

use crate::refusal::Refusal;

/// The decision on a review, and each policy that failed on the way.
///
/// What a failed module itself wrote can be anything, so it is left to level debug.
pub(super) fn decision(plane: Plane, answered: &Answered, status: StatusCode, arrival: Instant) {
    let plane = plane.as_str();
    for (policy, failure) in answered.trace.failures() {
        let (kind, error) = (failure.kind.as_str(), failure.message.as_str());
        tracing::warn!(plane, %policy, kind, error, "a policy failed");
        if let Some(detail) = &failure.detail {
            tracing::debug!(plane, %policy, detail, "what the module wrote");
        }
    }
    for step in &answered.trace.steps {
        if let StepOutcome::Asked {
            answer: StepAnswer::Watched { code, .. },
            ..
        } = &step.outcome
        {
            tracing::info!(plane, policy = %step.policy, code, "would be rejected, mode monitor");
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
        status = status.as_u16(),
        duration_us = u64::try_from(arrival.elapsed().as_micros()).unwrap_or(u64::MAX),
        "decided",
    );
}

/// A policy that failed on a raw request.
pub(super) fn raw_failure(policy: &str, failure: &Failure) {
    let (kind, error) = (failure.kind.as_str(), failure.message.as_str());
    tracing::warn!(plane = "raw", policy, kind, error, "a policy failed");
}

/// A request that was not answered with a review. What the client is told may quote what it sent, so it is left to level
/// debug; the path is its own, too, and may be long.
pub(super) fn refusal(method: &Method, uri: &Uri, refusal: &Refusal) {
    let path: String = uri.path().chars().take(PATH_MAX).collect();
    tracing::info!(%method, ?path, status = refusal.status().as_u16(), reason = refusal.reason(), "refused a request");
    tracing::debug!(told = %refusal, "what the client was told");
}

/// A UUID has 36 characters; a client can send anything.
const UID_MAX: usize = 64;

/// Longer than any path that leads somewhere, in characters.
const PATH_MAX: usize = 300;

/// The policy that decided, when it was one; of several that reject, the first.
fn deciding(trace: &Trace) -> Option<&str> {
    let decided = trace.steps.iter().find(|step| match &step.outcome {
        StepOutcome::Asked { answer, .. } => matches!(
            answer,
            StepAnswer::Authenticated { .. }
                | StepAnswer::Allowed { .. }
                | StepAnswer::Denied { .. }
                | StepAnswer::Rejected { .. }
        ),
        StepOutcome::Skipped(_) => false,
    });
    let step = match (decided, trace.steps.as_slice()) {
        (Some(step), _) | (None, [step]) => step,
        (None, _) => return None,
    };
    Some(step.policy.as_str())
}
