//! Authenticators: policies that identify the user of a token.

use serde::de::DeserializeOwned;
use wire::authentication::Status;
use wire::meta::UserInfo;

use crate::error::Error;

/// The request of an authenticator: the token, and the audiences that it should be valid for.
pub use wire::authentication::Spec as TokenRequest;

/// A policy that identifies the user of a token. Exported as `authn`.
///
/// ```
/// use k8s_wasm_sdk::{Authentication, Authenticator, Error, Identity, TokenRequest};
/// use serde::Deserialize;
///
/// /// Accepts one token, for one user.
/// #[derive(Deserialize)]
/// struct SingleToken {
///     token: String,
///     user: String,
/// }
///
/// impl Authenticator for SingleToken {
///     fn authenticate(&self, request: &TokenRequest) -> Result<Authentication, Error> {
///         if request.token != self.token {
///             return Ok(Authentication::unknown_token());
///         }
///         Ok(Authentication::user(Identity::new(&self.user).group("developers")))
///     }
/// }
///
/// k8s_wasm_sdk::export!(authn: SingleToken);
/// ```
pub trait Authenticator: DeserializeOwned {
    /// Returns the user of the token, or [`Authentication::UnknownToken`].
    ///
    /// # Errors
    /// If the token could not be checked. The next authenticator runs then, and the API server
    /// caches nothing.
    fn authenticate(&self, request: &TokenRequest) -> Result<Authentication, Error>;
}

/// The result of an authenticator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authentication {
    /// The token is valid and belongs to this user.
    User(Identity),
    /// The token is unknown to this authenticator, or no longer valid.
    UnknownToken,
}

impl Authentication {
    /// Identifies the user of the token.
    #[must_use]
    pub fn user(identity: Identity) -> Self {
        Self::User(identity)
    }

    /// Leaves the token to other authenticators.
    #[must_use]
    pub fn unknown_token() -> Self {
        Self::UnknownToken
    }
}

/// A user, and the audiences that the token is valid for.
///
/// ```
/// use k8s_wasm_sdk::Identity;
///
/// let jane = Identity::new("jane")
///     .uid("7f3c")
///     .group("developers")
///     .extra("example.com/team", ["storage", "backup"])
///     .audience("https://kubernetes.default.svc");
/// assert_eq!(jane.user.extra["example.com/team"].len(), 2);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user, as in the Kubernetes API.
    pub user: UserInfo,
    /// The requested audiences that the token is valid for. Empty if the authenticator does not
    /// support audiences; the token is then valid for the API server.
    pub audiences: Vec<String>,
}

impl Identity {
    /// Creates a user without groups.
    ///
    /// The name must not be empty. The host rejects names and groups that start with `system:`
    /// unless the policy is configured for them.
    pub fn new(username: impl Into<String>) -> Self {
        Self {
            user: UserInfo {
                username: username.into(),
                ..UserInfo::default()
            },
            audiences: Vec::new(),
        }
    }

    /// Sets the unique ID, which distinguishes this user from an earlier one with the same name.
    #[must_use]
    pub fn uid(mut self, uid: impl Into<String>) -> Self {
        self.user.uid = uid.into();
        self
    }

    /// Adds a group.
    #[must_use]
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.user.groups.push(group.into());
        self
    }

    /// Adds an extra attribute for authorizers. The key must be lower-case and should start with a
    /// domain: `example.com/team`.
    #[must_use]
    pub fn extra<V: Into<String>>(
        mut self,
        key: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let values = values.into_iter().map(Into::into).collect();
        self.user.extra.insert(key.into(), values);
        self
    }

    /// Adds an audience that the token is valid for. Audiences that were not requested are ignored.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }
}

impl From<UserInfo> for Identity {
    fn from(user: UserInfo) -> Self {
        Self {
            user,
            audiences: Vec::new(),
        }
    }
}

impl From<Authentication> for Status {
    fn from(authentication: Authentication) -> Self {
        match authentication {
            Authentication::User(identity) => Self {
                authenticated: true,
                user: Some(identity.user),
                audiences: identity.audiences,
                ..Self::default()
            },
            Authentication::UnknownToken => Self::default(),
        }
    }
}
