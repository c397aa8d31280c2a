//! The authentication chain: identifies the user that a token belongs to.

use wire::authentication::{Review, Status};

use crate::evaluate::{Entry, Evaluate, PolicyReview, evaluate};
use crate::failure::{FailedCall, FailurePolicy, NoDecision};
use crate::identity::{self, Claim};
use crate::policy::{Mode, PolicyName};
use crate::trace::{Recorder, SkipReason, StepVerdict, Trace};

pub use crate::identity::{Identity, SystemNames};

/// One authenticator of a chain.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The name of the policy.
    pub name: PolicyName,
    /// The permission to return users, groups and extra keys that are reserved for Kubernetes:
    /// names with the prefix `system:`, and extra keys in `k8s.io` and `kubernetes.io`.
    pub system_names: SystemNames,
    /// The mode of the policy.
    pub mode: Mode,
}

/// The result of evaluating a chain.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The decision. No decision if no policy recognized the token and at least one failed; that
    /// must not be cached.
    pub decision: Result<Decision, NoDecision>,
    /// The step of every policy.
    pub trace: Trace,
}

/// The decision on a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The token belongs to this user.
    Authenticated(Identity),
    /// All policies were evaluated and none recognizes the token. kube-apiserver caches this.
    Unknown,
}

/// The verdict of one authenticator.
#[derive(Debug)]
enum Verdict {
    Authenticated { username: String },
    UnknownToken,
    AudienceMismatch,
}

impl From<Verdict> for StepVerdict {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Authenticated { username } => Self::Authenticated { username },
            Verdict::UnknownToken => Self::UnknownToken,
            Verdict::AudienceMismatch => Self::AudienceMismatch,
        }
    }
}

impl Outcome {
    /// Creates the status of the response. Without a decision it has an `error`, which prevents
    /// kube-apiserver from caching the response.
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
            Err(no_decision) => Status {
                error: no_decision.message().to_owned(),
                ..Status::default()
            },
        }
    }
}

/// Evaluates the policies in order until one recognizes the token.
///
/// A failed or monitored policy does not end the chain: a later one may recognize the token.
///
/// ```
/// use access::authn::{self, Decision, Policy, SystemNames};
/// use access::{Entry, Evaluate, Evaluated, Mode, PolicyReview, Timing};
/// use wire::authentication::{Review, Status};
/// use wire::meta::UserInfo;
///
/// /// Authenticates every token as `jane`.
/// struct Jane;
///
/// impl Evaluate<Status> for Jane {
///     type Context = ();
///     type Parsed = ();
///
///     async fn evaluate(&self, _: &PolicyReview<'_, ()>, (): &()) -> Evaluated<Status> {
///         let user = UserInfo { username: "jane".into(), ..UserInfo::default() };
///         let status = Status { authenticated: true, user: Some(user), ..Status::default() };
///         Evaluated { response: Ok(status), timing: Timing::default() }
///     }
/// }
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let policy = Policy {
///     name: "jane".parse()?,
///     system_names: SystemNames::Refused,
///     mode: Mode::Protect,
/// };
/// let chain = [Entry { policy, evaluator: Jane }];
/// let review = Review::parse(
///     br#"{"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
///         "spec": {"token": "t"}}"#,
/// )?;
/// let outcome = authn::decide(&chain, &review, &()).await;
/// let Ok(Decision::Authenticated(identity)) = outcome.decision else { panic!() };
/// assert_eq!(identity.user.username, "jane");
/// # Ok(())
/// # }
/// # futures_util::FutureExt::now_or_never(example()).unwrap().unwrap();
/// ```
pub async fn decide<E: Evaluate<Status>>(
    chain: &[Entry<Policy, E>],
    review: &Review<'_>,
    context: &E::Context,
) -> Outcome {
    let mut recorder = Recorder::with_capacity(chain.len());
    let mut found = None;
    let policy_review = review.for_module().map(PolicyReview::new);
    for Entry { policy, evaluator } in chain {
        let evaluated = evaluate(evaluator, &policy_review, context).await;
        let claim = evaluated.response.and_then(|status| {
            identity::check(status, policy.system_names, &review.spec.audiences)
        });
        let result = match claim {
            Ok(Claim::Authenticated(identity)) => {
                let username = identity.user.username.clone();
                found = Some(identity).filter(|_| policy.mode == Mode::Protect);
                Ok(Verdict::Authenticated { username })
            }
            Ok(Claim::UnknownToken) => Ok(Verdict::UnknownToken),
            Ok(Claim::AudienceMismatch) => Ok(Verdict::AudienceMismatch),
            // Authentication has no configurable failure policy.
            Err(failure) => Err(FailedCall::new(
                failure,
                policy.mode,
                FailurePolicy::NoDecision,
            )),
        };
        let step = (&policy.name, policy.mode);
        recorder.record(step, evaluated.timing, result, Vec::new());
        if found.is_some() {
            break;
        }
    }
    let names = chain.iter().map(|entry| &entry.policy.name);
    let trace = recorder.finish(names, SkipReason::AlreadyDecided);
    let decision = match found {
        Some(identity) => Ok(Decision::Authenticated(identity)),
        None => trace.settle(Decision::Unknown),
    };
    Outcome { decision, trace }
}

#[cfg(test)]
mod tests;
