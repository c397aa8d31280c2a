//! A decision as an event: the review, the evaluation and the request that it came with.

use std::fmt;
use std::str::FromStr;
use std::time::Instant;

use access::Plane;
use host::Evaluation;
use serde::{Deserialize, Serialize};

use crate::trace_parent::TraceParent;

/// A decision together with the request that led to it.
#[derive(Debug, Clone, Copy)]
pub struct DecisionEvent<'a> {
    /// The chain that decided, or a raw request.
    pub origin: Origin,
    /// The policy that the request named; none if the whole chain was evaluated.
    pub policy: Option<&'a str>,
    /// The review as the client sent it.
    pub review: &'a [u8],
    /// The result of the evaluation.
    pub evaluation: &'a Evaluation,
    /// The HTTP status code of the response, if the front end uses HTTP.
    pub status: Option<u16>,
    /// The time at which the review was received.
    pub arrival: Instant,
    /// The span of the caller, if the front end received one.
    pub parent: Option<TraceParent>,
}

/// The origin of a decision.
///
/// ```
/// use access::Plane;
/// use observe::Origin;
///
/// assert_eq!("mutation".parse(), Ok(Origin::Chain(Plane::Mutation)));
/// assert_eq!(Origin::Raw.to_string(), "raw");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub enum Origin {
    /// The chain of a plane, or one policy of it.
    Chain(Plane),
    /// A raw request: one Kubewarden policy evaluates a JSON document outside of its chain.
    Raw,
}

/// A text that is not an [`Origin`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown plane `{0}`: expected `authentication`, `authorization`, `mutation`, `validation` or `raw`"
)]
pub struct UnknownOrigin(String);

impl Origin {
    /// All origins: the planes in the order in which the API server consults them, then raw
    /// requests.
    pub const ALL: [Self; 5] = [
        Self::Chain(Plane::Authentication),
        Self::Chain(Plane::Authorization),
        Self::Chain(Plane::Mutation),
        Self::Chain(Plane::Validation),
        Self::Raw,
    ];

    /// Returns the name of the plane, or `raw`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chain(plane) => plane.as_str(),
            Self::Raw => "raw",
        }
    }

    /// Returns the plane; none for a raw request.
    #[must_use]
    pub fn plane(self) -> Option<Plane> {
        match self {
            Self::Chain(plane) => Some(plane),
            Self::Raw => None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Origin {
    type Err = UnknownOrigin;

    fn from_str(text: &str) -> Result<Self, UnknownOrigin> {
        let mut origins = Self::ALL.into_iter();
        origins
            .find(|origin| origin.as_str() == text)
            .ok_or_else(|| UnknownOrigin(text.to_owned()))
    }
}

impl TryFrom<String> for Origin {
    type Error = UnknownOrigin;

    fn try_from(text: String) -> Result<Self, UnknownOrigin> {
        text.parse()
    }
}

impl From<Origin> for &'static str {
    fn from(origin: Origin) -> Self {
        origin.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_and_reads_every_origin() {
        for origin in Origin::ALL {
            let json = serde_json::to_string(&origin).unwrap();
            assert_eq!(json, format!("\"{origin}\""));
            assert_eq!(serde_json::from_str::<Origin>(&json).unwrap(), origin);
        }
        let error = serde_json::from_str::<Origin>("\"authn\"").unwrap_err();
        assert!(error.to_string().contains("unknown plane `authn`"));
    }
}
