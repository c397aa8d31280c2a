//! The name of a policy, as it stands in the configuration, in URLs, messages, metrics and audit annotations.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A policy's name: letters, digits, `.`, `_` and `-`, starting with a letter or a digit, at most 253 long.
///
/// DNS names and the base names of usual files are such names. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PolicyName(Arc<str>);

/// As long as a DNS subdomain may be (RFC 1123), in bytes.
const MAX_LENGTH: usize = 253;

impl PolicyName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
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
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
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

/// A text is no policy name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// There is nothing.
    #[error("the name of a policy is empty")]
    Empty,
    /// It is too long for a URL segment or a label.
    #[error("the name of a policy has {length} bytes, at most {MAX_LENGTH} are allowed")]
    TooLong {
        /// In bytes.
        length: usize,
    },
    /// A character has no place in a name.
    #[error(
        "policy name `{}` has the character `{}`: use letters, digits, `.`, `_` and `-`",
        name.escape_debug(), character.escape_debug()
    )]
    Character {
        /// The name.
        name: String,
        /// The first such character.
        character: char,
    },
    /// Names such as `..` mean something else in a URL.
    #[error("policy name `{name}` does not start with a letter or a digit")]
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
    fn says_what_is_wrong_with_a_name() {
        let error = |name: &str| name.parse::<PolicyName>().unwrap_err().to_string();
        assert_eq!(error(""), "the name of a policy is empty");
        assert_eq!(
            error(&"a".repeat(254)),
            "the name of a policy has 254 bytes, at most 253 are allowed"
        );
        assert_eq!(
            error("a/b\n"),
            "policy name `a/b\\n` has the character `/`: use letters, digits, `.`, `_` and `-`"
        );
        assert_eq!(
            error(".."),
            "policy name `..` does not start with a letter or a digit"
        );
    }
}
