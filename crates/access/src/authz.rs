//! The authorization chain: decides if a user may perform a request.

use wire::authorization::{Review, Status};
use wire::review::ParseError;

use crate::evaluate::{Entry, Evaluate, PolicyReview, evaluate};
use crate::failure::{Consequence, FailedCall, Failure, FailureKind, FailurePolicy, NoDecision};
use crate::policy::{Mode, PolicyName};
use crate::text;
use crate::trace::{Recorder, SkipReason, StepVerdict, Trace};

const MALFORMED: &str =
    "the review must contain either resourceAttributes or nonResourceAttributes, not both";

/// The maximum length of a reason in characters. The reason becomes part of the message of a 403.
const MAX_REASON: usize = 4096;

/// One authorizer of a chain.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The name of the policy.
    pub name: PolicyName,
    /// The consequence of a failure.
    pub on_failure: OnFailure,
    /// The mode of the policy.
    pub mode: Mode,
}

/// The failure policy of an authorizer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// The chain continues. If no other policy allows or denies, there is no decision. For
    /// policies that only add permissions.
    #[default]
    NoOpinion,
    /// The request is denied. For policies that deny requests which others would allow.
    Deny,
}

impl From<OnFailure> for FailurePolicy {
    fn from(on_failure: OnFailure) -> Self {
        match on_failure {
            OnFailure::NoOpinion => Self::NoDecision,
            OnFailure::Deny => Self::Deny,
        }
    }
}

/// The result of evaluating a chain.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The decision. No decision if no policy allowed or denied and at least one failed: the API
    /// server's own failure policy should apply, and nothing may be cached.
    pub decision: Result<Decision, NoDecision>,
    /// The step of every policy.
    pub trace: Trace,
}

/// The decision on a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The request is allowed.
    Allow {
        /// The reason, for the audit log.
        reason: String,
    },
    /// The request is denied, and the API server evaluates no other authorizer.
    Deny {
        /// The reason, for the user. Names the policy.
        reason: String,
    },
    /// The other authorizers of the API server decide.
    NoOpinion {
        /// The reason, for the user if no other authorizer allows the request. May be empty.
        reason: String,
    },
}

/// The verdict of one authorizer.
#[derive(Debug)]
enum Verdict {
    Allowed { reason: String },
    Denied { reason: String },
    NoOpinion { reason: String },
}

impl From<Verdict> for StepVerdict {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Allowed { reason } => Self::Allowed { reason },
            Verdict::Denied { reason } => Self::Denied { reason },
            Verdict::NoOpinion { reason } => Self::NoOpinion { reason },
        }
    }
}

impl Decision {
    /// Creates the status of the response.
    #[must_use]
    pub fn status(&self) -> Status {
        let (allowed, denied, reason) = match self {
            Self::Allow { reason } => (true, false, reason),
            Self::Deny { reason } => (false, true, reason),
            Self::NoOpinion { reason } => (false, false, reason),
        };
        Status {
            allowed,
            denied,
            reason: reason.clone(),
            evaluation_error: String::new(),
        }
    }
}

/// Evaluates the policies in order until one allows or denies. Verdicts of monitored policies have
/// no effect.
///
/// A review with both or neither of resource and non-resource attributes is not evaluated: two
/// policies could read it differently, and kube-apiserver never sends one.
///
/// ```
/// use access::authz::{self, Decision, OnFailure, Policy};
/// use access::{Entry, Evaluate, Evaluated, Mode, PolicyReview, Timing};
/// use wire::authorization::{Review, Status};
///
/// /// Allows every request.
/// struct AllowAll;
///
/// impl Evaluate<Status> for AllowAll {
///     type Context = ();
///     type Parsed = ();
///
///     async fn evaluate(&self, _: &PolicyReview<'_, ()>, (): &()) -> Evaluated<Status> {
///         let status = Status { allowed: true, ..Status::default() };
///         Evaluated { response: Ok(status), timing: Timing::default() }
///     }
/// }
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let policy = Policy {
///     name: "allow-all".parse()?,
///     on_failure: OnFailure::NoOpinion,
///     mode: Mode::Protect,
/// };
/// let chain = [Entry { policy, evaluator: AllowAll }];
/// let review = Review::parse(
///     br#"{"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
///         "spec": {"user": "jane", "nonResourceAttributes": {"path": "/", "verb": "get"}}}"#,
/// )?;
/// let outcome = authz::decide(&chain, &review, &()).await;
/// let reason = "allowed by policy `allow-all`".to_owned();
/// assert_eq!(outcome.decision, Ok(Decision::Allow { reason }));
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
    let names = || chain.iter().map(|entry| &entry.policy.name);
    let spec = &review.spec;
    if spec.resource_attributes.is_some() == spec.non_resource_attributes.is_some() {
        return Outcome {
            decision: Err(NoDecision::PoliciesFailed(MALFORMED.to_owned())),
            trace: recorder.finish(names(), SkipReason::MalformedReview),
        };
    }
    let mut decided = None;
    let mut reasons = Vec::new();
    let policy_review: Result<_, ParseError> = Ok(PolicyReview::new(review.for_module()));
    for Entry { policy, evaluator } in chain {
        let evaluated = evaluate(evaluator, &policy_review, context).await;
        let result = evaluated
            .response
            .and_then(check)
            .map_err(|failure| FailedCall::new(failure, policy.mode, policy.on_failure));
        if policy.mode == Mode::Protect {
            decided = decision(&policy.name, &result);
            reasons.extend(opinion(&policy.name, &result));
        }
        let step = (&policy.name, policy.mode);
        recorder.record(step, evaluated.timing, result, Vec::new());
        if decided.is_some() {
            break;
        }
    }
    let trace = recorder.finish(names(), SkipReason::AlreadyDecided);
    let decision = match decided {
        Some(decision) => Ok(decision),
        None => trace.settle(Decision::NoOpinion {
            reason: reasons.join("; "),
        }),
    };
    Outcome { decision, trace }
}

/// Checks a response.
///
/// A policy that reports an error and has no opinion has failed: a plain "no opinion" would be
/// cached.
fn check(status: Status) -> Result<Verdict, Failure> {
    let reason = text::paragraph(&status.reason, MAX_REASON);
    match (status.allowed, status.denied) {
        (true, true) => Err(Failure::response(
            "the status has both `allowed` and `denied`",
        )),
        (true, false) => Ok(Verdict::Allowed { reason }),
        (false, true) => Ok(Verdict::Denied { reason }),
        (false, false) if status.evaluation_error.is_empty() => Ok(Verdict::NoOpinion { reason }),
        (false, false) => Err(Failure::new(FailureKind::Reported, status.evaluation_error)),
    }
}

/// Returns the decision of the chain if the result of a policy is one.
fn decision(policy: &PolicyName, result: &Result<Verdict, FailedCall>) -> Option<Decision> {
    match result {
        Ok(Verdict::Allowed { reason }) if reason.is_empty() => Some(Decision::Allow {
            reason: format!("allowed by policy `{policy}`"),
        }),
        Ok(Verdict::Allowed { reason }) => Some(Decision::Allow {
            reason: reason.clone(),
        }),
        Ok(Verdict::Denied { reason }) if reason.is_empty() => Some(Decision::Deny {
            reason: format!("denied by policy `{policy}`"),
        }),
        Ok(Verdict::Denied { reason }) => Some(Decision::Deny {
            reason: format!("{policy}: {reason}"),
        }),
        Ok(Verdict::NoOpinion { .. }) => None,
        Err(call) => match call.consequence {
            Consequence::Denied => Some(Decision::Deny {
                reason: call.failure.sentence(policy),
            }),
            Consequence::NoDecision | Consequence::Ignored => None,
        },
    }
}

/// Returns the reason of a policy without an opinion, if it gave one.
fn opinion(policy: &PolicyName, result: &Result<Verdict, FailedCall>) -> Option<String> {
    match result {
        Ok(Verdict::NoOpinion { reason }) if !reason.is_empty() => {
            Some(format!("{policy}: {reason}"))
        }
        Ok(Verdict::NoOpinion { .. } | Verdict::Allowed { .. } | Verdict::Denied { .. })
        | Err(_) => None,
    }
}

#[cfg(test)]
mod tests;
