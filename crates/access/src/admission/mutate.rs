//! The mutating chain: changes an object before it is stored.

use std::borrow::Cow;

use wire::RawValue;
use wire::admission::{Operation, Request, Review};
use wire::review::ParseError;

use super::collect::{Collector, Next};
use super::response::Mutation;
use super::{Outcome, Policy};
use crate::evaluate::{Entry, Evaluate, PolicyReview, evaluate};
use crate::failure::{Failure, NoDecision};
use crate::patch::{Draft, Patch};
use crate::policy::Mode;
use crate::rules::Target;
use crate::trace::SkipReason;

/// Evaluates the policies in order. Each sees the object with the changes of the earlier policies
/// in mode `protect`.
///
/// Policies whose rules match one of the `already_evaluated` targets are skipped.
///
/// A rejection ends the chain, as does a failure that must not be ignored. Rules are matched
/// against the request, which no policy changes. All changes are combined into one patch.
///
/// ```
/// use access::admission::{self, Decision, OnFailure, Policy};
/// use access::rules::Rule;
/// use access::{Entry, Evaluate, Evaluated, Mode, PolicyReview, Timing};
/// use wire::admission::{PatchType, Response, Review};
///
/// /// Sets `spec.replicas` to 2.
/// struct TwoReplicas;
///
/// impl Evaluate<Response> for TwoReplicas {
///     type Context = ();
///     type Parsed = ();
///
///     async fn evaluate(&self, _: &PolicyReview<'_, ()>, (): &()) -> Evaluated<Response> {
///         let response = Response {
///             allowed: true,
///             patch: Some(br#"{"spec": {"replicas": 2}}"#.to_vec()),
///             patch_type: Some(PatchType::Full),
///             ..Response::default()
///         };
///         Evaluated { response: Ok(response), timing: Timing::default() }
///     }
/// }
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let policy = Policy {
///     name: "two-replicas".parse()?,
///     rules: vec![Rule::everything()],
///     on_failure: OnFailure::Fail,
///     mode: Mode::Protect,
/// };
/// let chain = [Entry { policy, evaluator: TwoReplicas }];
/// let review = Review::parse(
///     br#"{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
///         "uid": "1", "operation": "CREATE", "object": {"spec": {"replicas": 1}}}}"#,
/// )?;
/// let outcome = admission::mutate(&chain, &review, &[], &()).await;
/// let Decision::Accept { patch: Some(patch) } = outcome.response?.decision else { panic!() };
/// assert_eq!(patch.to_json(), br#"[{"op":"replace","path":"/spec/replicas","value":2}]"#);
/// # Ok(())
/// # }
/// # futures_util::FutureExt::now_or_never(example()).unwrap().unwrap();
/// ```
pub async fn mutate<E: Evaluate<wire::admission::Response>>(
    chain: &[Entry<Policy, E>],
    review: &Review<'_>,
    already_evaluated: &[Target<'_>],
    context: &E::Context,
) -> Outcome {
    let request = &review.request;
    let target = Target::from(request);
    let mut collector = Collector::with_capacity(chain.len());
    let mut draft = mutable_object(request).map(Draft::new);
    let mut policy_review = None;
    let mut rest = SkipReason::AlreadyDecided;
    for Entry { policy, evaluator } in chain {
        if let Some(reason) = policy.skip_reason(&target, already_evaluated) {
            collector.skip(policy, reason);
            continue;
        }
        let shared = policy_review.get_or_insert_with(|| {
            let json = current_review(review, draft.as_ref());
            json.map(PolicyReview::new)
        });
        let evaluated = evaluate(evaluator, shared, context).await;
        let mut is_outdated = false;
        let apply = |mutation: &Mutation| match policy.mode {
            Mode::Protect => {
                is_outdated = apply(mutation, draft.as_mut(), request.operation)?;
                Ok(is_outdated)
            }
            Mode::Monitor => apply(mutation, draft.clone().as_mut(), request.operation),
        };
        match collector.add(policy, &request.uid, evaluated, apply) {
            Next::Continue => {}
            Next::Rejected => break,
            Next::NoDecision => {
                rest = SkipReason::EarlierFailure;
                break;
            }
        }
        if is_outdated {
            policy_review = None;
        }
    }
    let names = chain.iter().map(|entry| &entry.policy.name);
    collector.finish(names, rest, || combine(draft))
}

/// Returns the object of the request if the API server accepts changes to it.
fn mutable_object<'a>(request: &Request<'a>) -> Option<&'a RawValue> {
    match request.operation {
        Operation::Create | Operation::Update => request.object,
        Operation::Delete | Operation::Connect => None,
    }
}

/// Serializes the review with the object as it is now.
fn current_review<'a>(
    review: &Review<'a>,
    draft: Option<&Draft<'_>>,
) -> Result<Cow<'a, [u8]>, ParseError> {
    match draft.and_then(Draft::changed) {
        Some(object) => review.for_module_with(&object).map(Cow::Owned),
        None => review.for_module(),
    }
}

/// Applies a mutation. Returns whether it changed the object.
fn apply(
    mutation: &Mutation,
    draft: Option<&mut Draft<'_>>,
    operation: Operation,
) -> Result<bool, Failure> {
    let draft = draft.ok_or_else(|| {
        Failure::response(format!("{operation} requests have no object to change"))
    })?;
    Ok(draft.mutate(mutation.patch_type, &mutation.patch)?)
}

/// Combines all changes into one patch; `None` if they cancel each other out.
fn combine(draft: Option<Draft<'_>>) -> Result<Option<Patch>, NoDecision> {
    let patch = draft.map(Draft::into_change).transpose();
    let patch = patch.map_err(|error| {
        NoDecision::PoliciesFailed(format!(
            "the changes of all policies cannot be combined: {error}"
        ))
    })?;
    Ok(patch.flatten())
}
