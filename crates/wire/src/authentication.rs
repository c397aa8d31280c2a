//! `authentication.k8s.io` TokenReview: who does this token belong to?
//!
//! `v1` and `v1beta1` are the same but for `apiVersion`.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::json::{Members, null_as_default};
use crate::meta::UserInfo;
use crate::review::{self, Kind, ParseError, Version};

/// A TokenReview as it was posted.
#[derive(Debug)]
pub struct Review<'a> {
    /// The version it was posted in, and is answered in.
    pub version: Version,
    /// What is asked.
    pub spec: Spec,
    body: &'a [u8],
}

/// What a TokenReview asks.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// The opaque bearer token.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub token: String,
    /// The identifiers that the resource server goes by. Empty means the API server's own audiences.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub audiences: Vec<String>,
}

/// Without the token: a debug print must not leak it.
impl std::fmt::Debug for Spec {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Spec")
            .field("token", &format_args!("<{} bytes>", self.token.len()))
            .field("audiences", &self.audiences)
            .finish()
    }
}

/// What a TokenReview answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Whether the token belongs to a known user.
    #[serde(default, deserialize_with = "null_as_default")]
    pub authenticated: bool,
    /// The user, when authenticated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserInfo>,
    /// The audiences that the token and the request have in common. Empty from an authenticator that does not know
    /// audiences, which means the API server's own.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub audiences: Vec<String>,
    /// The token could not be checked. kube-apiserver logs it and caches nothing.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub error: String,
}

impl<'a> Review<'a> {
    /// Reads a posted TokenReview of either version.
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
            spec: Option<Spec>,
        }
        let posted: Posted<'_> = serde_json::from_slice(body)?;
        Ok(Self {
            version: Kind::TokenReview.version_of(&posted.api_version, &posted.kind)?,
            spec: posted.spec.ok_or_else(|| ParseError::missing("spec"))?,
            body,
        })
    }

    /// The review as modules see it: in `v1`, otherwise byte for byte as it came.
    ///
    /// # Errors
    /// When a member that [`Review::parse`] does not look at is there twice, or its name is no text (half of a surrogate
    /// pair): it could not be written again in `v1`. kube-apiserver writes no such reviews.
    pub fn for_module(&self) -> Result<Cow<'a, [u8]>, ParseError> {
        match self.version {
            Version::V1 => Ok(Cow::Borrowed(self.body)),
            Version::V1Beta1 => {
                let members: Members<'_> = serde_json::from_slice(self.body)?;
                review::in_v1(members, Kind::TokenReview).map(Cow::Owned)
            }
        }
    }
}

/// The TokenReview to answer with.
#[must_use]
pub fn answer(version: Version, status: &Status) -> Vec<u8> {
    review::write_answer(Kind::TokenReview, version, status)
}

/// Reads the TokenReview that a module answered.
///
/// # Errors
/// When it is not JSON, says that it is something else, or has no `status`.
pub fn parse_answer(response: &RawValue) -> Result<Status, ParseError> {
    review::read_answer(Kind::TokenReview, response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> &RawValue {
        serde_json::from_str(json).expect("json")
    }

    #[test]
    fn a_v1_review_reaches_the_module_byte_for_byte() {
        let body = br#"{ "apiVersion":"authentication.k8s.io/v1","kind":"TokenReview",
            "metadata":{"creationTimestamp":null},"spec":{"token":"t","new":1},"status":{"user":{}}}"#;
        let review = Review::parse(body).expect("a review");
        assert_eq!(review.spec.token, "t");
        assert_eq!(&*review.for_module().expect("bytes"), body);
    }

    #[test]
    fn a_v1beta1_review_reaches_the_module_in_v1_and_is_answered_in_v1beta1() {
        let body = br#"{"apiVersion":"authentication.k8s.io/v1beta1","kind":"TokenReview","spec":{"token":"t"}}"#;
        let review = Review::parse(body).expect("a review");
        let expected =
            br#"{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","spec":{"token":"t"}}"#;
        assert_eq!(&*review.for_module().expect("bytes"), expected);
        let answer = answer(review.version, &Status::default());
        assert!(
            answer.starts_with(
                br#"{"apiVersion":"authentication.k8s.io/v1beta1","kind":"TokenReview""#
            )
        );
    }

    /// S7: no token, Secret or whole object in the log.
    #[test]
    fn debug_output_does_not_show_the_token() {
        let spec = Spec {
            token: "secret".into(),
            audiences: vec![],
        };
        assert!(!format!("{spec:?}").contains("secret"));
    }

    #[test]
    fn reads_answers_with_nulls_without_type_and_with_unknown_members() {
        let status = parse_answer(raw(
            r#"{"metadata":null,"status":{"authenticated":true,"audiences":null,"error":null,"x":1,
            "user":{"username":"jane","groups":null,"extra":null,"uid":null}}}"#,
        ))
        .expect("a status");
        assert!(status.authenticated);
        assert_eq!(status.user.expect("a user").username, "jane");
    }

    #[test]
    fn refuses_answers_of_another_kind_and_without_status() {
        let other = raw(r#"{"apiVersion":"v1","kind":"Pod","status":{"authenticated":true}}"#);
        assert!(
            parse_answer(other)
                .unwrap_err()
                .to_string()
                .contains("got kind `Pod` of `v1`")
        );
        let empty = parse_answer(raw("{}")).unwrap_err().to_string();
        assert_eq!(empty, "the review has no `status`");
    }
}
