//! Raw requests: a Kubewarden policy is asked about any JSON, `{"request": …}` → `{"response": …}`.

use std::time::Instant;

use access::Failure;
use access::admission::{self, Mode};
use access::patch::Patch;
use kubewarden::{Change, Request, Validation, Verdict};
use serde::Serialize;
use wire::RawValue;
use wire::admission::{PatchType, Response};
use wire::review::ParseError;

use crate::host::AskError;
use crate::policy::LoadedPolicy;

#[derive(serde::Deserialize)]
struct Posted<'a> {
    #[serde(borrow)]
    request: &'a RawValue,
}

#[derive(Serialize)]
struct Answer<'a> {
    response: &'a Response,
}

/// The request in the body of a raw review.
pub(crate) fn parse(body: &[u8]) -> Result<Request, AskError> {
    let posted: Posted<'_> = serde_json::from_slice(body).map_err(ParseError::from)?;
    Ok(Request::raw(posted.request.get().as_bytes())?)
}

/// The raw review that answers.
pub(crate) fn answer(response: &Response) -> Vec<u8> {
    // Strings, booleans and lists only: writing them to memory cannot fail.
    serde_json::to_vec(&Answer { response }).unwrap_or_default()
}

/// Asks a policy by itself, outside of its chain.
pub(crate) async fn ask(
    rules: &admission::Policy,
    policy: &LoadedPolicy,
    request: &Request,
    deadline: Instant,
) -> Result<Response, Failure> {
    let response = match policy.validate(request, deadline).await {
        Ok(answer) => response(answer, request),
        Err(failure) => Err(failure),
    };
    match (rules.mode, response) {
        (Mode::Protect, response) => response,
        (Mode::Monitor, Ok(response)) => Ok(watched(response)),
        (Mode::Monitor, Err(failure)) => {
            tracing::warn!(policy = %rules.name, kind = failure.kind.as_str(), "a policy in mode monitor failed");
            Ok(watched(Response {
                uid: request.uid().to_owned(),
                ..Response::default()
            }))
        }
    }
}

/// What a policy that is only watched is allowed to say: nothing but remarks.
fn watched(response: Response) -> Response {
    Response {
        allowed: true,
        status: None,
        patch: None,
        patch_type: None,
        ..response
    }
}

/// The response with the smallest patch.
fn response(answer: Validation, request: &Request) -> Result<Response, Failure> {
    let patch = match (&answer.verdict, request.object()) {
        (Verdict::Accept(Some(Change::Object(changed))), Some(object)) => {
            Some(Patch::from_full(object, changed.get().as_bytes())?)
        }
        (Verdict::Accept(Some(Change::JsonPatch(patch))), Some(object)) => {
            Some(Patch::from_json_patch(object, patch)?)
        }
        _ => None,
    };
    let patch = patch.filter(|patch| !patch.is_empty());
    let response = answer.into_response(request.uid());
    Ok(Response {
        patch: patch.as_ref().map(Patch::to_json),
        patch_type: patch.map(|_| PatchType::JsonPatch),
        ..response
    })
}
