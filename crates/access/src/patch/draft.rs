//! An object while policies change it, one after the other.

use serde_json::Value;
use wire::RawValue;

use super::{Patch, PatchError, apply, diff, normalise, read};

/// An object and what has become of it. It is parsed when somebody changes it.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    original: &'a RawValue,
    parsed: Option<Value>,
    changed: Option<Changed>,
}

/// The object as it is now, and as text for the next policy.
#[derive(Debug)]
struct Changed {
    object: Value,
    text: Box<RawValue>,
}

impl<'a> Draft<'a> {
    /// An object that nobody changed yet.
    pub(crate) fn new(original: &'a RawValue) -> Self {
        Self {
            original,
            parsed: None,
            changed: None,
        }
    }

    /// The object as it is now, when it was changed.
    pub(crate) fn changed(&self) -> Option<&RawValue> {
        self.changed.as_ref().map(|changed| &*changed.text)
    }

    /// Takes the whole changed object; tells whether it differs. After an error the draft is what it was.
    pub(crate) fn replace(&mut self, object: &[u8]) -> Result<bool, PatchError> {
        self.change(|_| read(object))
    }

    /// Applies an RFC 6902 patch; tells whether the object differs. After an error the draft is what it was.
    pub(crate) fn apply(&mut self, patch: &[u8]) -> Result<bool, PatchError> {
        let patch = apply::read(patch)?;
        self.change(|now| {
            let mut object = now.clone();
            apply::apply(&mut object, &patch)?;
            normalise(&mut object);
            Ok(object)
        })
    }

    /// The smallest patch from the object as it was to the object as it is, applied and checked.
    pub(crate) fn into_patch(self) -> Result<Patch, PatchError> {
        let (Some(mut before), Some(after)) = (self.parsed, self.changed) else {
            return Ok(Patch {
                operations: json_patch::Patch::default(),
                object: self.original.to_owned(),
            });
        };
        let operations = diff::diff(&before, &after.object)?;
        json_patch::patch_unsafe(&mut before, &operations).map_err(|_| PatchError::Unverified)?;
        if before != after.object {
            return Err(PatchError::Unverified);
        }
        Ok(Patch {
            operations,
            object: after.text,
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
        let now = self.changed.as_ref().map_or(original, |now| &now.object);
        let object = change(now)?;
        if object == *now {
            return Ok(false);
        }
        let text = serde_json::value::to_raw_value(&object).map_err(PatchError::Object)?;
        self.changed = Some(Changed { object, text });
        Ok(true)
    }
}
