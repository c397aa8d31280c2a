//! Mutators: policies that change objects before they are stored.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use wire::admission::{PatchType, Response};

use crate::admission::{AdmissionRequest, Rejection, Remarks};
use crate::error::Error;

/// A policy that changes objects before they are stored. Exported as `mutate`.
///
/// Kubernetes may call a mutator more than once for an object, with the result of the earlier
/// calls: mutations must be idempotent.
///
/// ```
/// use k8s_wasm_sdk::{AdmissionRequest, Error, Mutation, Mutator};
/// use serde::Deserialize;
///
/// /// Sets a label.
/// #[derive(Deserialize)]
/// struct SetLabel {
///     label: String,
///     value: String,
/// }
///
/// impl Mutator for SetLabel {
///     fn mutate(&self, request: &AdmissionRequest<'_>) -> Result<Mutation, Error> {
///         Mutation::edit(request, |object| {
///             object["metadata"]["labels"][&self.label] = self.value.as_str().into();
///         })
///     }
/// }
///
/// k8s_wasm_sdk::export!(mutate: SetLabel);
/// ```
pub trait Mutator: DeserializeOwned {
    /// Returns the mutation of the object of the request.
    ///
    /// # Errors
    /// If the policy could not decide.
    fn mutate(&self, request: &AdmissionRequest<'_>) -> Result<Mutation, Error>;
}

/// The result of a mutator: a change and remarks.
///
/// ```
/// use k8s_wasm_sdk::{Change, Error, Mutation};
/// use serde_json::json;
///
/// # fn main() -> Result<(), Error> {
/// let patch = json!([{"op": "add", "path": "/spec/paused", "value": true}]);
/// let mutation = Mutation::json_patch(&patch)?.warn("the rollout is paused");
/// assert!(matches!(mutation.change, Change::JsonPatch(_)));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutation {
    /// The change to the object, or a rejection.
    pub change: Change,
    /// Warnings and audit annotations.
    pub remarks: Remarks,
}

/// The decision of a mutator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The object is stored as it is.
    Unchanged,
    /// The object is replaced by this JSON document.
    Object(Vec<u8>),
    /// The object is changed by this JSON Patch (RFC 6902), a JSON document.
    JsonPatch(Vec<u8>),
    /// The request is rejected.
    Reject(Rejection),
}

impl Mutation {
    /// Stores the object as it is.
    #[must_use]
    pub fn unchanged() -> Self {
        Change::Unchanged.into()
    }

    /// Replaces the whole object by `object`. Fields that `object` does not contain are removed.
    ///
    /// # Errors
    /// If `object` does not serialize to JSON.
    pub fn changed(object: &impl Serialize) -> Result<Self, Error> {
        Ok(Change::Object(serde_json::to_vec(object)?).into())
    }

    /// Edits the object of the request. All other fields stay as they are. A request without an
    /// object is unchanged.
    ///
    /// ```
    /// use k8s_wasm_sdk::{AdmissionRequest, Error, Mutation};
    ///
    /// fn disable_token(request: &AdmissionRequest<'_>) -> Result<Mutation, Error> {
    ///     Mutation::edit(request, |pod| {
    ///         pod["spec"]["automountServiceAccountToken"] = false.into();
    ///     })
    /// }
    /// ```
    ///
    /// # Errors
    /// If the object is not JSON, which kube-apiserver does not send.
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

    /// Changes the object by a JSON Patch (RFC 6902), a list of operations. [`Self::edit`] and
    /// [`Self::changed`] are simpler: the host computes the patch.
    ///
    /// # Errors
    /// If `operations` does not serialize to JSON.
    pub fn json_patch(operations: &impl Serialize) -> Result<Self, Error> {
        Ok(Change::JsonPatch(serde_json::to_vec(operations)?).into())
    }

    /// Rejects the request with a message, or with a [`Rejection`] that has a code and a reason.
    pub fn reject(rejection: impl Into<Rejection>) -> Self {
        Change::Reject(rejection.into()).into()
    }

    /// Adds a warning that the client shows to the user.
    #[must_use]
    pub fn warn(mut self, warning: impl Into<String>) -> Self {
        self.remarks.warnings.push(warning.into());
        self
    }

    /// Adds an annotation to the audit event. The key contains no `/` and at most 63 characters.
    #[must_use]
    pub fn audit(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.remarks
            .audit_annotations
            .insert(key.into(), value.into());
        self
    }

    /// Creates the response to the request with the given uid.
    pub(crate) fn into_response(self, uid: String) -> Response {
        let mut response = self.remarks.into_response(uid);
        let patch = match self.change {
            Change::Unchanged => None,
            Change::Object(object) => Some((PatchType::Full, object)),
            Change::JsonPatch(operations) => Some((PatchType::JsonPatch, operations)),
            Change::Reject(rejection) => {
                rejection.write_to(&mut response);
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
