//! Common parts of the three reviews: versions, kinds and parse errors.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::json::Members;

/// The version of a review API. A response has the version of its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// `v1`, the version that modules see.
    V1,
    /// `v1beta1`, still the default of kube-apiserver's `--authentication-token-webhook-version` and
    /// `--authorization-webhook-version`.
    V1Beta1,
}

impl Version {
    /// Returns the version, which is the part of `apiVersion` after the slash.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V1Beta1 => "v1beta1",
        }
    }
}

/// The kind of a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `authentication.k8s.io` TokenReview.
    TokenReview,
    /// `authorization.k8s.io` SubjectAccessReview.
    SubjectAccessReview,
    /// `admission.k8s.io` AdmissionReview.
    AdmissionReview,
}

impl Kind {
    /// Returns the `kind` in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TokenReview => "TokenReview",
            Self::SubjectAccessReview => "SubjectAccessReview",
            Self::AdmissionReview => "AdmissionReview",
        }
    }

    /// Returns the API group, which is the part of `apiVersion` before the slash.
    #[must_use]
    pub fn group(self) -> &'static str {
        match self {
            Self::TokenReview => "authentication.k8s.io",
            Self::SubjectAccessReview => "authorization.k8s.io",
            Self::AdmissionReview => "admission.k8s.io",
        }
    }

    /// Returns the `apiVersion` of this kind in a version.
    #[must_use]
    pub fn api_version(self, version: Version) -> &'static str {
        match (self, version) {
            (Self::TokenReview, Version::V1) => "authentication.k8s.io/v1",
            (Self::TokenReview, Version::V1Beta1) => "authentication.k8s.io/v1beta1",
            (Self::SubjectAccessReview, Version::V1) => "authorization.k8s.io/v1",
            (Self::SubjectAccessReview, Version::V1Beta1) => "authorization.k8s.io/v1beta1",
            (Self::AdmissionReview, Version::V1) => "admission.k8s.io/v1",
            (Self::AdmissionReview, Version::V1Beta1) => "admission.k8s.io/v1beta1",
        }
    }

    /// Returns the kind of a review, without parsing anything else.
    ///
    /// # Errors
    /// Fails if the bytes are not a JSON object, or of another kind.
    pub fn detect(body: &[u8]) -> Result<Self, ParseError> {
        #[derive(Deserialize)]
        struct Head<'a> {
            #[serde(borrow, default)]
            kind: Cow<'a, str>,
        }
        let head: Head<'_> = serde_json::from_slice(body)?;
        [
            Self::TokenReview,
            Self::SubjectAccessReview,
            Self::AdmissionReview,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == head.kind)
        .ok_or_else(|| ParseErrorKind::NotReview(head.kind.into_owned()).into())
    }

    /// Returns the version of a review of this kind.
    pub(crate) fn version_of(self, api_version: &str, kind: &str) -> Result<Version, ParseError> {
        let version = [Version::V1, Version::V1Beta1]
            .into_iter()
            .find(|version| self.api_version(*version) == api_version);
        match version {
            Some(version) if kind == self.as_str() => Ok(version),
            _ => Err(ParseErrorKind::WrongType {
                expected: self,
                api_version: api_version.to_owned(),
                kind: kind.to_owned(),
            }
            .into()),
        }
    }

    /// Checks that the response of a module is of this kind. Modules may omit `apiVersion` and
    /// `kind`.
    pub(crate) fn check_response(self, api_version: &str, kind: &str) -> Result<(), ParseError> {
        if kind.is_empty() && api_version.is_empty() {
            return Ok(());
        }
        self.version_of(api_version, kind).map(|_| ())
    }
}

/// Serializes the members of a review with the `apiVersion` that modules see.
pub(crate) fn in_v1(mut members: Members<'_>, kind: Kind) -> Result<Vec<u8>, ParseError> {
    let api_version = serde_json::value::to_raw_value(kind.api_version(Version::V1))?;
    members.set("apiVersion", Cow::Owned(api_version));
    Ok(serde_json::to_vec(&members)?)
}

/// Serializes a response: `apiVersion`, `kind` and `status`.
pub(crate) fn write_status<S: Serialize>(kind: Kind, version: Version, status: &S) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Body<'a, S> {
        api_version: &'static str,
        kind: &'static str,
        status: &'a S,
    }
    let review = Body {
        api_version: kind.api_version(version),
        kind: kind.as_str(),
        status,
    };
    // Serializing strings, booleans and lists to memory cannot fail.
    serde_json::to_vec(&review).unwrap_or_default()
}

/// Parses the `status` of a module's response.
pub(crate) fn parse_status<'a, S: Deserialize<'a>>(
    kind: Kind,
    review: &'a RawValue,
) -> Result<S, ParseError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Body<'a, S> {
        #[serde(borrow, default)]
        api_version: Cow<'a, str>,
        #[serde(borrow, default)]
        kind: Cow<'a, str>,
        #[serde(default = "Option::default")]
        status: Option<S>,
    }
    let review: Body<'_, S> = serde_json::from_str(review.get())?;
    kind.check_response(&review.api_version, &review.kind)?;
    review.status.ok_or_else(|| ParseError::missing("status"))
}

/// The reason why a review cannot be parsed.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct ParseError(#[from] ParseErrorKind);

#[derive(Debug, thiserror::Error)]
enum ParseErrorKind {
    #[error("invalid JSON: {0}")]
    Json(serde_json::Error),
    #[error(
        "expected a `{}` of `{}/v1` or `{}/v1beta1`, got kind `{kind}` of `{api_version}`",
        expected.as_str(), expected.group(), expected.group()
    )]
    WrongType {
        expected: Kind,
        api_version: String,
        kind: String,
    },
    #[error(
        "kind `{0}` is not a review: expected `TokenReview`, `SubjectAccessReview` or `AdmissionReview`"
    )]
    NotReview(String),
    #[error("the review has no `{0}`")]
    Missing(&'static str),
}

impl ParseError {
    pub(crate) fn missing(member: &'static str) -> Self {
        ParseErrorKind::Missing(member).into()
    }
}

impl From<serde_json::Error> for ParseError {
    fn from(error: serde_json::Error) -> Self {
        ParseErrorKind::Json(error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detects_the_kind_of_a_review() {
        let kind = Kind::detect(br#"{"kind":"AdmissionReview","request":{}}"#).unwrap();
        assert_eq!(kind, Kind::AdmissionReview);
        let error = Kind::detect(br#"{"kind":"Pod"}"#).unwrap_err().to_string();
        assert!(error.starts_with("kind `Pod` is not a review"), "{error}");
    }
}
