//! What one admission policy says, once its response is checked.

use std::collections::BTreeMap;

use wire::admission::{PatchType, Response};
use wire::meta::{StatusCause, StatusDetails};

use super::rejection::{FORBIDDEN, Rejection};
use crate::failure::Failure;
use crate::text;

/// A checked response.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) said: Said,
    pub(super) warnings: Vec<String>,
    pub(super) audit_annotations: BTreeMap<String, String>,
}

/// Fine, fine if changed, or not fine.
#[derive(Debug)]
pub(super) enum Said {
    Accepted,
    Changed(Change),
    Rejected(Rejection),
}

/// A change that was not looked at yet.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) form: PatchType,
    pub(super) bytes: Vec<u8>,
}

/// Checks a response to the request with this `uid`.
///
/// The change of a policy that rejects is not looked at: a rejection stands whatever else is wrong.
pub(super) fn read(response: Response, uid: &str) -> Result<Reply, Failure> {
    if !response.uid.is_empty() && response.uid != uid {
        return Err(Failure::answer(
            "the answer is for another request: its uid differs",
        ));
    }
    let said = if response.allowed {
        match change(response.patch, response.patch_type)? {
            Some(change) => Said::Changed(change),
            None => Said::Accepted,
        }
    } else {
        Said::Rejected(rejection(response.status.unwrap_or_default()))
    };
    Ok(Reply {
        said,
        warnings: response.warnings,
        audit_annotations: response.audit_annotations,
    })
}

fn change(patch: Option<Vec<u8>>, form: Option<PatchType>) -> Result<Option<Change>, Failure> {
    let patch = patch.filter(|bytes| !bytes.is_empty());
    match (patch, form) {
        (None, None) => Ok(None),
        (Some(_), None) => Err(Failure::answer("there is a patch but no patchType")),
        (None, Some(_)) => Err(Failure::answer("there is a patchType but no patch")),
        // A list without operations changes nothing, whatever the request is.
        (Some(bytes), Some(PatchType::JsonPatch)) if bytes.trim_ascii() == b"[]" => Ok(None),
        (Some(bytes), Some(form)) => Ok(Some(Change { form, bytes })),
    }
}

fn rejection(status: wire::meta::Status) -> Rejection {
    let words = [&status.message, &status.reason]
        .into_iter()
        .map(|words| text::paragraph(words, MAX_MESSAGE))
        .find(|words| !words.is_empty())
        .unwrap_or_else(|| "rejected without a message".to_owned());
    let code = status
        .code
        .and_then(|code| u16::try_from(code).ok())
        .filter(|code| (400..600).contains(code))
        .unwrap_or(FORBIDDEN);
    let StatusDetails { mut causes } = status.details.unwrap_or_default();
    if causes.is_empty() {
        causes.push(StatusCause {
            message: words.clone(),
            ..StatusCause::default()
        });
    }
    Rejection {
        message: words,
        code,
        reason: status.reason,
        causes,
    }
}

/// In characters.
const MAX_MESSAGE: usize = 4096;
