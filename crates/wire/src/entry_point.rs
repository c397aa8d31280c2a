//! The entry points of modules.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::review::Kind;

/// An entry point: the function of a module that decides for a plane.
///
/// ```
/// use wire::EntryPoint;
///
/// assert_eq!(EntryPoint::Validate.as_str(), "validate");
/// assert_eq!("authz".parse(), Ok(EntryPoint::Authz));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntryPoint {
    /// `authn`, which identifies the user that a token belongs to.
    Authn,
    /// `authz`, which decides if a user may perform a request.
    Authz,
    /// `validate`, which decides if an object may be stored.
    Validate,
    /// `mutate`, which may also change the object.
    Mutate,
}

impl EntryPoint {
    /// All entry points.
    pub const ALL: [Self; 4] = [Self::Authn, Self::Authz, Self::Validate, Self::Mutate];

    /// Returns the name of the exported function.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Authn => "authn",
            Self::Authz => "authz",
            Self::Validate => "validate",
            Self::Mutate => "mutate",
        }
    }

    /// Returns the kind of review that the function reads and writes.
    #[must_use]
    pub fn review_kind(self) -> Kind {
        match self {
            Self::Authn => Kind::TokenReview,
            Self::Authz => Kind::SubjectAccessReview,
            Self::Validate | Self::Mutate => Kind::AdmissionReview,
        }
    }
}

impl fmt::Display for EntryPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that is not an entry point.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown entry point `{0}`: use `authn`, `authz`, `validate` or `mutate`")]
pub struct UnknownEntryPoint(String);

impl FromStr for EntryPoint {
    type Err = UnknownEntryPoint;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|entry_point| entry_point.as_str() == name)
            .ok_or_else(|| UnknownEntryPoint(name.to_owned()))
    }
}
