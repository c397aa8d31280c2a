//! What a [`crate::Host`] gives back for a review: the decision, its trace, and the bytes to send.

use std::fmt;
use std::time::Instant;

use access::trace::Step;
use access::{Consequence, FailureKind, NoDecision, Trace, admission, authn, authz};
use serde::{Deserialize, Serialize};

use crate::subject::Subject;

/// A review that was answered.
#[derive(Debug)]
pub struct Evaluation {
    /// The request's `uid`; only admission has one.
    pub uid: Option<String>,
    /// What it was about.
    pub subject: Subject,
    /// What was decided; undecided when policies failed and no other decided.
    pub decision: Result<Decision, NoDecision>,
    /// How it came about: every policy of the chain, in order.
    pub trace: Trace,
    /// When the chain began; the trace counts the times of its calls from here.
    pub began: Instant,
    /// What the API server is to be sent.
    pub reply: Reply,
}

/// What was decided, in the words of the plane that was asked.
#[derive(Debug)]
pub enum Decision {
    /// Who the caller is.
    Authentication(authn::Decision),
    /// What the caller may do.
    Authorization(authz::Decision),
    /// Whether the object may be stored, and in what form.
    Admission(admission::Answer),
}

/// What the API server is to be sent. How that looks in HTTP is the server's business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// An answered review in the version of the question, as JSON.
    Review(Vec<u8>),
    /// No decision could be made because a policy failed; the API server's own failure policy is to decide.
    Failed(String),
}

/// A decision in one word, for logs, metrics and exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The token belongs to a user.
    Authenticated,
    /// No module knows the token.
    Unauthenticated,
    /// The request is allowed.
    Allowed,
    /// The request is denied.
    Denied,
    /// No module has an opinion.
    NoOpinion,
    /// The object may be stored as it is.
    Accepted,
    /// The object may be stored with the changes made.
    Patched,
    /// The object may not be stored.
    Rejected,
    /// A policy failed and no decision could be made.
    Failed,
}

impl Verdict {
    /// The word, in kebab case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Authenticated => "authenticated",
            Self::Unauthenticated => "unauthenticated",
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::NoOpinion => "no-opinion",
            Self::Accepted => "accepted",
            Self::Patched => "patched",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
        }
    }

    /// Returns true if the request did not succeed: unauthenticated, denied, rejected or failed.
    #[must_use]
    pub fn is_refusal(self) -> bool {
        match self {
            Self::Unauthenticated | Self::Denied | Self::Rejected | Self::Failed => true,
            Self::Authenticated
            | Self::Allowed
            | Self::NoOpinion
            | Self::Accepted
            | Self::Patched => false,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Evaluation {
    /// The decision in one word.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.decision
            .as_ref()
            .map_or(Verdict::Failed, Decision::verdict)
    }

    /// The text that goes with the decision: a reason, a rejection's message, what failed. Empty when there is none.
    #[must_use]
    pub fn message(&self) -> &str {
        match &self.decision {
            Ok(decision) => decision.message(),
            Err(undecided) => &undecided.message,
        }
    }
}

impl Evaluation {
    /// What to say when there is no decision for the only reason that too many calls were under way: nothing is wrong with
    /// the policies, and the same question will be answered a moment later.
    #[must_use]
    pub fn overload(&self) -> Option<&str> {
        let undecided = self.decision.as_ref().err()?;
        let mut to_blame = self
            .trace
            .steps
            .iter()
            .filter_map(Step::failure)
            .filter(|(_, consequence)| *consequence == Consequence::NoDecision)
            .peekable();
        to_blame.peek()?;
        to_blame
            .all(|(failure, _)| failure.kind == FailureKind::Busy)
            .then_some(&undecided.message)
    }
}

impl Decision {
    fn verdict(&self) -> Verdict {
        match self {
            Self::Authentication(authn::Decision::Authenticated(_)) => Verdict::Authenticated,
            Self::Authentication(authn::Decision::Unknown) => Verdict::Unauthenticated,
            Self::Authorization(authz::Decision::Allow { .. }) => Verdict::Allowed,
            Self::Authorization(authz::Decision::Deny { .. }) => Verdict::Denied,
            Self::Authorization(authz::Decision::NoOpinion { .. }) => Verdict::NoOpinion,
            Self::Admission(answer) => match &answer.decision {
                admission::Decision::Accept { patch: None } => Verdict::Accepted,
                admission::Decision::Accept { patch: Some(_) } => Verdict::Patched,
                admission::Decision::Reject(_) => Verdict::Rejected,
            },
        }
    }

    fn message(&self) -> &str {
        match self {
            Self::Authentication(_) => "",
            Self::Authorization(
                authz::Decision::Allow { reason }
                | authz::Decision::Deny { reason }
                | authz::Decision::NoOpinion { reason },
            ) => reason,
            Self::Admission(answer) => match &answer.decision {
                admission::Decision::Accept { .. } => "",
                admission::Decision::Reject(rejection) => &rejection.message,
            },
        }
    }
}
