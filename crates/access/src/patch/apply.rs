//! Application of a module's RFC 6902 patch within limits. Without them, a few operations could
//! build a very large or deeply nested object.

use std::slice;

use json_patch::PatchOperation;
use json_patch::jsonptr::Pointer;
use serde_json::Value;

use super::{PatchError, normalize};

/// The maximum number of operations, as in kube-apiserver for users (`k8s.io/apiserver`,
/// `maxJSONPatchOperations`).
pub(super) const MAX_OPERATIONS: usize = 10_000;

/// The maximum depth in levels, as in `serde_json`. Deeper objects could not be parsed again.
pub(super) const MAX_DEPTH: usize = 127;

/// The maximum number of bytes that all `copy` operations may add, as in the patch library of
/// kube-apiserver (`AccumulatedCopySizeLimit`).
const MAX_COPIED: usize = 3 << 20;

/// The maximum number of array elements that all operations may shift, plus the values that they
/// may copy or move. Takes about 50 milliseconds.
const MAX_TOUCHED: usize = 4 << 20;

/// Parses a patch document.
pub(super) fn read(json: &[u8]) -> Result<json_patch::Patch, PatchError> {
    let mut patch: Value = serde_json::from_slice(json).map_err(PatchError::Patch)?;
    normalize(&mut patch);
    let patch: json_patch::Patch = serde_json::from_value(patch).map_err(PatchError::Patch)?;
    match patch.len() {
        count if count > MAX_OPERATIONS => Err(PatchError::Operations { count }),
        _ => Ok(patch),
    }
}

/// Applies a patch. After an error the object is partially patched.
pub(super) fn apply(object: &mut Value, patch: &[PatchOperation]) -> Result<(), PatchError> {
    let mut cost = Cost::default();
    for (index, operation) in patch.iter().enumerate() {
        cost.add(object, index, operation)?;
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

/// The cost of the operations so far.
#[derive(Debug, Default)]
struct Cost {
    copied: usize,
    touched: usize,
}

impl Cost {
    /// Adds the cost of an operation before it is applied.
    fn add(
        &mut self,
        object: &Value,
        index: usize,
        operation: &PatchOperation,
    ) -> Result<(), PatchError> {
        let size = match operation {
            PatchOperation::Add(add) => Size::new(&add.value),
            PatchOperation::Replace(replace) => Size::new(&replace.value),
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

    /// Adds the cost of shifting all elements of the array that contains the path, if it is one.
    fn shift(&mut self, object: &Value, path: &Pointer) {
        let array = path
            .parent()
            .and_then(|parent| object.pointer(parent.as_str()))
            .and_then(Value::as_array);
        self.touched = self.touched.saturating_add(array.map_or(0, Vec::len));
    }
}

/// The size of a value.
#[derive(Debug, Default)]
struct Size {
    /// The depth in levels; 0 for scalars.
    depth: usize,
    /// The number of values, including the value itself.
    values: usize,
    /// The approximate length of its JSON in bytes.
    bytes: usize,
}

impl Size {
    fn at(object: &Value, path: &Pointer) -> Self {
        object
            .pointer(path.as_str())
            .map(Self::new)
            .unwrap_or_default()
    }

    fn new(value: &Value) -> Self {
        const PUNCTUATION: usize = 4;
        let mut size = Self {
            depth: 0,
            values: 1,
            bytes: PUNCTUATION,
        };
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
            Value::String(text) => size.bytes = size.bytes.saturating_add(text.len()),
            Value::Array(elements) => elements.iter().for_each(|element| size.add(0, element)),
            Value::Object(members) => members
                .iter()
                .for_each(|(name, member)| size.add(name.len(), member)),
        }
        if value.is_array() || value.is_object() {
            size.depth = size.depth.saturating_add(1);
        }
        size
    }

    fn add(&mut self, name: usize, value: &Value) {
        let inner = Self::new(value);
        self.depth = self.depth.max(inner.depth);
        self.values = self.values.saturating_add(inner.values);
        self.bytes = self.bytes.saturating_add(name).saturating_add(inner.bytes);
    }
}
