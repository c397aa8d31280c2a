//! From a module's change to the smallest RFC 6902 patch that was applied and checked.
//!
//! A module answers with the whole changed object or with a patch of its own. Either way the object after the change is
//! compared with the object before, so that what kube-apiserver gets has `add`, `replace` and `remove` operations only,
//! none of which can fail to apply there: that would be an error which no failure policy covers.
//!
//! Numbers are compared by value (RFC 6902 section 4.6): `1`, `1.0` and `1e0` are the same. Integers of 64 bits and every
//! double survive exactly; beyond that Kubernetes cannot hold a number either.

mod align;
mod apply;
mod diff;
mod draft;

use std::error::Error as _;

use serde_json::Value;
use wire::RawValue;

pub(crate) use draft::Draft;

use crate::failure::Failure;

/// A patch that was applied to the object it is for, and gave the object that was meant.
#[derive(Debug, Clone)]
pub struct Patch {
    operations: json_patch::Patch,
    object: After,
}

/// The object after a patch. What nobody changed stays the bytes that came in.
#[derive(Debug, Clone)]
enum After {
    AsItWas(Box<RawValue>),
    Changed(Value),
}

impl Patch {
    /// The smallest patch from an object to the whole changed object.
    ///
    /// # Errors
    /// When one of the two is not a JSON object.
    pub fn from_full(before: &RawValue, after: &[u8]) -> Result<Self, PatchError> {
        let mut draft = Draft::new(before);
        draft.replace(after)?;
        draft.into_patch()
    }

    /// The smallest patch that does the same as a module's RFC 6902 patch.
    ///
    /// # Errors
    /// When the patch cannot be read, does not apply, or goes beyond a limit.
    pub fn from_json_patch(before: &RawValue, patch: &[u8]) -> Result<Self, PatchError> {
        let mut draft = Draft::new(before);
        draft.apply(patch)?;
        draft.into_patch()
    }

    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// The number of operations.
    #[must_use]
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// The patch as an RFC 6902 document.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        // Strings, numbers and trees of them: writing them to memory cannot fail.
        serde_json::to_vec(&self.operations).unwrap_or_default()
    }

    /// The object after the patch, as JSON.
    #[must_use]
    pub fn object(&self) -> Box<RawValue> {
        match &self.object {
            After::AsItWas(object) => object.clone(),
            After::Changed(object) => text(object),
        }
    }
}

/// A module's change cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PatchError {
    /// The changed object is not JSON, or nested too deeply to be read.
    #[error(
        "the changed object is not readable JSON (line {}, column {})",
        .0.line(), .0.column()
    )]
    Object(#[source] serde_json::Error),
    /// Kubernetes stores objects only.
    #[error("the changed object is not a JSON object")]
    NotAnObject,
    /// The object of the review is no such object.
    #[error("the object of the review cannot be changed")]
    Original(#[source] Box<Self>),
    /// The module's patch is not JSON, or not a list of operations.
    #[error("the patch is not an RFC 6902 document")]
    Patch(#[source] serde_json::Error),
    /// The module's patch is too long.
    #[error("the patch has {count} operations, at most {max} are allowed", max = apply::MAX_OPERATIONS)]
    Operations {
        /// How many there are.
        count: usize,
    },
    /// An operation of the module's patch cannot be applied.
    #[error("operation {operation} of the patch does not apply at `{path}`")]
    Apply {
        /// Counted from 0.
        operation: usize,
        /// Where, an RFC 6901 pointer.
        path: String,
        /// Why not.
        #[source]
        kind: json_patch::PatchErrorKind,
    },
    /// Operations may build what no JSON reader accepts.
    #[error("operation {operation} of the patch nests the object more than {max} levels deep", max = apply::MAX_DEPTH)]
    Depth {
        /// Counted from 0.
        operation: usize,
    },
    /// Few operations may copy, move or shift very much.
    #[error("the patch copies, moves and shifts too much")]
    Work,
    /// The changes are spread over so many deep places that naming them takes megabytes.
    #[error("the change has too many parts")]
    Scattered,
    /// The host's own patch does not do what it should; it is not sent.
    #[error("the patch from the object before to the object after does not lead there")]
    Unverified,
}

/// What the client is told is the error alone; its cause may quote the module's output.
impl From<PatchError> for Failure {
    fn from(error: PatchError) -> Self {
        let failure = Self::answer(error.to_string());
        match error.source() {
            Some(source) => failure.with_detail(source.to_string()),
            None => failure,
        }
    }
}

/// Reads an object of Kubernetes.
fn read(json: &[u8]) -> Result<Value, PatchError> {
    let mut value: Value = serde_json::from_slice(json).map_err(PatchError::Object)?;
    if !value.is_object() {
        return Err(PatchError::NotAnObject);
    }
    normalise(&mut value);
    Ok(value)
}

/// Writes an object. It was read from JSON, so writing it to memory cannot fail.
fn text(object: &Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(object).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// Writes every number that is a 64-bit integer as one, so that equal numbers are equal values.
fn normalise(value: &mut Value) {
    match value {
        Value::Array(elements) => elements.iter_mut().for_each(normalise),
        Value::Object(members) => members.values_mut().for_each(normalise),
        Value::Number(number) if number.is_f64() => {
            if let Some(integer) = number.as_f64().and_then(as_integer) {
                *number = integer;
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Number(_) => {}
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the bounds were compared, and the number has no fraction"
)]
fn as_integer(number: f64) -> Option<serde_json::Number> {
    // 2^63 and 2^64: the first doubles that do not fit.
    const I64: f64 = 9_223_372_036_854_775_808.0;
    const U64: f64 = 18_446_744_073_709_551_616.0;
    if number.fract() != 0.0 {
        None
    } else if (-I64..I64).contains(&number) {
        Some((number as i64).into())
    } else if (I64..U64).contains(&number) {
        Some((number as u64).into())
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
