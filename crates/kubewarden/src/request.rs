//! Requests to policies: an admission request of Kubernetes, or any JSON.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use wire::Members;

/// The required members of an admission request.
const REQUIRED: [&str; 5] = ["uid", "kind", "resource", "operation", "userInfo"];

/// A request to a policy.
///
/// Members that are `null` are removed, as in Kubewarden: policies test for the presence of
/// members, and `null` is defined in Rego. All other bytes are passed on unchanged.
///
/// ```
/// use kubewarden::Request;
///
/// let review = br#"{"request": {
///     "uid": "1", "kind": {}, "resource": {}, "operation": "CREATE", "userInfo": {},
///     "object": {"kind": "Pod"}, "oldObject": null
/// }}"#;
/// let request = Request::from_review(review).unwrap();
/// assert_eq!(request.uid(), "1");
/// assert_eq!(request.object().unwrap().get(), r#"{"kind": "Pod"}"#);
/// ```
#[derive(Debug, Clone)]
pub struct Request {
    json: String,
    uid: String,
    object: Option<Box<RawValue>>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Kubernetes,
    Raw,
}

/// An invalid request.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The bytes are not a JSON object.
    #[error("it is not a JSON object: {0}")]
    Json(#[from] serde_json::Error),
    /// The AdmissionReview has no request.
    #[error("it has no member `request`")]
    NoRequest,
    /// A required member is missing.
    #[error("the request has no member `{0}`")]
    Missing(&'static str),
}

#[derive(Deserialize)]
struct Review<'a> {
    #[serde(borrow)]
    request: Option<Members<'a>>,
}

impl Request {
    /// Parses the request of an AdmissionReview.
    ///
    /// # Errors
    /// [`RequestError`] if there is no valid request.
    pub fn from_review(review: &[u8]) -> Result<Self, RequestError> {
        let review: Review<'_> = serde_json::from_slice(review)?;
        Self::from_members(review.request.ok_or(RequestError::NoRequest)?)
    }

    /// Parses a file: an AdmissionReview, or a bare request.
    ///
    /// # Errors
    /// [`RequestError`] if it is neither.
    pub fn from_file(json: &[u8]) -> Result<Self, RequestError> {
        let members: Members<'_> = serde_json::from_slice(json)?;
        if members.get("request").is_some() {
            return Self::from_review(json);
        }
        Self::from_members(members)
    }

    /// Parses any JSON as a raw request. Its uid is the member `uid`, if that is a string.
    ///
    /// # Errors
    /// [`RequestError::Json`].
    pub fn from_raw(json: &[u8]) -> Result<Self, RequestError> {
        #[derive(Deserialize)]
        struct WithUid<'a> {
            #[serde(borrow)]
            uid: Cow<'a, str>,
        }
        let value: &RawValue = serde_json::from_slice(json)?;
        let uid = serde_json::from_str::<WithUid<'_>>(value.get());
        Ok(Self {
            json: value.get().to_owned(),
            uid: uid.map_or_else(|_| String::new(), |with| with.uid.into_owned()),
            object: Some(value.to_owned()),
            kind: Kind::Raw,
        })
    }

    fn from_members(members: Members<'_>) -> Result<Self, RequestError> {
        let members = members.without_nulls();
        if let Some(missing) = REQUIRED
            .into_iter()
            .find(|name| members.get(name).is_none())
        {
            return Err(RequestError::Missing(missing));
        }
        let uid = members
            .get("uid")
            .map(|uid| serde_json::from_str(uid.get()));
        Ok(Self {
            json: serde_json::to_string(&members)?,
            uid: uid.transpose()?.unwrap_or_default(),
            object: members.get("object").map(ToOwned::to_owned),
            kind: Kind::Kubernetes,
        })
    }

    /// Returns the uid, which the response must repeat.
    #[must_use]
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// Returns the object to which mutations apply: the object to be stored, or all of a raw
    /// request. `None` on DELETE.
    #[must_use]
    pub fn object(&self) -> Option<&RawValue> {
        self.object.as_deref()
    }

    /// Returns an AdmissionReview with the request, for evaluation by a chain.
    #[must_use]
    pub fn to_review(&self) -> Vec<u8> {
        let head = r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":"#;
        [head, &self.json, "}"].concat().into_bytes()
    }

    /// Returns `{"request": …, "settings": …}`.
    pub(crate) fn with_settings(&self, settings: &str) -> Vec<u8> {
        ["{\"request\":", &self.json, ",\"settings\":", settings, "}"]
            .concat()
            .into_bytes()
    }

    /// Returns `{"request": …}`.
    pub(crate) fn without_settings(&self) -> Vec<u8> {
        ["{\"request\":", &self.json, "}"].concat().into_bytes()
    }

    /// Returns `{"parameters": …, "review": …}`, or `None` for a raw request.
    pub(crate) fn as_review(&self, settings: &str) -> Option<Vec<u8>> {
        let text = [
            "{\"parameters\":",
            settings,
            ",\"review\":",
            &self.json,
            "}",
        ]
        .concat();
        (self.kind == Kind::Kubernetes).then(|| text.into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &str = r#"{"uid":"u","kind":{},"resource":{},"operation":"CREATE","userInfo":{},"object":{"a": 1.0},"oldObject":null,"options":null,"new":[ 1 ]}"#;

    #[test]
    fn removes_null_members_and_keeps_other_bytes() {
        let review = format!(r#"{{"kind":"AdmissionReview","request":{REQUEST}}}"#);
        let request = Request::from_review(review.as_bytes()).unwrap();
        let expected = r#"{"request":{"uid":"u","kind":{},"resource":{},"operation":"CREATE","userInfo":{},"object":{"a": 1.0},"new":[ 1 ]},"settings":{"x":1}}"#;
        assert_eq!(request.with_settings(r#"{"x":1}"#), expected.as_bytes());
        assert_eq!(request.object().unwrap().get(), r#"{"a": 1.0}"#);
        assert_eq!(request.uid(), "u");
    }

    #[test]
    fn accepts_reviews_and_bare_requests_in_files() {
        let review = format!(r#"{{"request":{REQUEST}}}"#);
        let reviewed = Request::from_file(review.as_bytes()).unwrap();
        let bare = Request::from_file(REQUEST.as_bytes()).unwrap();
        assert_eq!(reviewed.without_settings(), bare.without_settings());
    }

    #[test]
    fn reports_missing_members() {
        for (json, text) in [
            ("[]", "not a JSON object"),
            (r#"{"request":null}"#, "no member `request`"),
            (r#"{"request":{"uid":"u"}}"#, "no member `kind`"),
            (r#"{"uid":"u","kind":null}"#, "no member `kind`"),
        ] {
            let error = Request::from_file(json.as_bytes())
                .and_then(|_| Request::from_review(json.as_bytes()))
                .unwrap_err();
            assert!(error.to_string().contains(text), "{error}");
        }
    }

    #[test]
    fn accepts_any_json_as_a_raw_request() {
        assert_eq!(
            Request::from_raw(br#"{"uid":"x","a":null}"#).unwrap().uid(),
            "x"
        );
        assert_eq!(Request::from_raw(br#"{"uid":7}"#).unwrap().uid(), "");
        assert_eq!(
            Request::from_raw(b"[1]").unwrap().without_settings(),
            br#"{"request":[1]}"#
        );
        assert!(Request::from_raw(b"[1]").unwrap().as_review("{}").is_none());
        assert!(Request::from_raw(b"nonsense").is_err());
    }
}
