//! The smallest RFC 6902 patch for a module's change, applied and checked.
//!
//! A module returns the whole changed object or a patch of its own. In both cases the changed
//! object is compared with the original, so that kube-apiserver receives `add`, `replace` and
//! `remove` operations only. None of them can fail to apply there: no failure policy covers such an
//! error.
//!
//! Numbers are compared by value (RFC 6902 section 4.6): `1`, `1.0` and `1e0` are equal. 64-bit
//! integers and doubles are preserved exactly; Kubernetes does not support other numbers.

mod align;
mod apply;
mod diff;
mod draft;

use std::error::Error as _;

use serde_json::Value;
use wire::RawValue;
use wire::admission::PatchType;

pub(crate) use draft::Draft;

use crate::failure::Failure;

/// A JSON Patch that was applied to its object and checked.
///
/// ```
/// use access::patch::Patch;
/// use wire::RawValue;
///
/// let before = RawValue::from_string(r#"{"data": {"a": "1"}}"#.into())?;
/// let patch = Patch::from_full(&before, br#"{"data": {"a": "1", "b": "2"}}"#)?;
/// assert_eq!(patch.to_json(), br#"[{"op":"add","path":"/data/b","value":"2"}]"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Patch {
    operations: json_patch::Patch,
    object: PatchedObject,
}

/// The object after a patch. An unchanged object keeps its bytes.
#[derive(Debug, Clone)]
enum PatchedObject {
    Unchanged(Box<RawValue>),
    Changed(Value),
}

impl Patch {
    /// Creates the smallest patch from an object to the whole changed object.
    ///
    /// # Errors
    /// Fails if one of the two is not a JSON object.
    pub fn from_full(before: &RawValue, after: &[u8]) -> Result<Self, PatchError> {
        let mut draft = Draft::new(before);
        draft.replace(after)?;
        draft.into_patch()
    }

    /// Creates the smallest patch with the same effect as a module's RFC 6902 patch.
    ///
    /// # Errors
    /// Fails if the patch cannot be read, does not apply, or exceeds a limit.
    pub fn from_json_patch(before: &RawValue, patch: &[u8]) -> Result<Self, PatchError> {
        let mut draft = Draft::new(before);
        draft.apply(patch)?;
        draft.into_patch()
    }

    /// Returns whether the patch changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Returns the number of operations.
    #[must_use]
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// Returns the patch as an RFC 6902 document.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        // Serializing JSON values to memory cannot fail.
        serde_json::to_vec(&self.operations).unwrap_or_default()
    }

    /// Returns the object after the patch, as JSON.
    #[must_use]
    pub fn object(&self) -> Box<RawValue> {
        match &self.object {
            PatchedObject::Unchanged(object) => object.clone(),
            PatchedObject::Changed(object) => to_raw(object),
        }
    }
}

/// Returns whether a module's patch changes an object, without creating the smallest patch.
///
/// # Errors
/// Fails if the patch cannot be read, does not apply, or exceeds a limit.
pub fn changes_object(
    object: &RawValue,
    patch_type: PatchType,
    patch: &[u8],
) -> Result<bool, PatchError> {
    Draft::new(object).mutate(patch_type, patch)
}

/// The reason why a module's change cannot be applied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PatchError {
    /// The changed object is not JSON, or nested too deeply.
    #[error(
        "the changed object is not valid JSON (line {}, column {})",
        .0.line(), .0.column()
    )]
    Object(#[source] serde_json::Error),
    /// The changed object is a list or a scalar.
    #[error("the changed object is not a JSON object")]
    NotAnObject,
    /// The object of the review is not a JSON object.
    #[error("the object of the review cannot be changed")]
    Original(#[source] Box<Self>),
    /// The module's patch is not a JSON list of operations.
    #[error("the patch is not an RFC 6902 document")]
    Patch(#[source] serde_json::Error),
    /// The module's patch has too many operations.
    #[error("the patch has {count} operations; the maximum is {max}", max = apply::MAX_OPERATIONS)]
    Operations {
        /// The number of operations.
        count: usize,
    },
    /// An operation of the module's patch does not apply.
    #[error("operation {operation} of the patch does not apply at `{path}`")]
    Apply {
        /// The index of the operation, from 0.
        operation: usize,
        /// The path of the operation, an RFC 6901 pointer.
        path: String,
        /// The reason.
        #[source]
        kind: json_patch::PatchErrorKind,
    },
    /// The changed object would be nested too deeply for JSON parsers.
    #[error("operation {operation} of the patch nests the object deeper than {max} levels", max = apply::MAX_DEPTH)]
    Depth {
        /// The index of the operation, from 0.
        operation: usize,
    },
    /// The operations copy, move or shift too much data.
    #[error("the patch copies, moves or shifts too much data")]
    Work,
    /// The changes have so many long paths that the patch would take megabytes.
    #[error("the change has too many separate parts")]
    Scattered,
    /// The host's own patch does not produce the changed object. It is not sent.
    #[error("the computed patch does not produce the changed object")]
    Unverified,
}

/// The message for the client is the error without its cause, which may quote the module's output.
impl From<PatchError> for Failure {
    fn from(error: PatchError) -> Self {
        let failure = Self::response(error.to_string());
        match error.source() {
            Some(source) => failure.with_detail(source.to_string()),
            None => failure,
        }
    }
}

/// Parses an object.
fn read(json: &[u8]) -> Result<Value, PatchError> {
    let mut value: Value = serde_json::from_slice(json).map_err(PatchError::Object)?;
    if !value.is_object() {
        return Err(PatchError::NotAnObject);
    }
    normalize(&mut value);
    Ok(value)
}

/// Serializes an object. It was parsed from JSON, so this cannot fail.
fn to_raw(object: &Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(object).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// Converts numbers that are 64-bit integers into integers, so that equal numbers compare equal.
fn normalize(value: &mut Value) {
    match value {
        Value::Array(elements) => elements.iter_mut().for_each(normalize),
        Value::Object(members) => members.values_mut().for_each(normalize),
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
    reason = "the bounds are checked, and the number has no fraction"
)]
fn as_integer(number: f64) -> Option<serde_json::Number> {
    // 2^63 and 2^64: the first doubles out of range.
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
