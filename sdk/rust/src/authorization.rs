//! Authorizers: policies that allow or deny requests of users.

use serde::de::DeserializeOwned;
use wire::authorization::Status;

use crate::error::Error;

/// The request of an authorizer: a user and an action.
pub use wire::authorization::Spec as AccessRequest;

/// A policy that allows or denies requests of users. Exported as `authz`.
///
/// ```
/// use k8s_wasm_sdk::{AccessRequest, Authorization, Authorizer, Error};
/// use serde::Deserialize;
///
/// /// Lets a group read everything in its namespace.
/// #[derive(Deserialize)]
/// struct Readers {
///     group: String,
///     namespace: String,
/// }
///
/// impl Authorizer for Readers {
///     fn authorize(&self, request: &AccessRequest) -> Result<Authorization, Error> {
///         let is_read = request.resource_attributes.as_ref().is_some_and(|resource| {
///             resource.namespace == self.namespace
///                 && ["get", "list", "watch"].contains(&resource.verb.as_str())
///         });
///         Ok(if is_read && request.groups.contains(&self.group) {
///             Authorization::allow().because(format!("member of {}", self.group))
///         } else {
///             Authorization::no_opinion()
///         })
///     }
/// }
///
/// k8s_wasm_sdk::export!(authz: Readers);
/// ```
pub trait Authorizer: DeserializeOwned {
    /// Allows or denies the request, or leaves it to other authorizers.
    ///
    /// # Errors
    /// If the policy could not decide. That is never an allow.
    fn authorize(&self, request: &AccessRequest) -> Result<Authorization, Error>;
}

/// The result of an authorizer. The reason may be empty.
///
/// ```
/// use k8s_wasm_sdk::Authorization;
///
/// let denied = Authorization::deny("Secrets are read through the vault");
/// let allowed = Authorization::allow().because("on call");
/// assert_ne!(denied, allowed);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authorization {
    /// The request is allowed; no further authorizer runs.
    Allow {
        /// The reason for the audit log.
        reason: String,
    },
    /// The request is denied; no other authorizer can allow it.
    Deny {
        /// The reason for the user, part of the message of the 403 response.
        reason: String,
    },
    /// Other authorizers decide. The request is forbidden if none allows it.
    NoOpinion {
        /// The reason for the user, part of the message of a 403 response.
        reason: String,
    },
}

impl Authorization {
    /// Allows the request.
    #[must_use]
    pub fn allow() -> Self {
        Self::Allow {
            reason: String::new(),
        }
    }

    /// Denies the request; no other authorizer can allow it.
    pub fn deny(reason: impl Into<String>) -> Self {
        Self::Deny {
            reason: reason.into(),
        }
    }

    /// Leaves the request to other authorizers.
    #[must_use]
    pub fn no_opinion() -> Self {
        Self::NoOpinion {
            reason: String::new(),
        }
    }

    /// Sets the reason.
    #[must_use]
    pub fn because(mut self, text: impl Into<String>) -> Self {
        let (Self::Allow { reason } | Self::Deny { reason } | Self::NoOpinion { reason }) =
            &mut self;
        *reason = text.into();
        self
    }
}

impl From<Authorization> for Status {
    fn from(authorization: Authorization) -> Self {
        let (allowed, denied, reason) = match authorization {
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
