//! The identity of a policy: its plane, name and mode.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use wire::EntryPoint;

/// The maximum length of a name in bytes: that of a DNS subdomain (RFC 1123).
const MAX_LENGTH: usize = 253;

/// A plane: one of the four decisions that policies make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Plane {
    /// Identifies the user that a token belongs to.
    Authentication,
    /// Decides if a user may perform a request.
    Authorization,
    /// Changes objects before they are stored.
    Mutation,
    /// Decides if an object may be stored.
    Validation,
}

impl Plane {
    /// All planes, in the order in which kube-apiserver evaluates them.
    pub const ALL: [Self; 4] = [
        Self::Authentication,
        Self::Authorization,
        Self::Mutation,
        Self::Validation,
    ];

    /// Returns the plane in lower case, for labels and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::Authorization => "authorization",
            Self::Mutation => "mutation",
            Self::Validation => "validation",
        }
    }
}

impl fmt::Display for Plane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The plane that an entry point decides for.
impl From<EntryPoint> for Plane {
    fn from(entry_point: EntryPoint) -> Self {
        match entry_point {
            EntryPoint::Authn => Self::Authentication,
            EntryPoint::Authz => Self::Authorization,
            EntryPoint::Mutate => Self::Mutation,
            EntryPoint::Validate => Self::Validation,
        }
    }
}

/// The mode of a policy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The verdicts of the policy take effect.
    #[default]
    Protect,
    /// The policy is evaluated and recorded in the trace. Its verdicts have no effect and its
    /// failures are ignored.
    Monitor,
}

impl Mode {
    /// Returns the mode in lower case, for labels and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Protect => "protect",
            Self::Monitor => "monitor",
        }
    }
}

/// The name of a policy in the configuration, URLs, messages, metrics and audit annotations.
///
/// A name consists of letters, digits, `.`, `_` and `-`, starts with a letter or digit and has at
/// most 253 bytes. DNS names and most file names are valid. Cheap to clone.
///
/// ```
/// use access::PolicyName;
///
/// let name: PolicyName = "require-labels".parse()?;
/// assert_eq!(name.as_str(), "require-labels");
/// assert!("../secrets".parse::<PolicyName>().is_err());
/// # Ok::<(), access::InvalidName>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyName(Arc<str>);

impl PolicyName {
    /// Returns the name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for PolicyName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl FromStr for PolicyName {
    type Err = InvalidName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let first = name.chars().next().ok_or(InvalidName::Empty)?;
        if name.len() > MAX_LENGTH {
            return Err(InvalidName::TooLong { length: name.len() });
        }
        if let Some(character) = name.chars().find(|character| !is_allowed(*character)) {
            return Err(InvalidName::Character {
                name: name.to_owned(),
                character,
            });
        }
        if !first.is_ascii_alphanumeric() {
            return Err(InvalidName::Start {
                name: name.to_owned(),
            });
        }
        Ok(Self(name.into()))
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for PolicyName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PolicyName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(D::Error::custom)
    }
}

fn is_allowed(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-')
}

/// The reason why a text is not a policy name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// The name is empty.
    #[error("the policy name is empty")]
    Empty,
    /// The name is too long for a URL segment or a label.
    #[error("the policy name has {length} bytes; the maximum is {MAX_LENGTH}")]
    TooLong {
        /// The length in bytes.
        length: usize,
    },
    /// The name contains an invalid character.
    #[error(
        "policy name `{}` contains `{}`: use letters, digits, `.`, `_` and `-`",
        name.escape_debug(), character.escape_debug()
    )]
    Character {
        /// The name.
        name: String,
        /// The first invalid character.
        character: char,
    },
    /// The name starts with a character that could give it a meaning in a URL, such as `..`.
    #[error("policy name `{name}` does not start with a letter or digit")]
    Start {
        /// The name.
        name: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_dns_names_and_file_names() {
        for name in [
            "a",
            "no-secrets.example.com",
            "magic_validator",
            "2fa",
            "A.b",
        ] {
            assert_eq!(name.parse::<PolicyName>().unwrap().to_string(), name);
        }
        assert!("a".repeat(253).parse::<PolicyName>().is_ok());
    }

    #[test]
    fn rejects_invalid_names() {
        let error = |name: &str| name.parse::<PolicyName>().unwrap_err().to_string();
        assert_eq!(error(""), "the policy name is empty");
        assert_eq!(
            error(&"a".repeat(254)),
            "the policy name has 254 bytes; the maximum is 253"
        );
        assert_eq!(
            error("a/b\n"),
            "policy name `a/b\\n` contains `/`: use letters, digits, `.`, `_` and `-`"
        );
        assert_eq!(
            error(".."),
            "policy name `..` does not start with a letter or digit"
        );
    }
}
