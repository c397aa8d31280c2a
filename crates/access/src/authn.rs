//! The authenticator chain: who does this token belong to?

use wire::authentication::{Review, Status};
use wire::meta::UserInfo;

use crate::ask::{self, Ask};
use crate::failure::{self, NoDecision, OnFailure};
use crate::identity::{self, Claim};
use crate::mode::Mode;
use crate::name::PolicyName;
use crate::trace::{Recorder, SkipReason, StepVerdict, Trace};

/// One authenticator of a chain.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Its name.
    pub name: PolicyName,
    /// Whether it may name users, groups and extra keys that belong to Kubernetes itself: `system:…`, and extra keys of
    /// `k8s.io` and `kubernetes.io`.
    pub system_names: SystemNames,
    /// Whether its answers count.
    pub mode: Mode,
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
    /// The decision. NoDecision when no policy knows the token and one failed, which must not be cached.
    pub decision: Result<Decision, NoDecision>,
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
///
/// A policy that fails does not stop the others: another one may well know the token. Nor does one that is only watched.
pub async fn decide(chain: &[Policy], review: &Review<'_>, by: &impl Ask<Status>) -> Outcome {
    let mut recorder = Recorder::default();
    let mut found = None;
    let body = review.for_module();
    for (index, policy) in chain.iter().enumerate() {
        let asked = ask::ask(by, index, &body).await;
        let claim = asked.answer.and_then(|status| {
            identity::check(status, policy.system_names, &review.spec.audiences)
        });
        let answer = match claim {
            Ok(Claim::Mine(identity)) => {
                let username = identity.user.username.clone();
                found = Some(identity).filter(|_| policy.mode == Mode::Protect);
                StepVerdict::Authenticated { username }
            }
            Ok(Claim::UnknownToken) => StepVerdict::UnknownToken,
            Ok(Claim::AudienceMismatch) => StepVerdict::AudienceMismatch,
            Err(failure) => StepVerdict::failed(failure, policy.mode, OnFailure::Authentication),
        };
        recorder.asked(
            (&policy.name, policy.mode),
            asked.timing,
            answer,
            Vec::new(),
        );
        if found.is_some() {
            break;
        }
    }
    let names = chain.iter().map(|policy| &policy.name);
    let trace = recorder.finish(names, SkipReason::AlreadyDecided);
    let decision = match found {
        Some(identity) => Ok(Decision::Authenticated(identity)),
        None => failure::settle(&trace, Decision::Unknown),
    };
    Outcome { decision, trace }
}

#[cfg(test)]
mod tests;
