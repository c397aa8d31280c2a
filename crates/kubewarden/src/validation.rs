//! Validations: the responses of policies in all modes, as one type.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use wire::admission::{PatchType, Response};
use wire::meta::{Status, StatusCause, StatusDetails};

use crate::failure::Failure;
use crate::request::Request;

/// The result of evaluating a request.
#[derive(Debug, Clone)]
pub struct Validation {
    /// The verdict.
    pub verdict: Verdict,
    /// Warnings that the client shows to the user.
    pub warnings: Vec<String>,
    /// Annotations for the audit log.
    pub audit_annotations: BTreeMap<String, String>,
}

/// The verdict of a policy.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// The request is accepted, with an optional mutation of the object.
    Accept(Option<Change>),
    /// The request is rejected.
    Reject(Rejection),
}

/// A mutation of the object.
#[derive(Debug, Clone)]
pub enum Change {
    /// The complete mutated object.
    Object(Box<RawValue>),
    /// A JSON Patch (RFC 6902).
    JsonPatch(Vec<u8>),
}

/// The reason of a rejection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rejection {
    /// The message for the user.
    pub message: Option<String>,
    /// The HTTP status code for the client.
    pub code: Option<u16>,
    /// The individual causes.
    pub causes: Vec<Cause>,
}

/// One cause of a rejection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cause {
    /// The message for the user.
    pub message: String,
    /// The field of the object, or the policy of a group.
    pub field: String,
}

/// The response of a waPC guest or a program. Source: `kubewarden-policy-sdk`, `response.rs`.
#[derive(Debug, Deserialize)]
pub(crate) struct ValidationResponse<'a> {
    accepted: bool,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    code: Option<u16>,
    #[serde(borrow, default)]
    mutated_object: Option<&'a RawValue>,
    #[serde(default)]
    audit_annotations: Option<BTreeMap<String, String>>,
    #[serde(default)]
    warnings: Option<Vec<String>>,
}

/// The message for a mutation of an object that is being deleted. Source: Kubewarden.
const NOTHING_TO_MUTATE: &str = "Incoming object is null, which happens only with DELETE operations, but the policy is attempting a mutation. This is not allowed";

impl Change {
    /// Returns whether the mutation changes the object of a request.
    pub(crate) fn changes(&self, request: &Request) -> bool {
        let read = |json: &RawValue| serde_json::from_str::<serde_json::Value>(json.get()).ok();
        match self {
            Self::Object(changed) => request.object().and_then(read) != read(changed),
            Self::JsonPatch(patch) => patch.trim_ascii() != b"[]",
        }
    }
}

impl Validation {
    /// Creates an acceptance without a mutation.
    #[must_use]
    pub fn accept() -> Self {
        Self::from(Verdict::Accept(None))
    }

    /// Creates a rejection with a message.
    #[must_use]
    pub fn reject(message: impl Into<String>) -> Self {
        Self::from(Verdict::Reject(Rejection {
            message: Some(message.into()),
            ..Rejection::default()
        }))
    }

    /// Rejects a mutation of a request without an object.
    pub(crate) fn checked_against(mut self, request: &Request) -> Self {
        if matches!(self.verdict, Verdict::Accept(Some(_))) && request.object().is_none() {
            self.verdict = Self::reject(NOTHING_TO_MUTATE).verdict;
        }
        self
    }

    /// Replaces the message of a rejection. The policy's message becomes a cause.
    #[must_use]
    pub fn with_message(mut self, message: Option<&str>) -> Self {
        if let (Verdict::Reject(rejection), Some(message)) = (&mut self.verdict, message) {
            let own = rejection.message.replace(message.to_owned());
            rejection.causes.extend(own.map(|message| Cause {
                message,
                field: String::new(),
            }));
        }
        self
    }

    /// Converts the validation to the response of an AdmissionReview.
    #[must_use]
    pub fn into_response(self, uid: &str) -> Response {
        let mut response = Response {
            uid: uid.to_owned(),
            warnings: self.warnings,
            audit_annotations: self.audit_annotations,
            ..Response::default()
        };
        match self.verdict {
            Verdict::Accept(change) => {
                response.allowed = true;
                (response.patch_type, response.patch) = match change {
                    None => (None, None),
                    Some(Change::Object(object)) => {
                        (Some(PatchType::Full), Some(object.get().into()))
                    }
                    Some(Change::JsonPatch(patch)) => (Some(PatchType::JsonPatch), Some(patch)),
                };
            }
            Verdict::Reject(rejection) => response.status = Some(rejection.into_status()),
        }
        response
    }
}

impl Rejection {
    fn into_status(self) -> Status {
        let causes: Vec<_> = self.causes.into_iter().map(Cause::into_wire).collect();
        Status {
            message: self.message.unwrap_or_default(),
            code: self.code.map(i32::from),
            details: (!causes.is_empty()).then_some(StatusDetails { causes }),
            ..Status::default()
        }
    }
}

impl Cause {
    fn into_wire(self) -> StatusCause {
        StatusCause {
            message: self.message,
            field: self.field,
            ..StatusCause::default()
        }
    }
}

impl From<Verdict> for Validation {
    fn from(verdict: Verdict) -> Self {
        Self {
            verdict,
            warnings: Vec::new(),
            audit_annotations: BTreeMap::new(),
        }
    }
}

impl From<ValidationResponse<'_>> for Validation {
    fn from(response: ValidationResponse<'_>) -> Self {
        let verdict = if response.accepted {
            let object = response.mutated_object.map(ToOwned::to_owned);
            Verdict::Accept(object.map(Change::Object))
        } else {
            Verdict::Reject(Rejection {
                message: response.message,
                code: response.code,
                causes: Vec::new(),
            })
        };
        Self {
            verdict,
            warnings: response.warnings.unwrap_or_default(),
            audit_annotations: response.audit_annotations.unwrap_or_default(),
        }
    }
}

/// Conversion of the response of a Rego policy.
impl TryFrom<Response> for Validation {
    type Error = Failure;

    fn try_from(response: Response) -> Result<Self, Failure> {
        let verdict = match (response.allowed, response.patch, response.patch_type) {
            (false, ..) => {
                Verdict::Reject(response.status.map(Rejection::from).unwrap_or_default())
            }
            (true, None, _) => Verdict::Accept(None),
            (true, Some(patch), Some(PatchType::JsonPatch)) => {
                Verdict::Accept(Some(Change::JsonPatch(patch)))
            }
            (true, Some(_), _) => {
                let problem = "its response has a patch of a type other than JSONPatch";
                return Err(Failure::response(problem, String::new()));
            }
        };
        Ok(Self {
            verdict,
            warnings: response.warnings,
            audit_annotations: response.audit_annotations,
        })
    }
}

impl From<Status> for Rejection {
    fn from(status: Status) -> Self {
        let causes = status.details.unwrap_or_default().causes;
        Self {
            message: Some(status.message).filter(|message| !message.is_empty()),
            code: status.code.and_then(|code| u16::try_from(code).ok()),
            causes: causes
                .into_iter()
                .map(|cause| Cause {
                    message: cause.message,
                    field: cause.field,
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Validation {
        serde_json::from_str::<ValidationResponse<'_>>(json)
            .unwrap()
            .into()
    }

    #[test]
    fn converts_rejections_without_a_patch() {
        let validation = read(
            r#"{"accepted":false,"message":"no","code":418,"mutated_object":{},"warnings":["w"],"audit_annotations":{"k":"v"}}"#,
        );
        let response = validation.into_response("u");
        assert!(!response.allowed && response.patch.is_none());
        let status = response.status.unwrap();
        assert_eq!((status.message.as_str(), status.code), ("no", Some(418)));
        assert_eq!(response.warnings, ["w"]);
        assert_eq!(response.audit_annotations["k"], "v");
    }

    #[test]
    fn passes_mutated_objects_on_unchanged() {
        let response = read(r#"{"accepted":true,"mutated_object":{"a": 1.0}}"#).into_response("u");
        assert_eq!(response.patch_type, Some(PatchType::Full));
        assert_eq!(response.patch.unwrap(), br#"{"a": 1.0}"#);
        let plain = read(r#"{"accepted":true,"mutated_object":null,"message":null}"#);
        assert!(matches!(plain.verdict, Verdict::Accept(None)));
    }

    #[test]
    fn rejects_responses_without_a_verdict() {
        for json in ["{}", r#"{"accepted":null}"#, r#"{"accepted":"yes"}"#, "[]"] {
            assert!(
                serde_json::from_str::<ValidationResponse<'_>>(json).is_err(),
                "{json}"
            );
        }
    }

    #[test]
    fn configured_messages_turn_the_policys_message_into_a_cause() {
        let validation = Validation::reject("own").with_message(Some("house rules"));
        let status = validation.into_response("u").status.unwrap();
        assert_eq!(status.message, "house rules");
        assert_eq!(status.details.unwrap().causes[0].message, "own");
        let accepted = Validation::accept().with_message(Some("house rules"));
        assert!(matches!(accepted.verdict, Verdict::Accept(None)));
    }

    #[test]
    fn rejects_mutations_on_delete() {
        let delete = r#"{"uid":"u","kind":{},"resource":{},"operation":"DELETE","userInfo":{},"object":null}"#;
        let request = Request::from_file(delete.as_bytes()).unwrap();
        let validation = read(r#"{"accepted":true,"mutated_object":{}}"#).checked_against(&request);
        let Verdict::Reject(rejection) = validation.verdict else {
            panic!("accepted")
        };
        assert!(
            rejection
                .message
                .unwrap()
                .starts_with("Incoming object is null")
        );
    }
}
