//! What a set of policies refuses, in words that tell an operator whom to look at and what to do.

use std::fmt;

use access::trace::{StepAnswer, StepOutcome};
use access::{Consequence, Plane, PolicyName, Trace};

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
                Some(first) => first.more = first.more.saturating_add(1),
                None => together.push(refusal),
            }
        }
        (!together.is_empty()).then_some(Self(together))
    }

    /// What to write into the configuration when all of it is meant.
    #[must_use]
    pub fn exemption(&self) -> String {
        let mut needs: Vec<&str> = self.0.iter().map(|refusal| refusal.need).collect();
        needs.dedup();
        format!("lockOutGuard: {{exempt: [{}]}}", needs.join(", "))
    }
}

impl fmt::Display for LockedOut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the policies would lock the cluster out")?;
        for refusal in &self.0 {
            write!(formatter, "\n{refusal} ({})", refusal.why)?;
        }
        write!(
            formatter,
            "\nif that is meant, configure `{}`",
            self.exemption()
        )
    }
}

/// What one policy has against one review.
#[derive(Debug)]
pub(super) struct Objection {
    policy: Option<PolicyName>,
    problem: String,
}

impl Objection {
    /// Nobody could be asked.
    pub(super) fn of_nobody(problem: impl Into<String>) -> Self {
        Self {
            policy: None,
            problem: problem.into(),
        }
    }

    /// The policies of a chain that made it refuse; there is always somebody.
    pub(super) fn all(trace: &Trace) -> Vec<Self> {
        let answers = trace.steps.iter().filter_map(|step| match &step.outcome {
            StepOutcome::Asked { answer, .. } => Some((&step.policy, answer)),
            StepOutcome::Skipped(_) | StepOutcome::Watched { .. } => None,
        });
        let objections = answers.filter_map(|(policy, answer)| {
            Some(Self {
                policy: Some(policy.clone()),
                problem: problem(policy, answer)?,
            })
        });
        let objections: Vec<_> = objections.collect();
        if objections.is_empty() {
            return vec![Self::of_nobody("there is no decision")];
        }
        objections
    }
}

/// What an answer has against a review, if anything.
fn problem(policy: &PolicyName, answer: &StepAnswer) -> Option<String> {
    match answer {
        StepAnswer::Denied { reason } if reason.is_empty() => {
            Some(format!("denied by policy `{policy}`"))
        }
        StepAnswer::Denied { reason } => Some(format!("denied by policy `{policy}`: {reason}")),
        StepAnswer::Rejected { message, .. } => {
            Some(format!("rejected by policy `{policy}`: {message}"))
        }
        StepAnswer::Failed {
            failure,
            consequence: Consequence::Undecided | Consequence::Denied,
        } => Some(format!("policy `{policy}` failed: {failure}")),
        _ => None,
    }
}
