//! `authentication.k8s.io` TokenReview: a request to identify the user of a token.
//!
//! `v1` and `v1beta1` differ in `apiVersion` only.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::json::{Members, is_default, nullable};
use crate::meta::UserInfo;
use crate::review::{self, Kind, ParseError, Version};

/// The JSON pointer to the token of a TokenReview.
pub const TOKEN_POINTER: &str = "/spec/token";

/// The JSON pointer to the token of a TokenRequest, which creates a token of a service account.
pub const TOKEN_REQUEST_POINTER: &str = "/status/token";

/// A TokenReview request.
///
/// ```
/// use wire::authentication::Review;
///
/// let json = br#"{"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
///     "spec": {"token": "t", "audiences": ["api"]}}"#;
/// let review = Review::parse(json)?;
/// assert_eq!(review.spec.audiences, ["api"]);
/// # Ok::<(), wire::review::ParseError>(())
/// ```
#[derive(Debug)]
pub struct Review<'a> {
    /// The version of the request, and of its response.
    pub version: Version,
    /// The request in the review.
    pub spec: Spec,
    body: &'a [u8],
}

/// The `spec` of a TokenReview.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// The opaque bearer token.
    #[serde(default, with = "nullable", skip_serializing_if = "is_default")]
    pub token: String,
    /// The audiences that the token is presented to. Empty for the API server's own audiences.
    #[serde(default, with = "nullable", skip_serializing_if = "is_default")]
    pub audiences: Vec<String>,
}

/// Omits the token, so that debug output does not leak it.
impl fmt::Debug for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spec")
            .field("token", &format_args!("<{} bytes>", self.token.len()))
            .field("audiences", &self.audiences)
            .finish()
    }
}

/// The `status` of a TokenReview.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// True if the token belongs to a known user.
    #[serde(default, with = "nullable")]
    pub authenticated: bool,
    /// The user, if authenticated.
    #[serde(default, skip_serializing_if = "is_default")]
    pub user: Option<UserInfo>,
    /// The audiences that the token and the request have in common. Empty if the authenticator does
    /// not support audiences; kube-apiserver then assumes its own.
    #[serde(default, with = "nullable", skip_serializing_if = "is_default")]
    pub audiences: Vec<String>,
    /// The reason why the token could not be checked. kube-apiserver logs it and caches nothing.
    #[serde(default, with = "nullable", skip_serializing_if = "is_default")]
    pub error: String,
}

impl<'a> Review<'a> {
    /// Parses a TokenReview request of either version.
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
            spec: Option<Spec>,
        }
        let review: Body<'_> = serde_json::from_slice(body)?;
        Ok(Self {
            version: Kind::TokenReview.version_of(&review.api_version, &review.kind)?,
            spec: review.spec.ok_or_else(|| ParseError::missing("spec"))?,
            body,
        })
    }

    /// Returns the review as modules see it: in `v1`, otherwise byte for byte as received.
    ///
    /// # Errors
    /// Fails if a member that [`Review::parse`] ignores is duplicated, or its name is not valid
    /// Unicode (half of a surrogate pair), because a conversion from `v1beta1` could not preserve
    /// it. kube-apiserver never sends such reviews.
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

/// Serializes a TokenReview response.
///
/// ```
/// use wire::authentication::{Status, write_response};
/// use wire::review::Version;
///
/// let json = String::from_utf8(write_response(Version::V1, &Status::default()))?;
/// assert!(json.ends_with(r#""status":{"authenticated":false}}"#));
/// # Ok::<(), std::string::FromUtf8Error>(())
/// ```
#[must_use]
pub fn write_response(version: Version, status: &Status) -> Vec<u8> {
    review::write_status(Kind::TokenReview, version, status)
}

/// Parses the TokenReview response of a module.
///
/// # Errors
/// Fails if it is not JSON, has another type, or has no `status`.
pub fn parse_response(review: &RawValue) -> Result<Status, ParseError> {
    review::parse_status(Kind::TokenReview, review)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> &RawValue {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn passes_a_v1_review_to_modules_byte_for_byte() {
        let body = br#"{ "apiVersion":"authentication.k8s.io/v1","kind":"TokenReview",
            "metadata":{"creationTimestamp":null},"spec":{"token":"t","new":1},"status":{"user":{}}}"#;
        let review = Review::parse(body).unwrap();
        assert_eq!(review.spec.token, "t");
        assert_eq!(&*review.for_module().unwrap(), body);
    }

    #[test]
    fn converts_a_v1beta1_review_and_its_response() {
        let body = br#"{"apiVersion":"authentication.k8s.io/v1beta1","kind":"TokenReview","spec":{"token":"t"}}"#;
        let review = Review::parse(body).unwrap();
        let expected =
            br#"{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","spec":{"token":"t"}}"#;
        assert_eq!(&*review.for_module().unwrap(), expected);
        let response = write_response(review.version, &Status::default());
        assert!(
            response.starts_with(
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
    fn parses_responses_with_nulls_without_type_and_with_unknown_members() {
        let status = parse_response(raw(
            r#"{"metadata":null,"status":{"authenticated":true,"audiences":null,"error":null,"x":1,
            "user":{"username":"jane","groups":null,"extra":null,"uid":null}}}"#,
        ))
        .unwrap();
        assert!(status.authenticated);
        assert_eq!(status.user.unwrap().username, "jane");
    }

    #[test]
    fn rejects_responses_of_another_kind_and_without_status() {
        let other = raw(r#"{"apiVersion":"v1","kind":"Pod","status":{"authenticated":true}}"#);
        assert!(
            parse_response(other)
                .unwrap_err()
                .to_string()
                .contains("got kind `Pod` of `v1`")
        );
        let empty = parse_response(raw("{}")).unwrap_err().to_string();
        assert_eq!(empty, "the review has no `status`");
    }
}
