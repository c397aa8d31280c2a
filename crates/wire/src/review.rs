//! What the three reviews share: the versions they are spoken in, and how one is recognised.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::json::Members;

/// The version of a review API. The answer is given in the version of the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// `v1`, the version that modules see.
    V1,
    /// `v1beta1`, still the default of kube-apiserver's `--authentication-token-webhook-version` and
    /// `--authorization-webhook-version`.
    V1Beta1,
}

impl Version {
    /// The version as it stands after the slash of `apiVersion`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V1Beta1 => "v1beta1",
        }
    }
}

/// One of the three kinds of review.
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
    /// The `kind` on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TokenReview => "TokenReview",
            Self::SubjectAccessReview => "SubjectAccessReview",
            Self::AdmissionReview => "AdmissionReview",
        }
    }

    /// The API group, the part of `apiVersion` before the slash.
    #[must_use]
    pub fn group(self) -> &'static str {
        match self {
            Self::TokenReview => "authentication.k8s.io",
            Self::SubjectAccessReview => "authorization.k8s.io",
            Self::AdmissionReview => "admission.k8s.io",
        }
    }

    /// The full `apiVersion` of this kind in a version.
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

    /// Recognises a review by its `kind`, without reading the rest: how a tool finds out what a file asks.
    ///
    /// # Errors
    /// When the bytes are not a JSON object, or of a kind that is no review.
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
        .ok_or_else(|| ParseErrorKind::NoReview(head.kind.into_owned()).into())
    }

    /// The version of a review of this kind, from its first two members.
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

    /// Whether a module's answer is of this kind. Modules may leave `apiVersion` and `kind` out.
    pub(crate) fn accepts_answer(self, api_version: &str, kind: &str) -> Result<(), ParseError> {
        if kind.is_empty() && api_version.is_empty() {
            return Ok(());
        }
        self.version_of(api_version, kind).map(|_| ())
    }
}

/// Writes a review's members with the `apiVersion` that modules see.
pub(crate) fn in_v1(mut members: Members<'_>, kind: Kind) -> Result<Vec<u8>, ParseError> {
    let api_version = serde_json::value::to_raw_value(kind.api_version(Version::V1))?;
    members.set("apiVersion", Cow::Owned(api_version));
    Ok(serde_json::to_vec(&members)?)
}

/// The review that answers: `apiVersion`, `kind` and `status`.
pub(crate) fn write_answer<S: Serialize>(kind: Kind, version: Version, status: &S) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer<'a, S> {
        api_version: &'static str,
        kind: &'static str,
        status: &'a S,
    }
    let answer = Answer {
        api_version: kind.api_version(version),
        kind: kind.as_str(),
        status,
    };
    // Strings, booleans and lists only: writing them to memory cannot fail.
    serde_json::to_vec(&answer).unwrap_or_default()
}

/// Takes the `status` out of a review that a module answered.
pub(crate) fn read_answer<'a, S: Deserialize<'a>>(
    kind: Kind,
    response: &'a RawValue,
) -> Result<S, ParseError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer<'a, S> {
        #[serde(borrow, default)]
        api_version: Cow<'a, str>,
        #[serde(borrow, default)]
        kind: Cow<'a, str>,
        #[serde(default = "Option::default")]
        status: Option<S>,
    }
    let answer: Answer<'_, S> = serde_json::from_str(response.get())?;
    kind.accepts_answer(&answer.api_version, &answer.kind)?;
    answer.status.ok_or_else(|| ParseError::missing("status"))
}

/// A review or an answer could not be read.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct ParseError(#[from] ParseErrorKind);

#[derive(Debug, thiserror::Error)]
enum ParseErrorKind {
    #[error("not the JSON that was expected: {0}")]
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
        "kind `{0}` is no review: expected `TokenReview`, `SubjectAccessReview` or `AdmissionReview`"
    )]
    NoReview(String),
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
    fn detects_each_kind_and_names_what_is_none() {
        let kind = Kind::detect(br#"{"kind":"AdmissionReview","request":{}}"#).expect("a review");
        assert_eq!(kind, Kind::AdmissionReview);
        let error = Kind::detect(br#"{"kind":"Pod"}"#).unwrap_err().to_string();
        assert!(error.starts_with("kind `Pod` is no review"), "{error}");
    }
}
