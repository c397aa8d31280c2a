//! What spans tell of a review: no tokens, no objects, no words of policies. Small, because it waits in memory.

use std::mem;
use std::time::{Duration, SystemTime};

use access::trace::{Step, StepOutcome};
use access::{Failure, Mode, PolicyName, Timing};

use super::parent::Parent;
use crate::observer::DecisionEvent;
use crate::record::Record;

/// A review that was decided on.
#[derive(Debug)]
pub(super) struct Review {
    pub(super) parent: Option<Parent>,
    pub(super) begin: SystemTime,
    pub(super) elapsed: Duration,
    /// From the beginning to that of the chain: reading the review.
    pub(super) until_chain: Duration,
    /// Without steps and message: what is told of them follows.
    pub(super) record: Record,
    /// How many policies the chain has.
    pub(super) policies: usize,
    pub(super) failure: Option<String>,
    pub(super) calls: Vec<Call>,
}

/// A policy that was asked.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) policy: PolicyName,
    pub(super) mode: Mode,
    pub(super) timing: Timing,
    pub(super) answer: &'static str,
    pub(super) failure: Option<Failure>,
}

impl Review {
    /// A decision that was made just now.
    pub(super) fn of(decided: &DecisionEvent<'_>, mut record: Record, elapsed: Duration) -> Self {
        let now = SystemTime::now();
        let steps = mem::take(&mut record.steps);
        let message = mem::take(&mut record.message);
        let began = decided.answered.start;
        Self {
            parent: decided.parent,
            begin: now.checked_sub(elapsed).unwrap_or(now),
            elapsed,
            until_chain: began.saturating_duration_since(decided.arrival),
            policies: steps.len(),
            failure: decided.answered.decision.is_err().then_some(message),
            calls: steps.into_iter().filter_map(Call::of).collect(),
            record,
        }
    }

    /// How many spans it takes.
    pub(super) fn size(&self) -> usize {
        self.calls.len().saturating_add(1)
    }
}

impl Call {
    /// None when the policy was not asked.
    fn of(step: Step) -> Option<Self> {
        let answer = step.verdict()?.as_str();
        let failure = step.failure().map(|(failure, _)| failure.clone());
        let (mode, timing) = match step.outcome {
            StepOutcome::Skipped(_) => return None,
            StepOutcome::Evaluated { timing, .. } => (Mode::Protect, timing),
            StepOutcome::Monitored { timing, .. } => (Mode::Monitor, timing),
        };
        Some(Self {
            policy: step.policy,
            mode,
            timing,
            answer,
            failure,
        })
    }
}
