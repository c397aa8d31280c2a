//! An object while policies change it, one after the other.

use serde_json::Value;
use wire::RawValue;

use super::{After, Patch, PatchError, apply, diff, normalise, read, text};

/// An object and what has become of it. It is parsed when somebody changes it.
#[derive(Debug, Clone)]
pub(crate) struct Draft<'a> {
    original: &'a RawValue,
    parsed: Option<Value>,
    changed: Option<Value>,
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
    pub(crate) fn changed(&self) -> Option<Box<RawValue>> {
        self.changed.as_ref().map(text)
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
                object: After::AsItWas(self.original.to_owned()),
            });
        };
        let operations = diff::diff(&before, &after)?;
        json_patch::patch_unsafe(&mut before, &operations).map_err(|_| PatchError::Unverified)?;
        if before != after {
            return Err(PatchError::Unverified);
        }
        Ok(Patch {
            operations,
            object: After::Changed(after),
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
        let now = self.changed.as_ref().unwrap_or(original);
        let object = change(now)?;
        let differs = object != *now;
        if differs {
            self.changed = Some(object);
        }
        Ok(differs)
    }
}
