//! `admission.k8s.io` AdmissionReview: may this object be stored, and in what form?
//!
//! `v1` and `v1beta1` have the same fields.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::json::{Members, base64_bytes, null_as_default};
use crate::meta::{GroupVersionKind, GroupVersionResource, Status, UserInfo};
use crate::review::{self, Kind, ParseError, Version};

/// An AdmissionReview as it was posted.
#[derive(Debug)]
pub struct Review<'a> {
    /// The version it was posted in, and is answered in.
    pub version: Version,
    /// What is asked.
    pub request: Request<'a>,
    body: &'a [u8],
}

/// What an AdmissionReview asks. The objects stay the bytes that came in.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request<'a> {
    /// New for each webhook call; the answer must repeat it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub uid: String,
    /// The kind of `object`, converted when a rule matched an equivalent resource.
    #[serde(default, deserialize_with = "null_as_default")]
    pub kind: GroupVersionKind,
    /// The resource, converted likewise.
    #[serde(default, deserialize_with = "null_as_default")]
    pub resource: GroupVersionResource,
    /// The subresource; empty for the resource itself.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub sub_resource: String,
    /// The kind as the user sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_kind: Option<GroupVersionKind>,
    /// The resource as the user asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_resource: Option<GroupVersionResource>,
    /// The subresource as the user asked for it.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub request_sub_resource: String,
    /// The object's name; empty on CREATE with `generateName`.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub name: String,
    /// The object's namespace; empty for cluster-scoped objects. For a Namespace, its own name.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub namespace: String,
    /// What is being done.
    pub operation: Operation,
    /// Who does it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub user_info: UserInfo,
    /// The object to be stored; absent on DELETE.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub object: Option<&'a RawValue>,
    /// The object as it is stored; absent on CREATE and CONNECT.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub old_object: Option<&'a RawValue>,
    /// Nothing will be stored: calls must not have side effects.
    #[serde(default, deserialize_with = "null_as_default")]
    pub dry_run: bool,
    /// `CreateOptions`, `UpdateOptions`, `DeleteOptions`; absent on CONNECT.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub options: Option<&'a RawValue>,
}

/// What is being done to an object.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "UPPERCASE")]
pub enum Operation {
    /// The object is new.
    #[default]
    Create,
    /// The object changes.
    Update,
    /// The object goes.
    Delete,
    /// A connection to a subresource such as `pods/exec` is opened.
    Connect,
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
        })
    }
}

/// What an AdmissionReview answers, as it is written. What it means is decided in `access`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    /// The `uid` of the request. A module may leave it empty; the host always sends it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub uid: String,
    /// Whether the object may be stored.
    #[serde(default, deserialize_with = "null_as_default")]
    pub allowed: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// The change to the object, in the form that `patch_type` tells. Base64 on the wire.
    #[serde(
        default,
        with = "base64_bytes",
        skip_serializing_if = "Option::is_none"
    )]
    pub patch: Option<Vec<u8>>,
    /// The form of `patch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch_type: Option<PatchType>,
    /// Facts for the audit log.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub audit_annotations: BTreeMap<String, String>,
    /// Shown to the user by the client, denied or not.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub warnings: Vec<String>,
}

/// The form of a patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PatchType {
    /// An RFC 6902 document, the only form that kube-apiserver knows.
    #[serde(rename = "JSONPatch")]
    JsonPatch,
    /// The whole changed object; the host makes the JSON patch.
    Full,
}

impl<'a> Review<'a> {
    /// Reads a posted AdmissionReview of either version.
    ///
    /// # Errors
    /// When the bytes are not JSON, are of another type, or have no `request`.
    pub fn parse(body: &'a [u8]) -> Result<Self, ParseError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Posted<'a> {
            #[serde(borrow, default)]
            api_version: Cow<'a, str>,
            #[serde(borrow, default)]
            kind: Cow<'a, str>,
            #[serde(borrow)]
            request: Option<Request<'a>>,
        }
        // One pass: reviews are long, and reading them is most of what a host does.
        let posted: Posted<'_> = serde_json::from_slice(body)?;
        Ok(Self {
            version: Kind::AdmissionReview.version_of(&posted.api_version, &posted.kind)?,
            request: posted
                .request
                .ok_or_else(|| ParseError::missing("request"))?,
            body,
        })
    }

    /// The review as modules see it: in `v1`, otherwise byte for byte as it came.
    ///
    /// # Errors
    /// When a member that [`Review::parse`] does not look at is there twice: it could not be written again as it came.
    /// kube-apiserver writes no such reviews.
    pub fn for_module(&self) -> Result<Cow<'a, [u8]>, ParseError> {
        match self.version {
            Version::V1 => Ok(Cow::Borrowed(self.body)),
            Version::V1Beta1 => {
                let members: Members<'_> = serde_json::from_slice(self.body)?;
                review::in_v1(members, Kind::AdmissionReview).map(Cow::Owned)
            }
        }
    }

    /// The review as modules see it, with another object: what the next policy of a mutating chain is asked.
    ///
    /// # Errors
    /// When a member that [`Review::parse`] does not look at is there twice: it could not be written again as it came.
    /// kube-apiserver writes no such reviews.
    pub fn for_module_with(&self, object: &RawValue) -> Result<Vec<u8>, ParseError> {
        let mut members: Members<'_> = serde_json::from_slice(self.body)?;
        let request = members
            .get("request")
            .ok_or_else(|| ParseError::missing("request"))?;
        let mut request: Members<'_> = serde_json::from_str(request.get())?;
        request.set("object", Cow::Borrowed(object));
        let request = serde_json::value::to_raw_value(&request)?;
        members.set("request", Cow::Owned(request));
        review::in_v1(members, Kind::AdmissionReview)
    }
}

/// The AdmissionReview that asks this, in `v1`.
#[must_use]
pub fn question(request: &Request<'_>) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Question<'a> {
        api_version: &'static str,
        kind: &'static str,
        request: &'a Request<'a>,
    }
    let kind = Kind::AdmissionReview;
    let question = Question {
        api_version: kind.api_version(Version::V1),
        kind: kind.as_str(),
        request,
    };
    // Strings, maps, lists and what is JSON already: writing them to memory cannot fail.
    serde_json::to_vec(&question).unwrap_or_default()
}

/// The AdmissionReview to answer with. `response.uid` must be the request's.
#[must_use]
pub fn answer(version: Version, response: &Response) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer<'a> {
        api_version: &'static str,
        kind: &'static str,
        response: &'a Response,
    }
    let kind = Kind::AdmissionReview;
    let answer = Answer {
        api_version: kind.api_version(version),
        kind: kind.as_str(),
        response,
    };
    // Strings, booleans and lists only: writing them to memory cannot fail.
    serde_json::to_vec(&answer).unwrap_or_default()
}

/// Reads the AdmissionReview that a module answered.
///
/// # Errors
/// When it is not JSON, says that it is something else, has no `response`, or its patch is not base64 or of an unknown
/// type.
pub fn parse_answer(answer: &RawValue) -> Result<Response, ParseError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer<'a> {
        #[serde(borrow, default)]
        api_version: Cow<'a, str>,
        #[serde(borrow, default)]
        kind: Cow<'a, str>,
        response: Option<Response>,
    }
    let answer: Answer<'_> = serde_json::from_str(answer.get())?;
    Kind::AdmissionReview.accepts_answer(&answer.api_version, &answer.kind)?;
    answer
        .response
        .ok_or_else(|| ParseError::missing("response"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREATE: &[u8] = br#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1beta1","request":{"uid":"u",
        "kind":{"group":"","version":"v1","kind":"ConfigMap"},"resource":{"group":"","version":"v1","resource":"configmaps"},
        "operation":"CREATE","userInfo":{},"object":{"data":{"a": "1"}},"oldObject":null,"dryRun":false,"new":[ 1 ]}}"#;

    fn raw(json: &str) -> &RawValue {
        serde_json::from_str(json).expect("json")
    }

    #[test]
    fn objects_stay_bytes_and_null_is_absent() {
        let review = Review::parse(CREATE).expect("a review");
        let object = review.request.object.expect("an object");
        assert_eq!(object.get(), r#"{"data":{"a": "1"}}"#);
        assert!(review.request.old_object.is_none());
        assert_eq!(review.request.operation, Operation::Create);
    }

    #[test]
    fn the_next_policy_sees_the_changed_object_and_everything_else_as_it_came() {
        let review = Review::parse(CREATE).expect("a review");
        let changed = review.for_module_with(raw(r#"{"b":2}"#)).expect("bytes");
        let text = std::str::from_utf8(&changed).expect("utf-8");
        assert!(text.starts_with(
            r#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"u""#
        ));
        assert!(
            text.contains(r#""object":{"b":2}"#) && text.contains(r#""new":[ 1 ]"#),
            "{text}"
        );
    }

    #[test]
    fn reads_the_answer_of_the_original_rust_library_with_its_nulls() {
        let response = parse_answer(raw(
            r#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":{"uid":"u","allowed":true,
            "status":null,"patch":"e30=","patchType":"Full","auditAnnotations":null,"warnings":null}}"#,
        ))
        .expect("a response");
        assert_eq!(response.patch.as_deref(), Some(&b"{}"[..]));
        assert_eq!(response.patch_type, Some(PatchType::Full));
    }

    #[test]
    fn refuses_unknown_operations_patch_types_and_broken_base64() {
        let body = String::from_utf8_lossy(CREATE).replace("CREATE", "PATCH");
        assert!(Review::parse(body.as_bytes()).is_err());
        assert!(parse_answer(raw(r#"{"response":{"patch":"e30=","patchType":"Merge"}}"#)).is_err());
        assert!(parse_answer(raw(r#"{"response":{"patch":"%%","patchType":"Full"}}"#)).is_err());
        assert!(parse_answer(raw("{}")).is_err());
    }

    #[test]
    fn patches_are_base64_on_the_wire() {
        let response = Response {
            uid: "u".into(),
            allowed: true,
            patch: Some(b"[]".to_vec()),
            patch_type: Some(PatchType::JsonPatch),
            ..Response::default()
        };
        assert_eq!(
            String::from_utf8(answer(Version::V1, &response)).expect("utf-8"),
            r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":"u","allowed":true,"patch":"W10=","patchType":"JSONPatch"}}"#
        );
    }

    #[test]
    fn a_review_that_cannot_be_written_again_is_an_error_and_no_other_review() {
        let body = r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u","operation":"CREATE","twice":1,"twice":2}}"#;
        let review = Review::parse(body.as_bytes()).expect("a review");
        assert_eq!(*review.for_module().expect("bytes"), *body.as_bytes());
        assert!(review.for_module_with(raw("{}")).is_err());
    }
}
