//! Types that validators and mutators share: the request, rejections and remarks.

use std::collections::BTreeMap;
use std::ops::Deref;

use serde::Deserialize;
use serde_json::value::RawValue;
use wire::admission::{Request, Response};
use wire::meta::Status;

use crate::error::Error;

/// The request of a validator or mutator. Its fields are those of [`Request`].
///
/// ```
/// use k8s_wasm_sdk::{AdmissionRequest, Operation};
///
/// fn is_node_update(request: &AdmissionRequest<'_>) -> bool {
///     request.resource.resource == "nodes" && request.operation == Operation::Update
/// }
/// ```
#[derive(Debug, Clone)]
pub struct AdmissionRequest<'a>(Request<'a>);

impl<'a> AdmissionRequest<'a> {
    /// Deserializes the object to be stored; `None` if there is none, as for DELETE.
    ///
    /// `T` is any type that serde can deserialize: a struct with only the fields that matter, a
    /// type of `k8s-openapi`, or [`Value`](serde_json::Value). To change an object and return it,
    /// use a `Value`: a struct would lose the fields that it does not contain.
    ///
    /// ```
    /// use k8s_wasm_sdk::{AdmissionRequest, Error};
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize)]
    /// struct Deployment {
    ///     spec: Spec,
    /// }
    ///
    /// #[derive(Deserialize)]
    /// struct Spec {
    ///     #[serde(default)]
    ///     replicas: u32,
    /// }
    ///
    /// fn replicas(request: &AdmissionRequest<'_>) -> Result<Option<u32>, Error> {
    ///     let deployment = request.object::<Deployment>()?;
    ///     Ok(deployment.map(|deployment| deployment.spec.replicas))
    /// }
    /// ```
    ///
    /// # Errors
    /// If the object does not have the form of `T`.
    pub fn object<T: Deserialize<'a>>(&self) -> Result<Option<T>, Error> {
        parse(self.0.object, "object")
    }

    /// Deserializes the object that is stored; `None` for CREATE and CONNECT.
    ///
    /// # Errors
    /// If the object does not have the form of `T`.
    pub fn old_object<T: Deserialize<'a>>(&self) -> Result<Option<T>, Error> {
        parse(self.0.old_object, "oldObject")
    }
}

fn parse<'a, T: Deserialize<'a>>(
    object: Option<&'a RawValue>,
    field: &str,
) -> Result<Option<T>, Error> {
    object
        .map(|object| serde_json::from_str(object.get()))
        .transpose()
        .map_err(|error| Error::from(error).context(field))
}

impl<'a> Deref for AdmissionRequest<'a> {
    type Target = Request<'a>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'a> From<Request<'a>> for AdmissionRequest<'a> {
    fn from(request: Request<'a>) -> Self {
        Self(request)
    }
}

/// A rejection of an object: a message for the user, and optionally a status code and a reason.
///
/// ```
/// use k8s_wasm_sdk::{Rejection, Validation};
///
/// let rejection = Rejection::new("replicas: must be odd").code(422).reason("Invalid");
/// let validation = Validation::reject(rejection);
/// # assert_ne!(validation, Validation::accept());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    message: String,
    code: Option<u16>,
    reason: String,
}

impl Rejection {
    /// Creates a rejection with a message for the user.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            code: None,
            reason: String::new(),
        }
    }

    /// Sets the HTTP status code of the response to the user, from 400 to 599. The host's default
    /// is 403.
    #[must_use]
    pub fn code(mut self, code: u16) -> Self {
        self.code = Some(code);
        self
    }

    /// Sets the machine-readable reason, such as `Forbidden` or `Invalid`.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self
    }

    /// Returns the message for the user.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Writes this rejection into a response.
    pub(crate) fn write_to(self, response: &mut Response) {
        response.allowed = false;
        response.status = Some(Status {
            message: self.message,
            reason: self.reason,
            code: self.code.map(i32::from),
            ..Status::default()
        });
    }
}

impl<M: Into<String>> From<M> for Rejection {
    fn from(message: M) -> Self {
        Self::new(message)
    }
}

/// The parts of a response that accompany its decision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remarks {
    /// Warnings that the client shows to the user. Keep each below 120 characters.
    pub warnings: Vec<String>,
    /// Annotations of the audit event.
    pub audit_annotations: BTreeMap<String, String>,
}

impl Remarks {
    /// Creates a response with these remarks to the request with the given uid.
    pub(crate) fn into_response(self, uid: String) -> Response {
        Response {
            uid,
            warnings: self.warnings,
            audit_annotations: self.audit_annotations,
            ..Response::default()
        }
    }
}
