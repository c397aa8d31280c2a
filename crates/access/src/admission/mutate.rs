//! The mutating chain: in what form is the object stored?

use std::borrow::Cow;

use wire::RawValue;
use wire::admission::{Operation, PatchType, Request, Response, Review};
use wire::review::ParseError;

use super::collect::{Collector, Next};
use super::response::Change;
use super::{Outcome, Policy};
use crate::ask::{self, Ask};
use crate::failure::{Failure, NoDecision};
use crate::mode::Mode;
use crate::patch::{Draft, Patch};
use crate::trace::SkipReason;

/// Asks the policies in order, each with the object as changed by those before it whose changes count.
///
/// A rejection ends the chain, as does a failure that must not be ignored. Rules are matched against the request, which no
/// policy changes. All changes together become one patch.
pub async fn mutate(chain: &[Policy], review: &Review<'_>, by: &impl Ask<Response>) -> Outcome {
    let request = &review.request;
    let mut collector = Collector::default();
    let mut draft = changeable(request).map(Draft::new);
    let mut rest = SkipReason::AlreadyDecided;
    for (index, policy) in chain.iter().enumerate() {
        if !policy.is_for(&request.into()) {
            collector.skip(policy, SkipReason::NoRuleMatches);
            continue;
        }
        let body = body(review, draft.as_ref());
        let asked = ask::ask(by, index, &body).await;
        let apply = |change: &Change| match policy.mode {
            Mode::Protect => apply(change, draft.as_mut(), request.operation),
            Mode::Monitor => apply(change, draft.clone().as_mut(), request.operation),
        };
        match collector.take(policy, &request.uid, asked, apply) {
            Next::GoOn => {}
            Next::Rejected => break,
            Next::NoDecision => {
                rest = SkipReason::EarlierFailure;
                break;
            }
        }
    }
    collector.finish(chain, rest, || combined(draft))
}

/// The object, when the API server would take a change of it.
fn changeable<'a>(request: &Request<'a>) -> Option<&'a RawValue> {
    match request.operation {
        Operation::Create | Operation::Update => request.object,
        Operation::Delete | Operation::Connect => None,
    }
}

/// What the next policy is asked.
fn body<'a>(review: &Review<'a>, draft: Option<&Draft<'_>>) -> Result<Cow<'a, [u8]>, ParseError> {
    match draft.and_then(Draft::changed) {
        Some(object) => review.for_module_with(&object).map(Cow::Owned),
        None => review.for_module(),
    }
}

/// Changes the object; tells whether it differs.
fn apply(
    change: &Change,
    draft: Option<&mut Draft<'_>>,
    operation: Operation,
) -> Result<bool, Failure> {
    let draft = draft.ok_or_else(|| {
        Failure::answer(format!(
            "there is no object that can be changed on {operation}"
        ))
    })?;
    let differs = match change.form {
        PatchType::Full => draft.replace(&change.bytes),
        PatchType::JsonPatch => draft.apply(&change.bytes),
    };
    differs.map_err(Failure::from)
}

/// One patch for all changes.
fn combined(draft: Option<Draft<'_>>) -> Result<Option<Patch>, NoDecision> {
    let patch = draft.map(Draft::into_patch).transpose();
    let patch = patch.map_err(|error| NoDecision {
        message: format!("the changes of all policies make no patch: {error}"),
    })?;
    Ok(patch.filter(|patch| !patch.is_empty()))
}
