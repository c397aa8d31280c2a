//! `authorization.k8s.io` SubjectAccessReview: a request to authorize a user.
//!
//! `v1beta1` differs from `v1` in `apiVersion` and in one key of the spec: the list of groups is
//! `group`, not `groups`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::json::{Members, is_default, nullable, nullable_values};
use crate::review::{self, Kind, ParseError, Version};

/// A SubjectAccessReview request.
///
/// ```
/// use wire::authorization::Review;
///
/// let json = br#"{"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
///     "spec": {"user": "jane", "resourceAttributes": {"verb": "list", "resource": "pods"}}}"#;
/// let review = Review::parse(json)?;
/// assert_eq!(review.spec.user, "jane");
/// # Ok::<(), wire::review::ParseError>(())
/// ```
#[derive(Debug)]
pub struct Review<'a> {
    /// The version of the request, and of its response.
    pub version: Version,
    /// The request in the review.
    pub spec: Spec,
    for_module: Cow<'a, [u8]>,
}

/// The `spec` of a SubjectAccessReview.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Spec {
    /// A request to a resource; exactly one of this and `non_resource_attributes` is set.
    #[serde(default, skip_serializing_if = "is_default")]
    pub resource_attributes: Option<ResourceAttributes>,
    /// A request to a path outside of resources.
    #[serde(default, skip_serializing_if = "is_default")]
    pub non_resource_attributes: Option<NonResourceAttributes>,
    /// The name of the user.
    #[serde(default, with = "nullable", skip_serializing_if = "is_default")]
    pub user: String,
    /// The groups of the user.
    #[serde(default, with = "nullable", skip_serializing_if = "is_default")]
    pub groups: Vec<String>,
    /// The extra attributes from the authenticator.
    #[serde(default, with = "nullable_values", skip_serializing_if = "is_default")]
    pub extra: BTreeMap<String, Vec<String>>,
    /// The unique ID of the user across time.
    #[serde(default, with = "nullable", skip_serializing_if = "is_default")]
    pub uid: String,
}

/// A request to a resource.
///
/// `fieldSelector.rawSelector` and `labelSelector.rawSelector` are omitted on purpose: authorizers
/// must ignore them (`k8s.io/api/authorization/v1/types.go`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceAttributes {
    /// The namespace. Empty for cluster-scoped resources and requests to all namespaces.
    #[serde(with = "nullable", skip_serializing_if = "is_default")]
    pub namespace: String,
    /// The verb, such as `get`, `list` or `create`.
    #[serde(with = "nullable", skip_serializing_if = "is_default")]
    pub verb: String,
    /// The API group; empty for the core group.
    #[serde(with = "nullable", skip_serializing_if = "is_default")]
    pub group: String,
    /// The API version.
    #[serde(with = "nullable", skip_serializing_if = "is_default")]
    pub version: String,
    /// The resource, plural and lower-case.
    #[serde(with = "nullable", skip_serializing_if = "is_default")]
    pub resource: String,
    /// The subresource; empty for the resource itself.
    #[serde(with = "nullable", skip_serializing_if = "is_default")]
    pub subresource: String,
    /// The name of the object; empty for `list`, `watch`, `create` and `deletecollection`.
    #[serde(with = "nullable", skip_serializing_if = "is_default")]
    pub name: String,
    /// A selector that limits the request by fields (KEP-4601).
    #[serde(skip_serializing_if = "is_default")]
    pub field_selector: Option<Selector>,
    /// A selector that limits the request by labels (KEP-4601).
    #[serde(skip_serializing_if = "is_default")]
    pub label_selector: Option<Selector>,
}

/// Requirements that must all hold. They only narrow a request, so it is safe to ignore one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selector {
    /// The requirements.
    #[serde(default, with = "nullable", skip_serializing_if = "is_default")]
    pub requirements: Vec<Requirement>,
}

/// One requirement of a selector.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Requirement {
    /// The label or the field.
    pub key: String,
    /// The operator: `In`, `NotIn`, `Exists`, `DoesNotExist`, or one of a later version.
    pub operator: String,
    /// The values for `In` and `NotIn`.
    #[serde(with = "nullable", skip_serializing_if = "is_default")]
    pub values: Vec<String>,
}

/// A request to a path outside of resources, such as `/healthz`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NonResourceAttributes {
    /// The path.
    #[serde(with = "nullable", skip_serializing_if = "is_default")]
    pub path: String,
    /// The HTTP verb in lower case.
    #[serde(with = "nullable", skip_serializing_if = "is_default")]
    pub verb: String,
}

/// The `status` of a SubjectAccessReview. Without `allowed` and `denied` there is no opinion.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// True if the request is allowed.
    #[serde(default, with = "nullable")]
    pub allowed: bool,
    /// True if the request is denied regardless of other authorizers. Never together with `allowed`.
    #[serde(default, with = "nullable", skip_serializing_if = "is_default")]
    pub denied: bool,
    /// The reason, which becomes part of the message of a 403.
    #[serde(default, with = "nullable", skip_serializing_if = "is_default")]
    pub reason: String,
    /// An error that did not prevent the decision.
    #[serde(default, with = "nullable", skip_serializing_if = "is_default")]
    pub evaluation_error: String,
}

impl<'a> Review<'a> {
    /// Parses a SubjectAccessReview request of either version.
    ///
    /// # Errors
    /// Fails if the bytes are not JSON, have another type, or have no `spec`.
    pub fn parse(body: &'a [u8]) -> Result<Self, ParseError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Body<'a> {
            #[serde(borrow, default)]
            api_version: Cow<'a, str>,
            #[serde(borrow, default)]
            kind: Cow<'a, str>,
            #[serde(borrow)]
            spec: Option<&'a RawValue>,
        }
        let review: Body<'_> = serde_json::from_slice(body)?;
        let version = Kind::SubjectAccessReview.version_of(&review.api_version, &review.kind)?;
        let spec = review.spec.ok_or_else(|| ParseError::missing("spec"))?;
        match version {
            Version::V1 => Ok(Self {
                version,
                spec: serde_json::from_str(spec.get())?,
                for_module: Cow::Borrowed(body),
            }),
            Version::V1Beta1 => {
                let spec = spec_in_v1(spec)?;
                let parsed = serde_json::from_str(spec.get())?;
                let mut members: Members<'_> = serde_json::from_slice(body)?;
                members.set("spec", Cow::Owned(spec));
                let body = review::in_v1(members, Kind::SubjectAccessReview)?;
                Ok(Self {
                    version,
                    spec: parsed,
                    for_module: Cow::Owned(body),
                })
            }
        }
    }

    /// Returns the review as modules see it: in `v1`, otherwise byte for byte as received.
    #[must_use]
    pub fn for_module(&self) -> &[u8] {
        &self.for_module
    }
}

fn spec_in_v1(spec: &RawValue) -> Result<Box<RawValue>, ParseError> {
    let mut members: Members<'_> = serde_json::from_str(spec.get())?;
    members.rename("group", "groups");
    Ok(serde_json::value::to_raw_value(&members)?)
}

/// Serializes a SubjectAccessReview request in `v1`.
#[must_use]
pub fn write_request(spec: &Spec) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Body<'a> {
        api_version: &'static str,
        kind: &'static str,
        spec: &'a Spec,
    }
    let kind = Kind::SubjectAccessReview;
    let review = Body {
        api_version: kind.api_version(Version::V1),
        kind: kind.as_str(),
        spec,
    };
    // Serializing strings, maps and lists to memory cannot fail.
    serde_json::to_vec(&review).unwrap_or_default()
}

/// Serializes a SubjectAccessReview response.
///
/// ```
/// use wire::authorization::{Status, write_response};
/// use wire::review::Version;
///
/// let status = Status { allowed: true, ..Status::default() };
/// let json = String::from_utf8(write_response(Version::V1, &status))?;
/// assert!(json.ends_with(r#""status":{"allowed":true}}"#));
/// # Ok::<(), std::string::FromUtf8Error>(())
/// ```
#[must_use]
pub fn write_response(version: Version, status: &Status) -> Vec<u8> {
    review::write_status(Kind::SubjectAccessReview, version, status)
}

/// Parses the SubjectAccessReview response of a module.
///
/// # Errors
/// Fails if it is not JSON, has another type, or has no `status`.
pub fn parse_response(review: &RawValue) -> Result<Status, ParseError> {
    review::parse_status(Kind::SubjectAccessReview, review)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renames_the_v1beta1_key_group_to_groups() {
        let body = br#"{"apiVersion":"authorization.k8s.io/v1beta1","kind":"SubjectAccessReview","metadata":{},
            "spec":{"group":["dev"],"user":"jane","unknown":{"a":1.0}}}"#;
        let review = Review::parse(body).unwrap();
        assert_eq!(review.spec.groups, ["dev"]);
        assert_eq!(
            std::str::from_utf8(review.for_module()).unwrap(),
            r#"{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview","metadata":{},"spec":{"groups":["dev"],"user":"jane","unknown":{"a":1.0}}}"#
        );
    }

    /// S11: no opinion unless a policy decides; never both allowed and denied; raw selectors are
    /// ignored.
    #[test]
    fn passes_a_v1_review_to_modules_byte_for_byte() {
        let body = br#"{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview","spec":{
            "resourceAttributes":{"verb":"list","resource":"pods","labelSelector":{"rawSelector":"a=b"}},"user":"jane"}}"#;
        let review = Review::parse(body).unwrap();
        assert_eq!(review.for_module(), body);
        let attributes = review.spec.resource_attributes.unwrap();
        assert_eq!(attributes.label_selector, Some(Selector::default()));
    }

    #[test]
    fn parses_a_request_that_it_wrote() {
        let spec = Spec {
            resource_attributes: Some(ResourceAttributes {
                verb: "list".into(),
                ..ResourceAttributes::default()
            }),
            user: "jane".into(),
            ..Spec::default()
        };
        let body = write_request(&spec);
        assert_eq!(Review::parse(&body).unwrap().spec, spec);
    }

    #[test]
    fn rejects_a_v1beta1_spec_with_both_group_and_groups() {
        let body = br#"{"apiVersion":"authorization.k8s.io/v1beta1","kind":"SubjectAccessReview",
            "spec":{"group":["dev"],"groups":["system:masters"]}}"#;
        assert!(Review::parse(body).is_err());
    }

    #[test]
    fn responds_in_the_version_of_the_request() {
        let status = Status {
            denied: true,
            reason: "no".into(),
            ..Status::default()
        };
        assert_eq!(
            String::from_utf8(write_response(Version::V1Beta1, &status)).unwrap(),
            r#"{"apiVersion":"authorization.k8s.io/v1beta1","kind":"SubjectAccessReview","status":{"allowed":false,"denied":true,"reason":"no"}}"#
        );
    }
}
