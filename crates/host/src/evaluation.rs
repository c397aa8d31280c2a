//! The result of evaluating a review: decision, trace and reply.

use std::fmt;
use std::time::Instant;

use access::{NoDecision, Trace, admission, authn, authz};
use serde::{Deserialize, Serialize};

use crate::reply::Reply;
use crate::subject::Subject;

/// The result of evaluating a review.
#[derive(Debug)]
pub struct Evaluation {
    /// The `uid` of the request; only admission requests have one.
    pub uid: Option<String>,
    /// The subject of the review.
    pub subject: Subject,
    /// The decision. No decision if policies failed and no other policy decided.
    pub decision: Result<Decision, NoDecision>,
    /// The steps of all policies of the chain, in order.
    pub trace: Trace,
    /// The start of the chain, which the timing of the trace refers to.
    pub start: Instant,
    /// The reply to the client.
    pub reply: Reply,
}

/// The decision of a chain on its plane.
#[derive(Debug)]
pub enum Decision {
    /// The user of a token.
    Authentication(authn::Decision),
    /// The permission of a user.
    Authorization(authz::Decision),
    /// The admission of an object, and its changes.
    Admission(admission::Response),
}

/// A verdict: a decision in one word, for logs, metrics and exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The token belongs to a user.
    Authenticated,
    /// No policy recognizes the token.
    Unauthenticated,
    /// The request is allowed.
    Allowed,
    /// The request is denied.
    Denied,
    /// No policy has an opinion.
    NoOpinion,
    /// The object may be stored unchanged.
    Accepted,
    /// The object may be stored with changes.
    Patched,
    /// The object must not be stored.
    Rejected,
    /// Policies failed and there is no decision.
    Failed,
}

impl Verdict {
    /// Returns the verdict in kebab case.
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

    /// Returns whether the client gets less than it requested: no user, a denial, a rejection or
    /// no decision.
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
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Evaluation {
    /// Returns the verdict: the decision in one word.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.decision
            .as_ref()
            .map_or(Verdict::Failed, Decision::verdict)
    }

    /// Returns the text of the decision: a reason, a rejection's message or the failures. May be empty.
    #[must_use]
    pub fn message(&self) -> &str {
        match &self.decision {
            Ok(decision) => decision.message(),
            Err(no_decision) => no_decision.message(),
        }
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
            Self::Admission(response) => match &response.decision {
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
            Self::Admission(response) => match &response.decision {
                admission::Decision::Accept { .. } => "",
                admission::Decision::Reject(rejection) => &rejection.message,
            },
        }
    }
}
