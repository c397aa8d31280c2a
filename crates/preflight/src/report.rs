//! Blocked operations, described for operators: the policy, its reason, and the way to exempt the
//! operation.

use std::fmt;

use access::trace::{StepOutcome, StepVerdict};
use access::{Consequence, FailureKind, Plane, PolicyName, Trace};
use config::EssentialOperation;

use crate::corpus::Probe;

/// A policy set would lock the cluster out: it blocks essential operations.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct LockedOut {
    /// Never empty: only [`Self::new`] creates the type.
    blocked: Vec<BlockedOperation>,
}

/// Probes of one essential operation that one policy blocks on one plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockedOperation {
    /// The operation.
    pub operation: EssentialOperation,
    /// The plane.
    pub plane: Plane,
    /// The first blocked probe, such as
    /// `update leases worker-1 in kube-node-lease by system:node:worker-1`.
    pub probe: String,
    /// The number of further blocked probes.
    pub more: usize,
    /// The policy; absent if no policy was evaluated.
    pub policy: Option<PolicyName>,
    /// The verdict of the policy on the first probe, with its message.
    pub problem: String,
    /// The kind of cause.
    pub cause: Cause,
}

/// The kind of cause of a blocked operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The policy denied or rejected the probe, or failed in a way that will recur.
    Policy,
    /// The call timed out or was refused because of overload, and may succeed when repeated.
    Transient,
}

impl BlockedOperation {
    pub(crate) fn new(probe: &Probe, plane: Plane, objection: Objection) -> Self {
        Self {
            operation: probe.operation,
            plane,
            probe: probe.to_string(),
            more: 0,
            policy: objection.policy,
            problem: objection.problem,
            cause: objection.cause,
        }
    }

    fn is_similar(&self, other: &Self) -> bool {
        (self.operation, self.plane, &self.policy) == (other.operation, other.plane, &other.policy)
    }
}

impl fmt::Display for BlockedOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.operation.name, self.probe)?;
        if self.more > 0 {
            write!(f, " (and {} more)", self.more)?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl LockedOut {
    /// Merges the probes of each policy and operation. Returns `None` if there are none.
    pub(crate) fn new(blocked: Vec<BlockedOperation>) -> Option<Self> {
        let mut merged: Vec<BlockedOperation> = Vec::new();
        for operation in blocked {
            match merged.iter_mut().find(|first| first.is_similar(&operation)) {
                Some(first) => {
                    first.more = first.more.saturating_add(1);
                    if operation.cause == Cause::Policy {
                        first.cause = Cause::Policy;
                    }
                }
                None => merged.push(operation),
            }
        }
        (!merged.is_empty()).then_some(Self { blocked: merged })
    }

    /// Returns the blocked operations, in the order of the probes. There is at least one.
    pub fn iter(&self) -> std::slice::Iter<'_, BlockedOperation> {
        self.blocked.iter()
    }

    /// Returns true if all causes are transient, so that the same policies may pass when they are
    /// checked again.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.iter().all(|blocked| blocked.cause == Cause::Transient)
    }

    /// Returns the description of the error, without the operations.
    #[must_use]
    pub fn summary(&self) -> &'static str {
        if self.is_transient() {
            "could not determine in time whether the policies would lock the cluster out"
        } else {
            "the policies would lock the cluster out"
        }
    }

    /// Returns a suggestion for the operator.
    #[must_use]
    pub fn advice(&self) -> String {
        if self.is_transient() {
            return "the machine may be busy: try again, or find out why the policies are slow"
                .to_owned();
        }
        format!(
            "to allow this deliberately, configure `{}`",
            self.exemption()
        )
    }

    /// Returns the configuration that exempts the blocked operations.
    fn exemption(&self) -> String {
        let blocked = self.iter().filter(|blocked| blocked.cause == Cause::Policy);
        let mut names: Vec<&str> = blocked.map(|blocked| blocked.operation.name).collect();
        names.dedup();
        format!("lockOutGuard: {{exempt: [{}]}}", names.join(", "))
    }
}

impl<'a> IntoIterator for &'a LockedOut {
    type Item = &'a BlockedOperation;
    type IntoIter = std::slice::Iter<'a, BlockedOperation>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for LockedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.summary())?;
        for blocked in self {
            write!(f, "\n{blocked} ({})", blocked.operation.reason)?;
        }
        write!(f, "\n{}", self.advice())
    }
}

/// The reason for which one policy blocks one probe.
#[derive(Debug)]
pub(crate) struct Objection {
    pub(crate) policy: Option<PolicyName>,
    pub(crate) cause: Cause,
    problem: String,
}

impl Objection {
    /// Creates an objection that is not caused by a policy.
    pub(crate) fn general(cause: Cause, problem: impl Into<String>) -> Self {
        Self {
            policy: None,
            cause,
            problem: problem.into(),
        }
    }

    /// Returns the objections of the policies of a chain that blocks a probe; at least one.
    pub(crate) fn from_trace(trace: &Trace) -> Vec<Self> {
        let verdicts = trace.steps.iter().filter_map(|step| match &step.outcome {
            StepOutcome::Evaluated { verdict, .. } => Some((&step.policy, verdict)),
            StepOutcome::Skipped(_) | StepOutcome::Monitored { .. } => None,
        });
        let objections: Vec<_> = verdicts
            .filter_map(|(policy, verdict)| Self::from_verdict(policy, verdict))
            .collect();
        if objections.is_empty() {
            return vec![Self::general(Cause::Policy, "there is no decision")];
        }
        objections
    }

    fn from_verdict(policy: &PolicyName, verdict: &StepVerdict) -> Option<Self> {
        let (cause, problem) = match verdict {
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
                Cause::from(failure.kind),
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

impl From<FailureKind> for Cause {
    fn from(failure: FailureKind) -> Self {
        match failure {
            FailureKind::Overloaded | FailureKind::Deadline => Self::Transient,
            _ => Self::Policy,
        }
    }
}
