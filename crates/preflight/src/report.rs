//! What a set of policies refuses, in words that tell an operator whom to look at and what to do.

use std::fmt;

use access::trace::{StepOutcome, StepVerdict};
use access::{Consequence, FailureKind, Plane, PolicyName, Trace};

use super::corpus::Question;

/// A set of policies would lock the cluster out. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct LockedOut(pub Vec<Refusal>);

/// Reviews that one policy refuses although the cluster needs them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The need, as a configuration calls it.
    pub need: &'static str,
    /// Why the cluster needs it, a sentence.
    pub why: &'static str,
    /// What was asked.
    pub plane: Plane,
    /// The first of the reviews, in words: `update leases worker-1 in kube-node-lease by system:node:worker-1`.
    pub review: String,
    /// How many more reviews of this need the policy refuses on this plane.
    pub more: usize,
    /// Whose doing it is; none when nobody could be asked.
    pub policy: Option<PolicyName>,
    /// What the policy did, with its message.
    pub problem: String,
    /// What is to blame.
    pub cause: Cause,
}

/// What a refusal is to blame on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The policy: it said so, or failed as it will again.
    Policy,
    /// Perhaps nothing but the moment: there was no answer in time, or no place for the call.
    Moment,
}

impl Refusal {
    pub(super) fn new(question: &Question, plane: Plane, objection: Objection) -> Self {
        Self {
            need: &question.need.name,
            why: &question.need.why,
            plane,
            review: question.to_string(),
            more: 0,
            policy: objection.policy,
            problem: objection.problem,
            cause: objection.cause,
        }
    }

    fn is_of(&self, other: &Self) -> bool {
        (self.need, self.plane, &self.policy) == (other.need, other.plane, &other.policy)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}`: {}", self.need, self.review)?;
        if self.more > 0 {
            write!(formatter, " (and {} more)", self.more)?;
        }
        write!(formatter, ": {}", self.problem)
    }
}

impl LockedOut {
    /// All refusals, those of one policy for one need as one; none when there is none.
    pub(super) fn of(refusals: Vec<Refusal>) -> Option<Self> {
        let mut together: Vec<Refusal> = Vec::new();
        for refusal in refusals {
            match together.iter_mut().find(|first| first.is_of(&refusal)) {
                Some(first) => {
                    first.more = first.more.saturating_add(1);
                    if refusal.cause == Cause::Policy {
                        first.cause = Cause::Policy;
                    }
                }
                None => together.push(refusal),
            }
        }
        (!together.is_empty()).then_some(Self(together))
    }

    /// Whether all of it may be due to the moment, so that the same policies may pass when they are asked again.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.0.iter().all(|refusal| refusal.cause == Cause::Moment)
    }

    /// What it comes to, in a few words.
    #[must_use]
    pub fn summary(&self) -> &'static str {
        if self.is_transient() {
            "the policies did not say in time whether they would lock the cluster out"
        } else {
            "the policies would lock the cluster out"
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn advice(&self) -> String {
        if self.is_transient() {
            return "the machine may be busy: try again, or see what the policies take so long for"
                .to_owned();
        }
        format!("if that is meant, configure `{}`", self.exemption())
    }

    /// What to write into the configuration when all of it is meant.
    fn exemption(&self) -> String {
        let meant = |refusal: &&Refusal| refusal.cause == Cause::Policy;
        let refusals = self.0.iter().filter(meant);
        let mut needs: Vec<&str> = refusals.map(|refusal| refusal.need).collect();
        needs.dedup();
        format!("lockOutGuard: {{exempt: [{}]}}", needs.join(", "))
    }
}

impl fmt::Display for LockedOut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.summary())?;
        for refusal in &self.0 {
            write!(formatter, "\n{refusal} ({})", refusal.why)?;
        }
        write!(formatter, "\n{}", self.advice())
    }
}

/// What one policy has against one review.
#[derive(Debug)]
pub(super) struct Objection {
    pub(super) policy: Option<PolicyName>,
    pub(super) cause: Cause,
    problem: String,
}

impl Objection {
    /// Nobody could be asked.
    pub(super) fn of_nobody(cause: Cause, problem: impl Into<String>) -> Self {
        Self {
            policy: None,
            cause,
            problem: problem.into(),
        }
    }

    /// The policies of a chain that made it refuse; there is always somebody.
    pub(super) fn all(trace: &Trace) -> Vec<Self> {
        let answers = trace.steps.iter().filter_map(|step| match &step.outcome {
            StepOutcome::Evaluated { answer, .. } => Some((&step.policy, answer)),
            StepOutcome::Skipped(_) | StepOutcome::Monitored { .. } => None,
        });
        let objections = answers.filter_map(|(policy, answer)| Self::of(policy, answer));
        let objections: Vec<_> = objections.collect();
        if objections.is_empty() {
            return vec![Self::of_nobody(Cause::Policy, "there is no decision")];
        }
        objections
    }

    /// What an answer has against a review, if anything.
    fn of(policy: &PolicyName, answer: &StepVerdict) -> Option<Self> {
        let (cause, problem) = match answer {
            StepVerdict::Denied { reason } if reason.is_empty() => {
                (Cause::Policy, format!("denied by policy `{policy}`"))
            }
            StepVerdict::Denied { reason } => (
                Cause::Policy,
                format!("denied by policy `{policy}`: {reason}"),
            ),
            StepVerdict::Rejected { message, .. } => (
                Cause::Policy,
                format!("rejected by policy `{policy}`: {message}"),
            ),
            StepVerdict::Failed {
                failure,
                consequence: Consequence::NoDecision | Consequence::Denied,
            } => (
                Cause::of(failure.kind),
                format!("policy `{policy}` failed: {failure}"),
            ),
            _ => return None,
        };
        Some(Self {
            policy: Some(policy.clone()),
            cause,
            problem,
        })
    }
}

impl Cause {
    fn of(failure: FailureKind) -> Self {
        match failure {
            FailureKind::Busy | FailureKind::Deadline => Self::Moment,
            _ => Self::Policy,
        }
    }
}
