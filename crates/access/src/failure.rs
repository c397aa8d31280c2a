//! A failed call, and the one function that tells what it means for a decision.

use serde::{Deserialize, Serialize};

use crate::mode::Mode;
use crate::name::PolicyName;
use crate::trace::Trace;
use crate::{admission, authz, text};

/// Why a policy has no answer.
///
/// `Display` shows what the client may read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What kind of failure, for labels and decisions.
    pub kind: FailureKind,
    /// For the client: short and without secrets.
    pub message: String,
    /// For the operator's log: the module's own output, a backtrace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Failure {
    /// A failure with what the client is told, on one line of at most 512 characters.
    #[must_use]
    pub fn new(kind: FailureKind, message: impl AsRef<str>) -> Self {
        Self {
            kind,
            message: text::line(message.as_ref(), MAX_MESSAGE),
            detail: None,
        }
    }

    /// The same failure with what only the operator's log is told.
    #[must_use]
    pub fn with_detail(mut self, detail: String) -> Self {
        self.detail = Some(detail);
        self
    }

    pub(crate) fn answer(message: impl AsRef<str>) -> Self {
        Self::new(FailureKind::Answer, message)
    }
}

/// The kinds of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailureKind {
    /// The call took longer than it may.
    Deadline,
    /// The call needed more memory than it may.
    Memory,
    /// The module trapped.
    Trap,
    /// The module exited with a code other than 0.
    Exit,
    /// The output is larger than it may be.
    Output,
    /// The review is larger than the policy takes.
    Input,
    /// The answer cannot be decoded, or breaks a rule.
    Answer,
    /// The module itself reported an error.
    Reported,
    /// Too many calls are running and waiting.
    Busy,
    /// The host failed, not the module.
    Host,
}

impl FailureKind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Deadline,
        Self::Memory,
        Self::Trap,
        Self::Exit,
        Self::Output,
        Self::Input,
        Self::Answer,
        Self::Reported,
        Self::Busy,
        Self::Host,
    ];

    /// The kind in lower case, for labels and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deadline => "deadline",
            Self::Memory => "memory",
            Self::Trap => "trap",
            Self::Exit => "exit",
            Self::Output => "output",
            Self::Input => "input",
            Self::Answer => "answer",
            Self::Reported => "reported",
            Self::Busy => "busy",
            Self::Host => "host",
        }
    }
}

/// What the configuration says of a policy that fails; authentication leaves no choice.
#[derive(Debug, Clone, Copy)]
pub(crate) enum OnFailure {
    Authentication,
    Authorization(authz::OnFailure),
    Admission(admission::OnFailure),
}

/// What a failed call made of its chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Consequence {
    /// Unless another policy decides, the chain is undecided.
    NoDecision,
    /// The request is denied.
    Denied,
    /// The chain went on as if the policy were not there. The user is warned where there is a way to: in admission.
    Ignored,
}

/// From failure to decision: the only place where this is decided. No consequence allows anything.
pub(crate) fn consequence(mode: Mode, on_failure: OnFailure) -> Consequence {
    match on_failure {
        // A policy that is only watched must not stop anything.
        _ if mode == Mode::Monitor => Consequence::Ignored,
        OnFailure::Authentication
        | OnFailure::Authorization(authz::OnFailure::NoOpinion)
        | OnFailure::Admission(admission::OnFailure::Fail) => Consequence::NoDecision,
        OnFailure::Authorization(authz::OnFailure::Deny) => Consequence::Denied,
        OnFailure::Admission(admission::OnFailure::Ignore) => Consequence::Ignored,
    }
}

/// A chain came to no decision, because of policies that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct NoDecision {
    /// For the client and its log: names each policy that failed, and how.
    pub message: String,
}

/// What a chain answers in which no policy decided: `otherwise`, unless one failed that might have.
pub(crate) fn settle<D>(trace: &Trace, otherwise: D) -> Result<D, NoDecision> {
    let failed: Vec<String> = trace
        .steps
        .iter()
        .filter_map(|step| match step.failure()? {
            (failure, Consequence::NoDecision) => Some(told(&step.policy, failure)),
            (_, Consequence::Denied | Consequence::Ignored) => None,
        })
        .collect();
    if failed.is_empty() {
        return Ok(otherwise);
    }
    Err(NoDecision {
        message: failed.join("; "),
    })
}

/// The one sentence on a failed call.
pub(crate) fn told(policy: &PolicyName, failure: &Failure) -> String {
    format!("policy `{policy}` failed: {failure}")
}

/// In characters; a message may end up in a header or on a terminal.
const MAX_MESSAGE: usize = 512;
