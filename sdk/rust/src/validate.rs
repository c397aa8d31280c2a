//! Validators: may this object be stored?

use serde::de::DeserializeOwned;
use wire::admission::Response;

use crate::{AdmissionRequest, Error, Rejection, Remarks};

/// Decides whether an object may be stored. Exported as `validate`.
pub trait Validator: DeserializeOwned {
    /// Whether the request may go on.
    ///
    /// # Errors
    /// When it could not be found out.
    fn validate(&self, request: &AdmissionRequest<'_>) -> Result<Validation, Error>;
}

/// What a validator answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validation {
    /// The decision.
    pub verdict: Verdict,
    /// What the answer says besides.
    pub remarks: Remarks,
}

/// The decision of a validator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The request may go on.
    Accept,
    /// The request ends here.
    Reject(Rejection),
}

impl Validation {
    /// The request may go on.
    #[must_use]
    pub fn accept() -> Self {
        Verdict::Accept.into()
    }

    /// The request ends here. Takes a message, or a [`Rejection`] that says more.
    pub fn reject(why: impl Into<Rejection>) -> Self {
        Verdict::Reject(why.into()).into()
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
        match self.verdict {
            Verdict::Accept => response.allowed = true,
            Verdict::Reject(rejection) => rejection.reject(&mut response),
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
