//! What validators and mutators share: the request, rejections and remarks.

use std::collections::BTreeMap;
use std::ops::Deref;

use serde::Deserialize;
use serde_json::value::RawValue;
use wire::admission::{Request, Response};
use wire::meta::Status;

use crate::Error;

/// What validators and mutators are asked. The fields are those of [`Request`].
#[derive(Debug, Clone)]
pub struct AdmissionRequest<'a>(Request<'a>);

impl<'a> AdmissionRequest<'a> {
    /// The object to be stored, as `T`; `None` when there is none, which is so on DELETE.
    ///
    /// `T` is any type that serde can read: a struct with just the fields that matter, a type of `k8s-openapi`, or
    /// [`Value`](crate::Value). To change an object and send it back, take a `Value`: fields that a struct does not
    /// know would be lost.
    ///
    /// # Errors
    /// When the object does not have the form of `T`.
    pub fn object<T: Deserialize<'a>>(&self) -> Result<Option<T>, Error> {
        read(self.0.object, "object")
    }

    /// The object as it is stored, as `T`; `None` on CREATE and CONNECT.
    ///
    /// # Errors
    /// When the object does not have the form of `T`.
    pub fn old_object<T: Deserialize<'a>>(&self) -> Result<Option<T>, Error> {
        read(self.0.old_object, "oldObject")
    }
}

fn read<'a, T: Deserialize<'a>>(
    object: Option<&'a RawValue>,
    name: &str,
) -> Result<Option<T>, Error> {
    object
        .map(|object| serde_json::from_str(object.get()))
        .transpose()
        .map_err(|error| Error::from(error).context(name))
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

/// Why an object may not be stored. Made from a message, or built to say more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    message: String,
    code: Option<u16>,
    reason: String,
}

impl Rejection {
    /// A rejection that tells the user `message`.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            code: None,
            reason: String::new(),
        }
    }

    /// Sets the HTTP status code of the answer to the user, 400 to 599. The default is the host's, 403.
    #[must_use]
    pub fn code(mut self, code: u16) -> Self {
        self.code = Some(code);
        self
    }

    /// Sets the reason for machines: `Forbidden`, `Invalid`, ….
    #[must_use]
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self
    }

    /// What the user is told.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Writes this rejection into a response.
    pub(crate) fn reject(self, response: &mut Response) {
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

/// What an answer says besides its decision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remarks {
    /// Shown to the user by the client. Keep each below 120 characters.
    pub warnings: Vec<String>,
    /// Facts for the audit log.
    pub audit_annotations: BTreeMap<String, String>,
}

impl Remarks {
    /// A response to the request of this uid that says nothing but these remarks.
    pub(crate) fn into_response(self, uid: String) -> Response {
        Response {
            uid,
            warnings: self.warnings,
            audit_annotations: self.audit_annotations,
            ..Response::default()
        }
    }
}
