//! The validating chain: decides if an object may be stored.

use futures_util::future::join_all;
use wire::admission::Review;

use super::collect::Collector;
use super::{Outcome, Policy};
use crate::evaluate::{Entry, Evaluate, PolicyReview, evaluate};
use crate::failure::Failure;
use crate::rules::Target;
use crate::trace::SkipReason;

/// Evaluates all policies whose rules match the request and reports every rejection.
///
/// Policies whose rules match one of the `already_evaluated` targets are skipped.
///
/// All calls run concurrently on the task of the caller: a long call that yields does not delay
/// the others, and short calls need no other thread. A rejection stands even if another policy
/// failed.
///
/// ```
/// use access::admission::{self, Decision, OnFailure, Policy};
/// use access::rules::Rule;
/// use access::{Entry, Evaluate, Evaluated, Mode, PolicyReview, Timing};
/// use wire::admission::{Response, Review};
///
/// /// Rejects every object.
/// struct RejectAll;
///
/// impl Evaluate<Response> for RejectAll {
///     type Context = ();
///     type Parsed = ();
///
///     async fn evaluate(&self, _: &PolicyReview<'_, ()>, (): &()) -> Evaluated<Response> {
///         let response = Response { allowed: false, ..Response::default() };
///         Evaluated { response: Ok(response), timing: Timing::default() }
///     }
/// }
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let policy = Policy {
///     name: "reject-all".parse()?,
///     rules: vec![Rule::everything()],
///     on_failure: OnFailure::Fail,
///     mode: Mode::Protect,
/// };
/// let chain = [Entry { policy, evaluator: RejectAll }];
/// let review = Review::parse(
///     br#"{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
///         "uid": "1", "operation": "CREATE",
///         "resource": {"group": "", "version": "v1", "resource": "pods"}}}"#,
/// )?;
/// let outcome = admission::validate(&chain, &review, &[], &()).await;
/// assert!(matches!(outcome.response?.decision, Decision::Reject(_)));
/// # Ok(())
/// # }
/// # futures_util::FutureExt::now_or_never(example()).unwrap().unwrap();
/// ```
pub async fn validate<E: Evaluate<wire::admission::Response>>(
    chain: &[Entry<Policy, E>],
    review: &Review<'_>,
    already_evaluated: &[Target<'_>],
    context: &E::Context,
) -> Outcome {
    let request = &review.request;
    let target = Target::from(request);
    let policy_review = &review.for_module().map(PolicyReview::new);
    let calls = chain.iter().map(async |Entry { policy, evaluator }| {
        match policy.skip_reason(&target, already_evaluated) {
            Some(reason) => Err(reason),
            None => Ok(evaluate(evaluator, policy_review, context).await),
        }
    });
    let results = join_all(calls).await;

    let mut collector = Collector::with_capacity(chain.len());
    for (Entry { policy, .. }, result) in chain.iter().zip(results) {
        match result {
            Err(reason) => collector.skip(policy, reason),
            Ok(evaluated) => {
                collector.add(policy, &request.uid, evaluated, |_| {
                    Err(Failure::response(
                        "a validating policy must not change the object",
                    ))
                });
            }
        }
    }
    let names = chain.iter().map(|entry| &entry.policy.name);
    collector.finish(names, SkipReason::AlreadyDecided, || Ok(None))
}
