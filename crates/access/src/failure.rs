//! Failed calls, and the one function that maps a failure to its consequence.

use serde::{Deserialize, Serialize};

use crate::policy::{Mode, PolicyName};
use crate::text;

/// The maximum length of a message in characters. Messages end up in headers and on terminals.
const MAX_MESSAGE: usize = 512;

/// A call that returned no usable response.
///
/// `Display` writes the message for the client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The kind of failure, for labels and decisions.
    pub kind: FailureKind,
    /// The message for the client: short and without secrets.
    pub message: String,
    /// Details for the operator's log, such as the module's own output or a backtrace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Failure {
    /// Creates a failure with a message for the client, cut to one line of at most 512 characters.
    #[must_use]
    pub fn new(kind: FailureKind, message: impl AsRef<str>) -> Self {
        Self {
            kind,
            message: text::line(message.as_ref(), MAX_MESSAGE),
            detail: None,
        }
    }

    /// Adds details for the operator's log; clients never see them.
    #[must_use]
    pub fn with_detail(mut self, detail: String) -> Self {
        self.detail = Some(detail);
        self
    }

    pub(crate) fn response(message: impl AsRef<str>) -> Self {
        Self::new(FailureKind::Response, message)
    }

    /// Formats the failure of a policy in one sentence.
    pub(crate) fn sentence(&self, policy: &PolicyName) -> String {
        format!("policy `{policy}` failed: {self}")
    }
}

/// The kind of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailureKind {
    /// The call exceeded its deadline.
    Deadline,
    /// The call exceeded its memory limit.
    Memory,
    /// The module trapped.
    Trap,
    /// The module exited with a code other than 0.
    Exit,
    /// The output exceeded its limit.
    Output,
    /// The review exceeded the input limit, or the policy cannot read it.
    Input,
    /// The response cannot be decoded, or breaks a rule.
    Response,
    /// The module reported an error.
    Reported,
    /// Too many calls were running and queued.
    Overloaded,
    /// The host failed, not the module.
    Internal,
}

impl FailureKind {
    /// All kinds.
    pub const ALL: [Self; 10] = [
        Self::Deadline,
        Self::Memory,
        Self::Trap,
        Self::Exit,
        Self::Output,
        Self::Input,
        Self::Response,
        Self::Reported,
        Self::Overloaded,
        Self::Internal,
    ];

    /// Returns the kind in lower case, for labels and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deadline => "deadline",
            Self::Memory => "memory",
            Self::Trap => "trap",
            Self::Exit => "exit",
            Self::Output => "output",
            Self::Input => "input",
            Self::Response => "response",
            Self::Reported => "reported",
            Self::Overloaded => "overloaded",
            Self::Internal => "internal",
        }
    }
}

/// The configured consequence of a failure, on any plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailurePolicy {
    /// The chain has no decision, unless another policy decides.
    NoDecision,
    /// The request is denied.
    Deny,
    /// The chain continues without the policy.
    Ignore,
}

/// The effect of a failed call on its chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Consequence {
    /// The chain has no decision, unless another policy decides.
    NoDecision,
    /// The request is denied.
    Denied,
    /// The chain continued without the policy. On the admission planes the user gets a warning.
    Ignored,
}

/// Maps a failure to its consequence: the only place that decides this. No consequence allows
/// a request.
pub(crate) fn consequence(mode: Mode, policy: impl Into<FailurePolicy>) -> Consequence {
    match (mode, policy.into()) {
        // A monitored policy must not stop a request.
        (Mode::Monitor, _) | (Mode::Protect, FailurePolicy::Ignore) => Consequence::Ignored,
        (Mode::Protect, FailurePolicy::NoDecision) => Consequence::NoDecision,
        (Mode::Protect, FailurePolicy::Deny) => Consequence::Denied,
    }
}

/// A failure together with its consequence.
#[derive(Debug)]
pub(crate) struct FailedCall {
    pub(crate) failure: Failure,
    pub(crate) consequence: Consequence,
}

impl FailedCall {
    pub(crate) fn new(failure: Failure, mode: Mode, policy: impl Into<FailurePolicy>) -> Self {
        Self {
            failure,
            consequence: consequence(mode, policy),
        }
    }
}

/// The outcome of a chain in which policies failed and no other policy decided.
///
/// Each variant has a message for the client and its log, which names each failed policy and its
/// failure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoDecision {
    /// Too many calls were running and queued. The policies may decide if the request is retried.
    #[error("{0}")]
    Overloaded(String),
    /// Policies failed, or the review is malformed.
    #[error("{0}")]
    PoliciesFailed(String),
}

impl NoDecision {
    /// Combines failures that leave a chain without a decision; `None` if there are none.
    pub(crate) fn from_failures<'a>(
        failures: impl Iterator<Item = (&'a PolicyName, &'a Failure)>,
    ) -> Option<Self> {
        let mut are_overloads = true;
        let sentences: Vec<String> = failures
            .map(|(policy, failure)| {
                are_overloads &= failure.kind == FailureKind::Overloaded;
                failure.sentence(policy)
            })
            .collect();
        if sentences.is_empty() {
            return None;
        }
        let message = sentences.join("; ");
        Some(if are_overloads {
            Self::Overloaded(message)
        } else {
            Self::PoliciesFailed(message)
        })
    }

    /// Returns the message for the client.
    #[must_use]
    pub fn message(&self) -> &str {
        match self {
            Self::Overloaded(message) | Self::PoliciesFailed(message) => message,
        }
    }
}
