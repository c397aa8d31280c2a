//! An object while policies change it, one after the other.

use serde_json::Value;
use wire::RawValue;
use wire::admission::PatchType;

use super::{Patch, PatchError, PatchedObject, apply, diff, normalize, read, to_raw};

/// An object and its changes so far. The object is parsed when the first policy changes it.
#[derive(Debug, Clone)]
pub(crate) struct Draft<'a> {
    original: &'a RawValue,
    parsed: Option<Value>,
    changed: Option<Value>,
}

impl<'a> Draft<'a> {
    /// Creates a draft of an unchanged object.
    pub(crate) fn new(original: &'a RawValue) -> Self {
        Self {
            original,
            parsed: None,
            changed: None,
        }
    }

    /// Returns the object as it is now; `None` if it is unchanged.
    pub(crate) fn changed(&self) -> Option<Box<RawValue>> {
        self.changed.as_ref().map(to_raw)
    }

    /// Applies a module's patch. Returns whether the object differs afterwards. An error leaves the
    /// draft unchanged.
    pub(crate) fn mutate(
        &mut self,
        patch_type: PatchType,
        patch: &[u8],
    ) -> Result<bool, PatchError> {
        match patch_type {
            PatchType::Full => self.replace(patch),
            PatchType::JsonPatch => self.apply(patch),
        }
    }

    /// Replaces the whole object.
    pub(crate) fn replace(&mut self, object: &[u8]) -> Result<bool, PatchError> {
        self.change(|_| read(object))
    }

    /// Applies an RFC 6902 patch.
    pub(crate) fn apply(&mut self, patch: &[u8]) -> Result<bool, PatchError> {
        let patch = apply::read(patch)?;
        self.change(|current| {
            let mut object = current.clone();
            apply::apply(&mut object, &patch)?;
            normalize(&mut object);
            Ok(object)
        })
    }

    /// Returns the smallest patch for all changes, applied and checked; `None` if nothing changed.
    pub(crate) fn into_change(self) -> Result<Option<Patch>, PatchError> {
        let patch = self.into_patch()?;
        Ok(Some(patch).filter(|patch| !patch.is_empty()))
    }

    /// Returns the smallest patch for all changes, applied and checked. It may be empty.
    pub(crate) fn into_patch(self) -> Result<Patch, PatchError> {
        let (Some(mut before), Some(after)) = (self.parsed, self.changed) else {
            return Ok(Patch {
                operations: json_patch::Patch::default(),
                object: PatchedObject::Unchanged(self.original.to_owned()),
            });
        };
        let operations = diff::diff(&before, &after)?;
        json_patch::patch_unsafe(&mut before, &operations).map_err(|_| PatchError::Unverified)?;
        if before != after {
            return Err(PatchError::Unverified);
        }
        Ok(Patch {
            operations,
            object: PatchedObject::Changed(after),
        })
    }

    fn change(
        &mut self,
        change: impl FnOnce(&Value) -> Result<Value, PatchError>,
    ) -> Result<bool, PatchError> {
        let original = match &mut self.parsed {
            Some(parsed) => &*parsed,
            empty => empty.insert(
                read(self.original.get().as_bytes())
                    .map_err(|error| PatchError::Original(Box::new(error)))?,
            ),
        };
        let current = self.changed.as_ref().unwrap_or(original);
        let object = change(current)?;
        let differs = object != *current;
        if differs {
            self.changed = Some(object);
        }
        Ok(differs)
    }
}
