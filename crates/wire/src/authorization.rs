//! `authorization.k8s.io` SubjectAccessReview: may this user do that?
//!
//! `v1beta1` differs from `v1` in `apiVersion` and in one key of the spec: the list of groups is `group`, not `groups`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::json::{Members, null_as_default, null_values_as_default};
use crate::review::{self, Kind, ParseError, Version};

/// A SubjectAccessReview as it was posted.
#[derive(Debug)]
pub struct Review<'a> {
    /// The version it was posted in, and is answered in.
    pub version: Version,
    /// What is asked.
    pub spec: Spec,
    for_module: Cow<'a, [u8]>,
}

/// What a SubjectAccessReview asks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Spec {
    /// A request to a resource; exactly one of this and `non_resource_attributes` is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_attributes: Option<ResourceAttributes>,
    /// A request to a path that is no resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub non_resource_attributes: Option<NonResourceAttributes>,
    /// The user's name.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub user: String,
    /// The user's groups.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub groups: Vec<String>,
    /// Further facts that the authenticator stated.
    #[serde(
        default,
        deserialize_with = "null_values_as_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub extra: BTreeMap<String, Vec<String>>,
    /// The user's identifier across time.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub uid: String,
}

/// A request to a resource.
///
/// `fieldSelector.rawSelector` and `labelSelector.rawSelector` are left out on purpose: authorizers must ignore them
/// (`k8s.io/api/authorization/v1/types.go`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceAttributes {
    /// Empty for cluster-scoped resources, and for requests to all namespaces.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub namespace: String,
    /// `get`, `list`, `create`, …
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub verb: String,
    /// The API group; empty for the core group.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub group: String,
    /// The API version.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub version: String,
    /// The resource, plural and lower-case.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub resource: String,
    /// The subresource; empty for the resource itself.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub subresource: String,
    /// The object's name; empty for `list`, `watch`, `create` and `deletecollection`.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub name: String,
    /// Limits the request by fields (KEP-4601).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field_selector: Option<Selector>,
    /// Limits the request by labels (KEP-4601).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_selector: Option<Selector>,
}

/// Requirements that must all hold. They only ever narrow a request, so that ignoring one is safe.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selector {
    /// The requirements.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub requirements: Vec<Requirement>,
}

/// One requirement of a selector.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Requirement {
    /// The label or the field.
    pub key: String,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`; more may come.
    pub operator: String,
    /// The values for `In` and `NotIn`.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub values: Vec<String>,
}

/// A request to a path that is no resource, such as `/healthz`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NonResourceAttributes {
    /// The path.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub path: String,
    /// The HTTP verb in lower case.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub verb: String,
}

/// What a SubjectAccessReview answers. Neither `allowed` nor `denied` means no opinion.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The request is allowed.
    #[serde(default, deserialize_with = "null_as_default")]
    pub allowed: bool,
    /// The request is denied, whatever other authorizers would say. Never together with `allowed`.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_false"
    )]
    pub denied: bool,
    /// For people; part of the message of a 403.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub reason: String,
    /// An error on the way that did not prevent the answer.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub evaluation_error: String,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde asks for"
)]
fn is_false(value: &bool) -> bool {
    !value
}

impl<'a> Review<'a> {
    /// Reads a posted SubjectAccessReview of either version.
    ///
    /// # Errors
    /// When the bytes are not JSON, are of another type, or have no `spec`.
    pub fn parse(body: &'a [u8]) -> Result<Self, ParseError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Posted<'a> {
            #[serde(borrow, default)]
            api_version: Cow<'a, str>,
            #[serde(borrow, default)]
            kind: Cow<'a, str>,
            #[serde(borrow)]
            spec: Option<&'a RawValue>,
        }
        let posted: Posted<'_> = serde_json::from_slice(body)?;
        let version = Kind::SubjectAccessReview.version_of(&posted.api_version, &posted.kind)?;
        let spec = posted.spec.ok_or_else(|| ParseError::missing("spec"))?;
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

    /// The review as modules see it: in `v1`, otherwise byte for byte as it came.
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

/// The SubjectAccessReview that asks this, in `v1`.
#[must_use]
pub fn question(spec: &Spec) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Question<'a> {
        api_version: &'static str,
        kind: &'static str,
        spec: &'a Spec,
    }
    let kind = Kind::SubjectAccessReview;
    let question = Question {
        api_version: kind.api_version(Version::V1),
        kind: kind.as_str(),
        spec,
    };
    // Strings, maps and lists only: writing them to memory cannot fail.
    serde_json::to_vec(&question).unwrap_or_default()
}

/// The SubjectAccessReview to answer with.
#[must_use]
pub fn answer(version: Version, status: &Status) -> Vec<u8> {
    review::write_answer(Kind::SubjectAccessReview, version, status)
}

/// Reads the SubjectAccessReview that a module answered.
///
/// # Errors
/// When it is not JSON, says that it is something else, or has no `status`.
pub fn parse_answer(response: &RawValue) -> Result<Status, ParseError> {
    review::read_answer(Kind::SubjectAccessReview, response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v1beta1_calls_the_groups_group_and_modules_see_groups() {
        let body = br#"{"apiVersion":"authorization.k8s.io/v1beta1","kind":"SubjectAccessReview","metadata":{},
            "spec":{"group":["dev"],"user":"jane","unknown":{"a":1.0}}}"#;
        let review = Review::parse(body).expect("a review");
        assert_eq!(review.spec.groups, ["dev"]);
        assert_eq!(
            std::str::from_utf8(review.for_module()).expect("utf-8"),
            r#"{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview","metadata":{},"spec":{"groups":["dev"],"user":"jane","unknown":{"a":1.0}}}"#
        );
    }

    /// S11: no opinion unless somebody has one; never allowed and denied at once; raw selectors are not read.
    #[test]
    fn v1_is_passed_on_as_it_came() {
        let body = br#"{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview","spec":{
            "resourceAttributes":{"verb":"list","resource":"pods","labelSelector":{"rawSelector":"a=b"}},"user":"jane"}}"#;
        let review = Review::parse(body).expect("a review");
        assert_eq!(review.for_module(), body);
        let attributes = review
            .spec
            .resource_attributes
            .expect("resource attributes");
        assert_eq!(attributes.label_selector, Some(Selector::default()));
    }

    #[test]
    fn a_question_is_read_as_it_was_asked() {
        let spec = Spec {
            resource_attributes: Some(ResourceAttributes {
                verb: "list".into(),
                ..ResourceAttributes::default()
            }),
            user: "jane".into(),
            ..Spec::default()
        };
        let body = question(&spec);
        assert_eq!(Review::parse(&body).expect("a review").spec, spec);
    }

    #[test]
    fn a_v1beta1_spec_with_both_spellings_is_refused() {
        let body = br#"{"apiVersion":"authorization.k8s.io/v1beta1","kind":"SubjectAccessReview",
            "spec":{"group":["dev"],"groups":["system:masters"]}}"#;
        assert!(Review::parse(body).is_err());
    }

    #[test]
    fn answers_in_the_version_of_the_question() {
        let status = Status {
            denied: true,
            reason: "no".into(),
            ..Status::default()
        };
        assert_eq!(
            String::from_utf8(answer(Version::V1Beta1, &status)).expect("utf-8"),
            r#"{"apiVersion":"authorization.k8s.io/v1beta1","kind":"SubjectAccessReview","status":{"allowed":false,"denied":true,"reason":"no"}}"#
        );
    }
}
