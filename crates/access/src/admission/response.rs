//! The checked response of one admission policy.

use std::collections::BTreeMap;

use wire::admission::{PatchType, Response};
use wire::meta::{StatusCause, StatusDetails};

use super::rejection::{FORBIDDEN, Rejection};
use crate::failure::Failure;
use crate::text;

/// The maximum length of a rejection's message in characters.
const MAX_MESSAGE: usize = 4096;

/// A checked response.
#[derive(Debug)]
pub(super) struct PolicyResponse {
    pub(super) decision: PolicyDecision,
    pub(super) warnings: Vec<String>,
    pub(super) audit_annotations: BTreeMap<String, String>,
}

/// The decision of one policy.
#[derive(Debug)]
pub(super) enum PolicyDecision {
    Accept,
    Mutate(Mutation),
    Reject(Rejection),
}

/// A change that has not been applied yet.
#[derive(Debug)]
pub(super) struct Mutation {
    pub(super) patch_type: PatchType,
    pub(super) patch: Vec<u8>,
}

/// Checks a response to the request with this `uid`.
///
/// The patch of a rejection is not checked: the rejection stands even if the patch is invalid.
pub(super) fn check(response: Response, uid: &str) -> Result<PolicyResponse, Failure> {
    if !response.uid.is_empty() && response.uid != uid {
        return Err(Failure::response(
            "the uid of the response is not that of the request",
        ));
    }
    let decision = if response.allowed {
        match mutation(response.patch, response.patch_type)? {
            Some(mutation) => PolicyDecision::Mutate(mutation),
            None => PolicyDecision::Accept,
        }
    } else {
        PolicyDecision::Reject(rejection(response.status.unwrap_or_default()))
    };
    Ok(PolicyResponse {
        decision,
        warnings: response.warnings,
        audit_annotations: response.audit_annotations,
    })
}

fn mutation(
    patch: Option<Vec<u8>>,
    patch_type: Option<PatchType>,
) -> Result<Option<Mutation>, Failure> {
    let patch = patch.filter(|patch| !patch.is_empty());
    match (patch, patch_type) {
        (None, None) => Ok(None),
        (Some(_), None) => Err(Failure::response(
            "the response has a patch but no patchType",
        )),
        (None, Some(_)) => Err(Failure::response(
            "the response has a patchType but no patch",
        )),
        // A patch without operations is valid even if the request has no object.
        (Some(patch), Some(PatchType::JsonPatch)) if patch.trim_ascii() == b"[]" => Ok(None),
        (Some(patch), Some(patch_type)) => Ok(Some(Mutation { patch_type, patch })),
    }
}

fn rejection(status: wire::meta::Status) -> Rejection {
    let message = [&status.message, &status.reason]
        .into_iter()
        .map(|text| text::paragraph(text, MAX_MESSAGE))
        .find(|text| !text.is_empty())
        .unwrap_or_else(|| "rejected without a message".to_owned());
    let code = status
        .code
        .and_then(|code| u16::try_from(code).ok())
        .filter(|code| (400..600).contains(code))
        .unwrap_or(FORBIDDEN);
    let StatusDetails { mut causes } = status.details.unwrap_or_default();
    if causes.is_empty() {
        causes.push(StatusCause {
            message: message.clone(),
            ..StatusCause::default()
        });
    }
    Rejection {
        message,
        code,
        reason: status.reason,
        causes,
    }
}
