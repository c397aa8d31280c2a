//! What policies are asked: an admission request of Kubernetes, or any JSON.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use wire::Members;

/// What a policy is asked about.
///
/// Members that are `null` are left out, as the peer does: policies take the presence of a member for its meaning, and Rego takes
/// `null` for defined. Everything else stays the bytes that came in.
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

/// The bytes are nothing that a policy could be asked about.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// They are not JSON, or not an object.
    #[error("it is not a JSON object: {0}")]
    Json(#[from] serde_json::Error),
    /// An AdmissionReview without a request.
    #[error("it has no member `request`")]
    NoRequest,
    /// A request lacks what every request has.
    #[error("the request has no member `{0}`")]
    Missing(&'static str),
}

/// What every admission request has.
const REQUIRED: [&str; 5] = ["uid", "kind", "resource", "operation", "userInfo"];

#[derive(Deserialize)]
struct Review<'a> {
    #[serde(borrow)]
    request: Option<Members<'a>>,
}

impl Request {
    /// The request of an AdmissionReview.
    ///
    /// # Errors
    /// When there is none.
    pub fn of_review(review: &[u8]) -> Result<Self, RequestError> {
        let review: Review<'_> = serde_json::from_slice(review)?;
        Self::of_members(review.request.ok_or(RequestError::NoRequest)?)
    }

    /// The request in a file: an AdmissionReview, or a bare request.
    ///
    /// # Errors
    /// When it is neither.
    pub fn of_file(json: &[u8]) -> Result<Self, RequestError> {
        let members: Members<'_> = serde_json::from_slice(json)?;
        if members.get("request").is_some() {
            return Self::of_review(json);
        }
        Self::of_members(members)
    }

    /// Any JSON. Its `uid` is the member of that name, if it is a string.
    ///
    /// # Errors
    /// When it is not JSON.
    pub fn raw(json: &[u8]) -> Result<Self, RequestError> {
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

    fn of_members(members: Members<'_>) -> Result<Self, RequestError> {
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

    /// What the answer must repeat.
    #[must_use]
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// What a change is a change of: the object to be stored, of a raw request all of it; none on DELETE.
    #[must_use]
    pub fn object(&self) -> Option<&RawValue> {
        self.object.as_deref()
    }

    /// The request in an AdmissionReview: what the chains are asked.
    #[must_use]
    pub fn to_review(&self) -> Vec<u8> {
        let head = r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":"#;
        [head, &self.json, "}"].concat().into_bytes()
    }

    /// `{"request": …, "settings": …}`
    pub(crate) fn with_settings(&self, settings: &str) -> Vec<u8> {
        ["{\"request\":", &self.json, ",\"settings\":", settings, "}"]
            .concat()
            .into_bytes()
    }

    /// `{"request": …}`
    pub(crate) fn alone(&self) -> Vec<u8> {
        ["{\"request\":", &self.json, "}"].concat().into_bytes()
    }

    /// `{"parameters": …, "review": …}`; none for a raw request.
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
    fn leaves_null_members_out_and_everything_else_as_it_came() {
        let review = format!(r#"{{"kind":"AdmissionReview","request":{REQUEST}}}"#);
        let request = Request::of_review(review.as_bytes()).unwrap();
        let expected = r#"{"request":{"uid":"u","kind":{},"resource":{},"operation":"CREATE","userInfo":{},"object":{"a": 1.0},"new":[ 1 ]},"settings":{"x":1}}"#;
        assert_eq!(request.with_settings(r#"{"x":1}"#), expected.as_bytes());
        assert_eq!(request.object().unwrap().get(), r#"{"a": 1.0}"#);
        assert_eq!(request.uid(), "u");
    }

    #[test]
    fn a_file_is_a_review_or_a_bare_request() {
        let review = format!(r#"{{"request":{REQUEST}}}"#);
        let of_review = Request::of_file(review.as_bytes()).unwrap();
        let bare = Request::of_file(REQUEST.as_bytes()).unwrap();
        assert_eq!(of_review.alone(), bare.alone());
    }

    #[test]
    fn says_what_a_request_lacks() {
        for (json, text) in [
            ("[]", "not a JSON object"),
            (r#"{"request":null}"#, "no member `request`"),
            (r#"{"request":{"uid":"u"}}"#, "no member `kind`"),
            (r#"{"uid":"u","kind":null}"#, "no member `kind`"),
        ] {
            let error = Request::of_file(json.as_bytes())
                .and_then(|_| Request::of_review(json.as_bytes()))
                .unwrap_err();
            assert!(error.to_string().contains(text), "{error}");
        }
    }

    #[test]
    fn a_raw_request_is_any_json_and_may_have_a_uid() {
        assert_eq!(Request::raw(br#"{"uid":"x","a":null}"#).unwrap().uid(), "x");
        assert_eq!(Request::raw(br#"{"uid":7}"#).unwrap().uid(), "");
        assert_eq!(Request::raw(b"[1]").unwrap().alone(), br#"{"request":[1]}"#);
        assert!(Request::raw(b"[1]").unwrap().as_review("{}").is_none());
        assert!(Request::raw(b"nonsense").is_err());
    }
}
