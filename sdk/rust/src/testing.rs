//! Ask policies natively, through the same bytes as in a cluster, and replay their cases.
//!
//! ```
//! use k8s_wasm_sdk::testing::{EntryPoint, Module};
//! # use k8s_wasm_sdk::{Authentication, Authenticator, Error, Identity, TokenRequest};
//! # #[derive(serde::Deserialize)]
//! # struct Open {}
//! # impl Authenticator for Open {
//! #     fn authenticate(&self, _: &TokenRequest) -> Result<Authentication, Error> {
//! #         Ok(Authentication::user(Identity::new("anybody")))
//! #     }
//! # }
//!
//! let module = Module::named("open").authn::<Open>();
//! let review = r#"{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","spec":{"token":"t"}}"#;
//! let answer = module.ask(EntryPoint::Authn, review.as_bytes(), None).expect("an answer");
//! assert_eq!(answer["status"]["user"]["username"], "anybody");
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use wire::envelope;
use wire::{admission, authentication, authorization};

use crate::entry::{self, Entry};
use crate::{Authenticator, Authorizer, Error, Mutator, Validator};

mod vector;

pub use vector::{Expected, FailureKind, Vector};

/// The name of an entry point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntryPoint {
    /// Whose token is this?
    Authn,
    /// May this user do that?
    Authz,
    /// May this object be stored?
    Validate,
    /// In what form is this object stored?
    Mutate,
}

impl fmt::Display for EntryPoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Authn => "authn",
            Self::Authz => "authz",
            Self::Validate => "validate",
            Self::Mutate => "mutate",
        })
    }
}

/// A module without wasm: its entry points as functions.
#[derive(Debug, Clone)]
pub struct Module {
    name: String,
    entries: BTreeMap<EntryPoint, Entry>,
}

impl Module {
    /// A module that exports nothing yet. The name is the one that its cases give as `module`.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            entries: BTreeMap::new(),
        }
    }

    /// Adds the entry point `authn`.
    #[must_use]
    pub fn authn<T: Authenticator>(self) -> Self {
        self.with(EntryPoint::Authn, entry::authn::<T>)
    }

    /// Adds the entry point `authz`.
    #[must_use]
    pub fn authz<T: Authorizer>(self) -> Self {
        self.with(EntryPoint::Authz, entry::authz::<T>)
    }

    /// Adds the entry point `validate`.
    #[must_use]
    pub fn validate<T: Validator>(self) -> Self {
        self.with(EntryPoint::Validate, entry::validate::<T>)
    }

    /// Adds the entry point `mutate`.
    #[must_use]
    pub fn mutate<T: Mutator>(self) -> Self {
        self.with(EntryPoint::Mutate, entry::mutate::<T>)
    }

    fn with(mut self, entry_point: EntryPoint, entry: Entry) -> Self {
        self.entries.insert(entry_point, entry);
        self
    }

    /// The name given to [`Module::named`].
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Asks an entry point as a host does: the review that is answered, in `v1`. Settings are JSON.
    ///
    /// `mutate` falls back to `validate`, as in a host.
    ///
    /// # Errors
    /// When there is no such entry point, `request` is no review for it, or the policy reported an error.
    pub fn ask(
        &self,
        entry_point: EntryPoint,
        request: &[u8],
        settings: Option<&RawValue>,
    ) -> Result<Value, Error> {
        let entry = self.entry(entry_point)?;
        let input = envelope::input(&in_v1(entry_point, request)?, settings);
        let output = entry(&input);
        Ok(serde_json::from_str(envelope::output(&output)?.get())?)
    }

    fn entry(&self, entry_point: EntryPoint) -> Result<Entry, Error> {
        let fallback = match entry_point {
            EntryPoint::Mutate => EntryPoint::Validate,
            other => other,
        };
        let entry = [entry_point, fallback]
            .iter()
            .find_map(|name| self.entries.get(name));
        entry.copied().ok_or_else(|| {
            Error::new(format_args!(
                "module `{}` has no entry point `{entry_point}`",
                self.name
            ))
        })
    }

    /// Asks what a vector asks, and compares the answer.
    ///
    /// # Errors
    /// When the answer is not the expected one: says how it differs.
    pub fn check(&self, vector: &Vector) -> Result<(), Error> {
        let request = vector.request.get().as_bytes();
        vector.compare(self.ask(vector.entry_point, request, vector.settings.as_deref()))
    }

    /// Asks every vector (`*.json`) below a directory, which is relative to the package in a test.
    ///
    /// # Panics
    /// When an answer is not the expected one, a vector is for another module, or there is no vector at all.
    pub fn replay(&self, directory: impl AsRef<Path>) {
        let vectors = Vector::read_all(directory.as_ref()).expect("readable vectors");
        assert!(!vectors.is_empty(), "no vectors");
        for (path, vector) in vectors {
            let path = path.display();
            assert_eq!(vector.module, self.name, "{path} is for another module");
            if let Err(error) = self.check(&vector) {
                panic!("{path} ({}): {}", vector.about, error.message());
            }
        }
    }
}

/// The review as modules see it.
fn in_v1(entry_point: EntryPoint, review: &[u8]) -> Result<Vec<u8>, Error> {
    let review = match entry_point {
        EntryPoint::Authn => authentication::Review::parse(review)?.for_module()?,
        EntryPoint::Authz => {
            let review = authorization::Review::parse(review)?;
            return Ok(review.for_module().to_vec());
        }
        EntryPoint::Validate | EntryPoint::Mutate => {
            admission::Review::parse(review)?.for_module()?
        }
    };
    Ok(review.into_owned())
}

#[cfg(test)]
mod tests;
