//! Mutators: in what form is this object stored?

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use wire::admission::{PatchType, Response};

use crate::{AdmissionRequest, Error, Rejection, Remarks};

/// Decides in what form an object is stored. Exported as `mutate`.
///
/// Kubernetes may ask more than once for one object, and shows the object with the earlier changes then: changing twice must
/// be like changing once.
pub trait Mutator: DeserializeOwned {
    /// The change to the object of the request.
    ///
    /// # Errors
    /// When it could not be found out.
    fn mutate(&self, request: &AdmissionRequest<'_>) -> Result<Mutation, Error>;
}

/// What a mutator answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutation {
    /// The decision.
    pub change: Change,
    /// What the answer says besides.
    pub remarks: Remarks,
}

/// The decision of a mutator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The object stays as it is.
    Unchanged,
    /// The object is stored in this form, a JSON document.
    Object(Vec<u8>),
    /// The object is changed by this RFC 6902 patch, a JSON document.
    JsonPatch(Vec<u8>),
    /// The request ends here.
    Reject(Rejection),
}

impl Mutation {
    /// The object stays as it is.
    #[must_use]
    pub fn unchanged() -> Self {
        Change::Unchanged.into()
    }

    /// The object is stored like `object`, which is the whole object: a field that is missing in it is removed.
    ///
    /// # Errors
    /// When `object` cannot be written as JSON.
    pub fn changed(object: &impl Serialize) -> Result<Self, Error> {
        Ok(Change::Object(serde_json::to_vec(object)?).into())
    }

    /// The object of the request with an edit. Fields that the edit does not touch stay, known or not. Nothing happens
    /// when the request has no object.
    ///
    /// # Errors
    /// When the object is not JSON, which kube-apiserver does not send.
    pub fn edit(
        request: &AdmissionRequest<'_>,
        edit: impl FnOnce(&mut Value),
    ) -> Result<Self, Error> {
        let Some(mut object) = request.object::<Value>()? else {
            return Ok(Self::unchanged());
        };
        edit(&mut object);
        Self::changed(&object)
    }

    /// The object is changed by an RFC 6902 patch: a list of operations. Objects are less work: the host finds the
    /// patch.
    ///
    /// # Errors
    /// When `operations` cannot be written as JSON.
    pub fn json_patch(operations: &impl Serialize) -> Result<Self, Error> {
        Ok(Change::JsonPatch(serde_json::to_vec(operations)?).into())
    }

    /// The request ends here. Takes a message, or a [`Rejection`] that says more.
    pub fn reject(why: impl Into<Rejection>) -> Self {
        Change::Reject(why.into()).into()
    }

    /// Adds a warning that the client shows to the user.
    #[must_use]
    pub fn warn(mut self, warning: impl Into<String>) -> Self {
        self.remarks.warnings.push(warning.into());
        self
    }

    /// Adds a fact for the audit log. The key has no `/` and at most 63 characters.
    #[must_use]
    pub fn audit(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.remarks
            .audit_annotations
            .insert(key.into(), value.into());
        self
    }

    /// The response to the request of this uid.
    pub(crate) fn into_response(self, uid: String) -> Response {
        let mut response = self.remarks.into_response(uid);
        let patch = match self.change {
            Change::Unchanged => None,
            Change::Object(object) => Some((PatchType::Full, object)),
            Change::JsonPatch(operations) => Some((PatchType::JsonPatch, operations)),
            Change::Reject(rejection) => {
                rejection.reject(&mut response);
                return response;
            }
        };
        response.allowed = true;
        (response.patch_type, response.patch) = patch.unzip();
        response
    }
}

impl From<Change> for Mutation {
    fn from(change: Change) -> Self {
        Self {
            change,
            remarks: Remarks::default(),
        }
    }
}
