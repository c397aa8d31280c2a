//! Authenticators: whose token is this?

use serde::de::DeserializeOwned;
use wire::authentication::Status;
use wire::meta::UserInfo;

use crate::Error;

/// What an authenticator is asked: the token, and the audiences it should be meant for.
pub use wire::authentication::Spec as TokenRequest;

/// Decides whose token it is. Exported as `authn`.
pub trait Authenticator: DeserializeOwned {
    /// The owner of the token, or [`Authentication::NotMine`].
    ///
    /// # Errors
    /// When the token could not be checked. The other authenticators are asked then, and nothing is cached.
    fn authenticate(&self, request: &TokenRequest) -> Result<Authentication, Error>;
}

/// What an authenticator answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authentication {
    /// The token is valid and belongs to this user.
    User(Identity),
    /// This authenticator does not know the token, or the token is not valid (any more).
    NotMine,
}

impl Authentication {
    /// The token belongs to `identity`.
    #[must_use]
    pub fn user(identity: Identity) -> Self {
        Self::User(identity)
    }

    /// The token is not known here.
    #[must_use]
    pub fn not_mine() -> Self {
        Self::NotMine
    }
}

/// A user, and the audiences that the token is valid for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user as Kubernetes knows one.
    pub user: UserInfo,
    /// Those of the requested audiences that the token is valid for. Empty from an authenticator that does not know
    /// audiences; the token then counts for the API server.
    pub audiences: Vec<String>,
}

impl Identity {
    /// A user of this name, without groups.
    ///
    /// The name must not be empty. Names and groups that start with `system:` are refused by the host unless the policy
    /// is configured for them.
    pub fn new(username: impl Into<String>) -> Self {
        Self {
            user: UserInfo {
                username: username.into(),
                ..UserInfo::default()
            },
            audiences: Vec::new(),
        }
    }

    /// Sets what tells this user from an earlier one of the same name.
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

    /// Adds a fact for authorizers. The key must be lower-case and should start with a domain: `example.com/team`.
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

    /// Adds an audience that the token is valid for. Only requested ones count.
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
    fn from(answer: Authentication) -> Self {
        match answer {
            Authentication::User(identity) => Self {
                authenticated: true,
                user: Some(identity.user),
                audiences: identity.audiences,
                ..Self::default()
            },
            Authentication::NotMine => Self::default(),
        }
    }
}
