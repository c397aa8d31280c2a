//! Validators: policies that accept or reject objects.

use serde::de::DeserializeOwned;
use wire::admission::Response;

use crate::admission::{AdmissionRequest, Rejection, Remarks};
use crate::error::Error;

/// A policy that accepts or rejects objects. Exported as `validate`.
///
/// ```
/// use k8s_wasm_sdk::{AdmissionRequest, Error, Validation, Validator, Value};
/// use serde::Deserialize;
///
/// /// Rejects objects without the annotation that the settings name.
/// #[derive(Deserialize)]
/// struct RequiredAnnotation {
///     annotation: String,
/// }
///
/// impl Validator for RequiredAnnotation {
///     fn validate(&self, request: &AdmissionRequest<'_>) -> Result<Validation, Error> {
///         let Some(object) = request.object::<Value>()? else {
///             return Ok(Validation::accept());
///         };
///         if object["metadata"]["annotations"][&self.annotation].is_string() {
///             return Ok(Validation::accept());
///         }
///         Ok(Validation::reject(format!("the annotation `{}` is missing", self.annotation)))
///     }
/// }
///
/// k8s_wasm_sdk::export!(validate: RequiredAnnotation);
/// ```
pub trait Validator: DeserializeOwned {
    /// Accepts or rejects the request.
    ///
    /// # Errors
    /// If the policy could not decide.
    fn validate(&self, request: &AdmissionRequest<'_>) -> Result<Validation, Error>;
}

/// The result of a validator: a verdict and remarks.
///
/// ```
/// use k8s_wasm_sdk::{Validation, Verdict};
///
/// let validation = Validation::accept()
///     .warn("the label `tier` is deprecated; use `example.com/tier`")
///     .audit("deprecated-labels", "tier");
/// assert_eq!(validation.verdict, Verdict::Accept);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validation {
    /// The verdict on the request.
    pub verdict: Verdict,
    /// Warnings and audit annotations.
    pub remarks: Remarks,
}

/// The verdict of a validator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The request is accepted.
    Accept,
    /// The request is rejected.
    Reject(Rejection),
}

impl Validation {
    /// Accepts the request.
    #[must_use]
    pub fn accept() -> Self {
        Verdict::Accept.into()
    }

    /// Rejects the request with a message, or with a [`Rejection`] that has a code and a reason.
    pub fn reject(rejection: impl Into<Rejection>) -> Self {
        Verdict::Reject(rejection.into()).into()
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
        match self.verdict {
            Verdict::Accept => response.allowed = true,
            Verdict::Reject(rejection) => rejection.write_to(&mut response),
        }
        response
    }
}

impl From<Verdict> for Validation {
    fn from(verdict: Verdict) -> Self {
        Self {
            verdict,
            remarks: Remarks::default(),
        }
    }
}
