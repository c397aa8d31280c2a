//! Authenticates static tokens. The settings contain the SHA-256 hash, the user and the expiry of
//! each.
//!
//! ```yaml
//! settings:
//!   tokens:
//!   - sha256: 2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b  # printf %s "$TOKEN" | sha256sum
//!     user: {username: jane, uid: "42", groups: [dev], extra: {example.com/team: [blue]}}
//!     expires: "2027-01-01T00:00:00Z"  # UTC; without it the token never expires
//! ```
//!
//! Tokens must be random and long (`openssl rand -hex 32`): a fast hash does not protect guessable
//! tokens.

use std::time::SystemTime;

use k8s_wasm_sdk::{Authentication, Authenticator, Error, Identity, TokenRequest, UserInfo};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// An authenticator for the tokens in its settings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenTable {
    tokens: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    sha256: Hash,
    user: UserInfo,
    expires: Option<Expiry>,
}

/// A SHA-256 hash, written as 64 hexadecimal digits.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Hash([u8; 32]);

/// The time at which a token expires, in RFC 3339 format and UTC.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Expiry(SystemTime);

impl Authenticator for TokenTable {
    fn authenticate(&self, request: &TokenRequest) -> Result<Authentication, Error> {
        let hash = Hash(Sha256::digest(request.token.as_bytes()).into());
        // Compares with every entry, so that the duration reveals nothing about the table.
        let found = self.tokens.iter().fold(None, |found, entry| {
            if entry.sha256.equals(&hash) {
                Some(entry)
            } else {
                found
            }
        });
        Ok(match found {
            Some(entry) if !entry.is_expired(SystemTime::now()) => {
                Authentication::user(Identity::from(entry.user.clone()))
            }
            _ => Authentication::unknown_token(),
        })
    }
}

impl Entry {
    fn is_expired(&self, now: SystemTime) -> bool {
        self.expires.as_ref().is_some_and(|expiry| expiry.0 <= now)
    }
}

impl Hash {
    /// Compares all bytes, without stopping at the first difference.
    fn equals(&self, other: &Self) -> bool {
        let pairs = self.0.iter().zip(&other.0);
        pairs.fold(0, |differences, (a, b)| differences | (a ^ b)) == 0
    }
}

impl TryFrom<String> for Hash {
    type Error = String;

    fn try_from(hex: String) -> Result<Self, Self::Error> {
        let invalid = || format!("`{hex}` is not a SHA-256 hash: expected 64 hexadecimal digits");
        if hex.len() != 64 || !hex.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(invalid());
        }
        let mut hash = [0; 32];
        for (index, byte) in hash.iter_mut().enumerate() {
            let digits = &hex[2 * index..2 * index + 2];
            *byte = u8::from_str_radix(digits, 16).map_err(|_| invalid())?;
        }
        Ok(Self(hash))
    }
}

impl TryFrom<String> for Expiry {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        humantime::parse_rfc3339(&text).map(Self).map_err(|error| {
            format!("`{text}` is not a time such as 2027-01-01T00:00:00Z: {error}")
        })
    }
}

k8s_wasm_sdk::export!(authn: TokenTable);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_expires_at_its_expiry() {
        let text = "2027-01-01T00:00:00Z".to_owned();
        let expiry = Expiry::try_from(text).unwrap();
        let second = std::time::Duration::from_secs(1);
        let (before, end) = (expiry.0 - second, expiry.0);
        let entry = Entry {
            sha256: Hash([0; 32]),
            user: UserInfo::default(),
            expires: Some(expiry),
        };
        assert!(!entry.is_expired(before));
        assert!(entry.is_expired(end));
    }

    #[test]
    fn rejects_invalid_hashes() {
        for text in [
            "",
            "abc",
            &"g".repeat(64),
            &"+1".repeat(32),
            &"ä".repeat(32),
        ] {
            assert!(Hash::try_from(text.to_owned()).is_err(), "{text}");
        }
        let error = Hash::try_from("abc".to_owned()).err().unwrap();
        assert!(error.starts_with("`abc` is not a SHA-256 hash"), "{error}");
    }
}
