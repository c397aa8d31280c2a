//! `admission.k8s.io` AdmissionReview: a request to store an object.
//!
//! `v1` and `v1beta1` have the same fields.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::json::{Members, base64_bytes, is_default, nullable};
use crate::meta::{GroupVersionKind, GroupVersionResource, Status, UserInfo};
use crate::review::{self, Kind, ParseError, Version};

/// An AdmissionReview request.
///
/// ```
/// use wire::admission::{Operation, Review};
///
/// let json = br#"{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
///     "request": {"uid": "1", "operation": "CREATE", "object": {"kind": "Pod"}}}"#;
/// let review = Review::parse(json)?;
/// assert_eq!(review.request.operation, Operation::Create);
/// assert_eq!(review.request.object.map(|object| object.get()), Some(r#"{"kind": "Pod"}"#));
/// # Ok::<(), wire::review::ParseError>(())
/// ```
#[derive(Debug)]
pub struct Review<'a> {
    /// The version of the request, and of its response.
    pub version: Version,
    /// The request in the review.
    pub request: Request<'a>,
    body: &'a [u8],
}

/// The `request` of an AdmissionReview. Objects keep their bytes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request<'a> {
    /// The ID of the webhook call. The response must have the same one.
    #[serde(default, with = "nullable")]
    pub uid: String,
    /// The kind of `object`, after conversion if a rule matched an equivalent resource.
    #[serde(default, with = "nullable")]
    pub kind: GroupVersionKind,
    /// The resource, after the same conversion.
    #[serde(default, with = "nullable")]
    pub resource: GroupVersionResource,
    /// The subresource; empty for the resource itself.
    #[serde(default, with = "nullable", skip_serializing_if = "is_default")]
    pub sub_resource: String,
    /// The kind that the user sent.
    #[serde(default, skip_serializing_if = "is_default")]
    pub request_kind: Option<GroupVersionKind>,
    /// The resource that the user requested.
    #[serde(default, skip_serializing_if = "is_default")]
    pub request_resource: Option<GroupVersionResource>,
    /// The subresource that the user requested.
    #[serde(default, with = "nullable", skip_serializing_if = "is_default")]
    pub request_sub_resource: String,
    /// The name of the object; empty on CREATE with `generateName`.
    #[serde(default, with = "nullable", skip_serializing_if = "is_default")]
    pub name: String,
    /// The namespace of the object; empty for cluster-scoped objects. A Namespace has its own name
    /// here.
    #[serde(default, with = "nullable", skip_serializing_if = "is_default")]
    pub namespace: String,
    /// The operation on the object.
    pub operation: Operation,
    /// The user who made the request.
    #[serde(default, with = "nullable")]
    pub user_info: UserInfo,
    /// The object to be stored; absent on DELETE.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub object: Option<&'a RawValue>,
    /// The stored object; absent on CREATE and CONNECT.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub old_object: Option<&'a RawValue>,
    /// True if nothing will be stored. Calls must then have no side effects.
    #[serde(default, with = "nullable")]
    pub dry_run: bool,
    /// `CreateOptions`, `UpdateOptions`, `DeleteOptions`; absent on CONNECT.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub options: Option<&'a RawValue>,
}

/// An operation on an object.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "UPPERCASE")]
pub enum Operation {
    /// The object is created.
    #[default]
    Create,
    /// The object is changed.
    Update,
    /// The object is deleted.
    Delete,
    /// A connection to a subresource such as `pods/exec` is opened.
    Connect,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
        })
    }
}

/// The `response` of an AdmissionReview, unchecked. `access` checks and interprets it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    /// The `uid` of the request. Modules may leave it empty; the host always sets it.
    #[serde(default, with = "nullable")]
    pub uid: String,
    /// True if the object may be stored.
    #[serde(default, with = "nullable")]
    pub allowed: bool,
    /// The reason of a rejection.
    #[serde(default, skip_serializing_if = "is_default")]
    pub status: Option<Status>,
    /// The change to the object, in the form given by `patch_type`. Base64 in JSON.
    #[serde(default, with = "base64_bytes", skip_serializing_if = "is_default")]
    pub patch: Option<Vec<u8>>,
    /// The form of `patch`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub patch_type: Option<PatchType>,
    /// The annotations for the audit log.
    #[serde(default, with = "nullable", skip_serializing_if = "is_default")]
    pub audit_annotations: BTreeMap<String, String>,
    /// The warnings that clients show to the user, whatever the decision.
    #[serde(default, with = "nullable", skip_serializing_if = "is_default")]
    pub warnings: Vec<String>,
}

/// The form of a patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PatchType {
    /// An RFC 6902 document, the only form that kube-apiserver supports.
    #[serde(rename = "JSONPatch")]
    JsonPatch,
    /// The whole changed object. The host converts it into a JSON Patch.
    Full,
}

impl<'a> Review<'a> {
    /// Parses an AdmissionReview request of either version.
    ///
    /// # Errors
    /// Fails if the bytes are not JSON, have another type, or have no `request`.
    pub fn parse(body: &'a [u8]) -> Result<Self, ParseError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Body<'a> {
            #[serde(borrow, default)]
            api_version: Cow<'a, str>,
            #[serde(borrow, default)]
            kind: Cow<'a, str>,
            #[serde(borrow)]
            request: Option<Request<'a>>,
        }
        // Parsed in one pass: reviews are large, and parsing dominates the host's own work.
        let review: Body<'_> = serde_json::from_slice(body)?;
        Ok(Self {
            version: Kind::AdmissionReview.version_of(&review.api_version, &review.kind)?,
            request: review
                .request
                .ok_or_else(|| ParseError::missing("request"))?,
            body,
        })
    }

    /// Returns the review as modules see it: in `v1`, otherwise byte for byte as received.
    ///
    /// # Errors
    /// Fails if a member that [`Review::parse`] ignores is duplicated, because a conversion from
    /// `v1beta1` could not preserve it. kube-apiserver never sends such reviews.
    pub fn for_module(&self) -> Result<Cow<'a, [u8]>, ParseError> {
        match self.version {
            Version::V1 => Ok(Cow::Borrowed(self.body)),
            Version::V1Beta1 => {
                let members: Members<'_> = serde_json::from_slice(self.body)?;
                review::in_v1(members, Kind::AdmissionReview).map(Cow::Owned)
            }
        }
    }

    /// Returns the review as modules see it, with another object. The later policies of a mutating
    /// chain see this review.
    ///
    /// # Errors
    /// Fails if a member that [`Review::parse`] ignores is duplicated, because it could not be
    /// preserved. kube-apiserver never sends such reviews.
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

/// Serializes an AdmissionReview request in `v1`.
#[must_use]
pub fn write_request(request: &Request<'_>) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Body<'a> {
        api_version: &'static str,
        kind: &'static str,
        request: &'a Request<'a>,
    }
    let kind = Kind::AdmissionReview;
    let review = Body {
        api_version: kind.api_version(Version::V1),
        kind: kind.as_str(),
        request,
    };
    // Serializing strings, maps, lists and JSON to memory cannot fail.
    serde_json::to_vec(&review).unwrap_or_default()
}

/// Serializes an AdmissionReview response. `response.uid` must be that of the request.
///
/// ```
/// use wire::admission::{Response, write_response};
/// use wire::review::Version;
///
/// let response = Response { uid: "1".into(), allowed: true, ..Response::default() };
/// let json = String::from_utf8(write_response(Version::V1, &response))?;
/// assert!(json.ends_with(r#""response":{"uid":"1","allowed":true}}"#));
/// # Ok::<(), std::string::FromUtf8Error>(())
/// ```
#[must_use]
pub fn write_response(version: Version, response: &Response) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Body<'a> {
        api_version: &'static str,
        kind: &'static str,
        response: &'a Response,
    }
    let kind = Kind::AdmissionReview;
    let review = Body {
        api_version: kind.api_version(version),
        kind: kind.as_str(),
        response,
    };
    // Serializing strings, booleans and lists to memory cannot fail.
    serde_json::to_vec(&review).unwrap_or_default()
}

/// Parses the AdmissionReview response of a module.
///
/// # Errors
/// Fails if it is not JSON, has another type, has no `response`, or has a patch that is not base64
/// or of an unknown type.
pub fn parse_response(review: &RawValue) -> Result<Response, ParseError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Body<'a> {
        #[serde(borrow, default)]
        api_version: Cow<'a, str>,
        #[serde(borrow, default)]
        kind: Cow<'a, str>,
        response: Option<Response>,
    }
    let review: Body<'_> = serde_json::from_str(review.get())?;
    Kind::AdmissionReview.check_response(&review.api_version, &review.kind)?;
    review
        .response
        .ok_or_else(|| ParseError::missing("response"))
}

/// Extracts the request of a raw review: any JSON in `{"request": …}`.
///
/// # Errors
/// Fails if the bytes are not such a JSON object.
pub fn parse_raw_request(review: &[u8]) -> Result<&RawValue, ParseError> {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        request: &'a RawValue,
    }
    let review: Body<'_> = serde_json::from_slice(review)?;
    Ok(review.request)
}

/// Serializes the response to a raw review: `{"response": …}`.
#[must_use]
pub fn write_raw_response(response: &Response) -> Vec<u8> {
    #[derive(Serialize)]
    struct Body<'a> {
        response: &'a Response,
    }
    // Serializing strings, booleans and lists to memory cannot fail.
    serde_json::to_vec(&Body { response }).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREATE: &[u8] = br#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1beta1","request":{"uid":"u",
        "kind":{"group":"","version":"v1","kind":"ConfigMap"},"resource":{"group":"","version":"v1","resource":"configmaps"},
        "operation":"CREATE","userInfo":{},"object":{"data":{"a": "1"}},"oldObject":null,"dryRun":false,"new":[ 1 ]}}"#;

    fn raw(json: &str) -> &RawValue {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn keeps_the_bytes_of_objects_and_treats_null_as_absent() {
        let review = Review::parse(CREATE).unwrap();
        let object = review.request.object.unwrap();
        assert_eq!(object.get(), r#"{"data":{"a": "1"}}"#);
        assert!(review.request.old_object.is_none());
        assert_eq!(review.request.operation, Operation::Create);
    }

    #[test]
    fn replaces_the_object_and_keeps_everything_else() {
        let review = Review::parse(CREATE).unwrap();
        let changed = review.for_module_with(raw(r#"{"b":2}"#)).unwrap();
        let text = std::str::from_utf8(&changed).unwrap();
        assert!(text.starts_with(
            r#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"u""#
        ));
        assert!(
            text.contains(r#""object":{"b":2}"#) && text.contains(r#""new":[ 1 ]"#),
            "{text}"
        );
    }

    #[test]
    fn parses_nulls_of_the_original_rust_library() {
        let response = parse_response(raw(
            r#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":{"uid":"u","allowed":true,
            "status":null,"patch":"e30=","patchType":"Full","auditAnnotations":null,"warnings":null}}"#,
        )).unwrap();
        assert_eq!(response.patch.as_deref(), Some(&b"{}"[..]));
        assert_eq!(response.patch_type, Some(PatchType::Full));
    }

    #[test]
    fn rejects_unknown_operations_patch_types_and_invalid_base64() {
        let body = String::from_utf8_lossy(CREATE).replace("CREATE", "PATCH");
        assert!(Review::parse(body.as_bytes()).is_err());
        assert!(
            parse_response(raw(r#"{"response":{"patch":"e30=","patchType":"Merge"}}"#)).is_err()
        );
        assert!(parse_response(raw(r#"{"response":{"patch":"%%","patchType":"Full"}}"#)).is_err());
        assert!(parse_response(raw("{}")).is_err());
    }

    #[test]
    fn encodes_patches_as_base64() {
        let response = Response {
            uid: "u".into(),
            allowed: true,
            patch: Some(b"[]".to_vec()),
            patch_type: Some(PatchType::JsonPatch),
            ..Response::default()
        };
        assert_eq!(
            String::from_utf8(write_response(Version::V1, &response)).unwrap(),
            r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":"u","allowed":true,"patch":"W10=","patchType":"JSONPatch"}}"#
        );
    }

    #[test]
    fn rejects_replacing_the_object_of_a_review_with_duplicate_members() {
        let body = r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u","operation":"CREATE","twice":1,"twice":2}}"#;
        let review = Review::parse(body.as_bytes()).unwrap();
        assert_eq!(*review.for_module().unwrap(), *body.as_bytes());
        assert!(review.for_module_with(raw("{}")).is_err());
    }
}
