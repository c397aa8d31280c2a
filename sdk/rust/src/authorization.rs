//! Authorizers: may this user do that?

use serde::de::DeserializeOwned;
use wire::authorization::Status;

use crate::Error;

/// What an authorizer is asked: who wants to do what.
pub use wire::authorization::Spec as AccessRequest;

/// Decides whether a user may do something. Exported as `authz`.
pub trait Authorizer: DeserializeOwned {
    /// Whether the user may do what is requested.
    ///
    /// # Errors
    /// When it could not be found out. That is never an allow.
    fn authorize(&self, request: &AccessRequest) -> Result<Authorization, Error>;
}

/// What an authorizer answers. The reason may be empty; it reaches the user in the message of a 403.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authorization {
    /// The user may; no further authorizer is asked.
    Allow {
        /// Why, for the audit log.
        reason: String,
    },
    /// The user may not, whatever other authorizers would say.
    Deny {
        /// Why not.
        reason: String,
    },
    /// Other authorizers decide; when none allows it, the user may not.
    NoOpinion {
        /// Why there is no opinion.
        reason: String,
    },
}

impl Authorization {
    /// The user may.
    #[must_use]
    pub fn allow() -> Self {
        Self::Allow {
            reason: String::new(),
        }
    }

    /// The user may not, and no other authorizer can allow it.
    pub fn deny(reason: impl Into<String>) -> Self {
        Self::Deny {
            reason: reason.into(),
        }
    }

    /// Others decide.
    #[must_use]
    pub fn no_opinion() -> Self {
        Self::NoOpinion {
            reason: String::new(),
        }
    }

    /// Gives the reason.
    #[must_use]
    pub fn because(mut self, why: impl Into<String>) -> Self {
        let (Self::Allow { reason } | Self::Deny { reason } | Self::NoOpinion { reason }) =
            &mut self;
        *reason = why.into();
        self
    }
}

impl From<Authorization> for Status {
    fn from(answer: Authorization) -> Self {
        let (allowed, denied, reason) = match answer {
            Authorization::Allow { reason } => (true, false, reason),
            Authorization::Deny { reason } => (false, true, reason),
            Authorization::NoOpinion { reason } => (false, false, reason),
        };
        Self {
            allowed,
            denied,
            reason,
            ..Self::default()
        }
    }
}
