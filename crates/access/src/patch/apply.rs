//! A module's RFC 6902 patch, applied within limits: a few operations can build a very large or very deep object.

use std::slice;

use json_patch::PatchOperation;
use json_patch::jsonptr::Pointer;
use serde_json::Value;

use super::{PatchError, normalise};

/// As many as kube-apiserver takes from a user (`k8s.io/apiserver`, `maxJSONPatchOperations`).
pub(super) const MAX_OPERATIONS: usize = 10_000;

/// In levels; what `serde_json` reads. Deeper objects could not be read back.
pub(super) const MAX_DEPTH: usize = 127;

/// What all `copy` operations of a patch may add, in bytes, as in the library that kube-apiserver applies patches with
/// (`AccumulatedCopySizeLimit`).
const MAX_COPIED: usize = 3 << 20;

/// How many elements of arrays all operations may shift, and values they may copy or move: some hundredths of a second.
const MAX_TOUCHED: usize = 4 << 20;

/// Reads a patch document.
pub(super) fn read(json: &[u8]) -> Result<json_patch::Patch, PatchError> {
    let mut patch: Value = serde_json::from_slice(json).map_err(PatchError::Patch)?;
    normalise(&mut patch);
    let patch: json_patch::Patch = serde_json::from_value(patch).map_err(PatchError::Patch)?;
    match patch.len() {
        count if count > MAX_OPERATIONS => Err(PatchError::Operations { count }),
        _ => Ok(patch),
    }
}

/// Applies a patch. After an error the object is in between.
pub(super) fn apply(object: &mut Value, patch: &[PatchOperation]) -> Result<(), PatchError> {
    let mut spent = Spent::default();
    for (index, operation) in patch.iter().enumerate() {
        spent.add(object, index, operation)?;
        json_patch::patch_unsafe(object, slice::from_ref(operation)).map_err(|error| {
            PatchError::Apply {
                operation: index,
                path: error.path.to_string(),
                kind: error.kind,
            }
        })?;
    }
    if object.is_object() {
        Ok(())
    } else {
        Err(PatchError::NotAnObject)
    }
}

/// What the operations so far have cost.
#[derive(Debug, Default)]
struct Spent {
    copied: usize,
    touched: usize,
}

impl Spent {
    /// Adds the cost of an operation that is about to be applied.
    fn add(
        &mut self,
        object: &Value,
        index: usize,
        operation: &PatchOperation,
    ) -> Result<(), PatchError> {
        let size = match operation {
            PatchOperation::Add(add) => Size::of(&add.value),
            PatchOperation::Replace(replace) => Size::of(&replace.value),
            PatchOperation::Copy(copy) => Size::at(object, &copy.from),
            PatchOperation::Move(moved) => {
                self.shift(object, &moved.from);
                Size::at(object, &moved.from)
            }
            PatchOperation::Remove(_) | PatchOperation::Test(_) => Size::default(),
        };
        let depth = operation.path().count().saturating_add(size.depth);
        if depth > MAX_DEPTH {
            return Err(PatchError::Depth { operation: index });
        }
        if matches!(operation, PatchOperation::Copy(_)) {
            self.copied = self.copied.saturating_add(size.bytes);
        }
        self.touched = self.touched.saturating_add(size.values);
        self.shift(object, operation.path());
        if self.copied > MAX_COPIED || self.touched > MAX_TOUCHED {
            return Err(PatchError::Work);
        }
        Ok(())
    }

    /// The array that holds the place may have to move all its elements.
    fn shift(&mut self, object: &Value, place: &Pointer) {
        let array = place
            .parent()
            .and_then(|parent| object.pointer(parent.as_str()))
            .and_then(Value::as_array);
        self.touched = self.touched.saturating_add(array.map_or(0, Vec::len));
    }
}

/// How large a value is.
#[derive(Debug, Default)]
struct Size {
    /// In levels; 0 for what holds nothing.
    depth: usize,
    /// Itself and all values inside.
    values: usize,
    /// About as long as its text.
    bytes: usize,
}

impl Size {
    fn at(object: &Value, place: &Pointer) -> Self {
        object
            .pointer(place.as_str())
            .map(Self::of)
            .unwrap_or_default()
    }

    fn of(value: &Value) -> Self {
        const PUNCTUATION: usize = 4;
        let mut size = Self {
            depth: 0,
            values: 1,
            bytes: PUNCTUATION,
        };
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
            Value::String(text) => size.bytes = size.bytes.saturating_add(text.len()),
            Value::Array(elements) => elements.iter().for_each(|element| size.hold(0, element)),
            Value::Object(members) => members
                .iter()
                .for_each(|(name, member)| size.hold(name.len(), member)),
        }
        if value.is_array() || value.is_object() {
            size.depth = size.depth.saturating_add(1);
        }
        size
    }

    fn hold(&mut self, name: usize, value: &Value) {
        let inner = Self::of(value);
        self.depth = self.depth.max(inner.depth);
        self.values = self.values.saturating_add(inner.values);
        self.bytes = self.bytes.saturating_add(name).saturating_add(inner.bytes);
    }
}
