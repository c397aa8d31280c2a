//! Log lines of decisions and of loaded policies. At level info and above they contain no token, no
//! Secret and no object.

use std::time::Duration;

use access::Trace;
use access::trace::{StepOutcome, StepVerdict};
use host::Host;

use crate::decision::DecisionEvent;

/// Maximum length of a `uid`, in characters. A UUID has 36, but a client can send anything.
const MAX_UID: usize = 64;

/// Logs the policies of a host, each with the digest of its module.
pub fn log_policies(host: &Host) {
    for policy in host.policies() {
        tracing::info!(
            plane = policy.plane.as_str(),
            policy = %policy.name,
            digest = policy.digest.map(tracing::field::display),
            entry_point = policy.entry_point.as_str(),
            "loaded policy"
        );
    }
}

/// Logs a decision, and before it each policy that failed and each monitored policy that would have
/// had an effect.
///
/// The output of a failed module can contain anything, so it is logged at level debug only.
pub(crate) fn log_decision(event: &DecisionEvent<'_>, elapsed: Duration) {
    let plane = event.origin.as_str();
    let evaluation = event.evaluation;
    for (policy, failure) in evaluation.trace.failures() {
        let (kind, error) = (failure.kind.as_str(), failure.message.as_str());
        tracing::warn!(plane, %policy, kind, error, "policy failed");
        if let Some(detail) = &failure.detail {
            tracing::debug!(plane, %policy, detail, "details of policy failure");
        }
    }
    for step in &evaluation.trace.steps {
        if let Some(verdict) = step.would_have() {
            let verdict = verdict.as_str();
            tracing::info!(plane, policy = %step.policy, verdict, "monitored policy");
        }
    }
    tracing::info!(
        plane,
        policy = deciding_policy(&evaluation.trace),
        verdict = evaluation.verdict().as_str(),
        uid = evaluation
            .uid
            .as_deref()
            .map(|uid| uid.chars().take(MAX_UID).collect::<String>()),
        status = event.status,
        duration_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
        "decided",
    );
}

/// Returns the policy that decided: the first that authenticated, allowed, denied or rejected, or
/// else the only policy of the chain.
fn deciding_policy(trace: &Trace) -> Option<&str> {
    let deciding = trace.steps.iter().find(|step| match &step.outcome {
        StepOutcome::Evaluated { verdict, .. } => matches!(
            verdict,
            StepVerdict::Authenticated { .. }
                | StepVerdict::Allowed { .. }
                | StepVerdict::Denied { .. }
                | StepVerdict::Rejected { .. }
        ),
        StepOutcome::Skipped(_) | StepOutcome::Monitored { .. } => false,
    });
    let step = match (deciding, trace.steps.as_slice()) {
        (Some(step), _) | (None, [step]) => step,
        (None, _) => return None,
    };
    Some(step.policy.as_str())
}
