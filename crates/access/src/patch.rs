//! From a module's change to the smallest RFC 6902 patch that was applied and checked.

use wire::RawValue;

/// A patch that was applied to the object it is for, and gave the object that was meant.
#[derive(Debug, Clone)]
pub struct Patch {
    operations: json_patch::Patch,
    object: Box<RawValue>,
}

impl Patch {
    /// The smallest patch from an object to the whole changed object.
    ///
    /// # Errors
    /// When one of the two is not a JSON object.
    pub fn from_full(before: &RawValue, after: &[u8]) -> Result<Self, PatchError> {
        let _ = (before, after);
        Err(PatchError::NotAnObject)
    }

    /// The smallest patch that does the same as a module's RFC 6902 patch.
    ///
    /// # Errors
    /// When the patch cannot be read, does not apply, or goes beyond a limit.
    pub fn from_json_patch(before: &RawValue, patch: &[u8]) -> Result<Self, PatchError> {
        let _ = (before, patch);
        Err(PatchError::NotAnObject)
    }

    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// The patch as an RFC 6902 document.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        // Strings, numbers and trees of them: writing them to memory cannot fail.
        serde_json::to_vec(&self.operations).unwrap_or_default()
    }

    /// The object after the patch.
    #[must_use]
    pub fn object(&self) -> &RawValue {
        &self.object
    }
}

/// A module's change cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PatchError {
    /// Kubernetes stores objects only.
    #[error("the changed object is not a JSON object")]
    NotAnObject,
}
