//! Native tests of policies: evaluation through the bytes that a host sends, and replay of cases.
//!
//! ```
//! use k8s_wasm_sdk::testing::{EntryPoint, Module};
//! # use k8s_wasm_sdk::{Authentication, Authenticator, Error, Identity, TokenRequest};
//! # #[derive(serde::Deserialize)]
//! # struct AnyToken {}
//! # impl Authenticator for AnyToken {
//! #     fn authenticate(&self, _: &TokenRequest) -> Result<Authentication, Error> {
//! #         Ok(Authentication::user(Identity::new("jane")))
//! #     }
//! # }
//!
//! let module = Module::new("any_token").authn::<AnyToken>();
//! let review = r#"{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","spec":{"token":"t"}}"#;
//! let response = module.evaluate(EntryPoint::Authn, review.as_bytes(), None).unwrap();
//! assert_eq!(response["status"]["user"]["username"], "jane");
//! ```

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use serde_json::value::RawValue;
use wire::envelope;
use wire::{admission, authentication, authorization};

use crate::authentication::Authenticator;
use crate::authorization::Authorizer;
use crate::entry::{self, Entry};
use crate::error::Error;
use crate::mutate::Mutator;
use crate::validate::Validator;

mod vector;

pub use crate::entry::EntryPoint;
pub use vector::{Expected, FailureKind, Vector};

/// A module without wasm: its entry points as native functions.
#[derive(Debug, Clone)]
pub struct Module {
    name: String,
    entries: BTreeMap<EntryPoint, Entry>,
}

impl Module {
    /// Creates a module without entry points. `name` is the `module` of its cases.
    pub fn new(name: impl Into<String>) -> Self {
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

    /// Returns the name of the module.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Evaluates a review as a host does, and returns the review with its status or response, in
    /// `v1`. Settings are JSON.
    ///
    /// Like a host, it calls `validate` for [`EntryPoint::Mutate`] if the module does not export
    /// `mutate`.
    ///
    /// # Errors
    /// If the entry point does not exist, `review` is not a review for it, or the policy returned
    /// an error.
    pub fn evaluate(
        &self,
        entry_point: EntryPoint,
        review: &[u8],
        settings: Option<&RawValue>,
    ) -> Result<Value, Error> {
        let entry = self.entry(entry_point)?;
        let input = envelope::input(&to_v1(entry_point, review)?, settings);
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

    /// Evaluates the request of a vector and compares the result.
    ///
    /// ```
    /// use k8s_wasm_sdk::testing::{Module, Vector};
    /// # use k8s_wasm_sdk::{AccessRequest, Authorization, Authorizer, Error};
    /// # #[derive(serde::Deserialize)]
    /// # struct ReadOnly {}
    /// # impl Authorizer for ReadOnly {
    /// #     fn authorize(&self, _: &AccessRequest) -> Result<Authorization, Error> {
    /// #         Ok(Authorization::deny("the cluster is read-only"))
    /// #     }
    /// # }
    ///
    /// let vector: Vector = serde_json::from_str(r#"{
    ///     "about": "a request that writes is denied",
    ///     "module": "read_only",
    ///     "entryPoint": "authz",
    ///     "request": {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": {}},
    ///     "expect": {"answer": {"denied": true, "reason": "read-only"}}
    /// }"#).unwrap();
    /// Module::new("read_only").authz::<ReadOnly>().check(&vector).unwrap();
    /// ```
    ///
    /// # Errors
    /// If the result differs from the expected one; the message describes the difference.
    pub fn check(&self, vector: &Vector) -> Result<(), Error> {
        let request = vector.request.get().as_bytes();
        vector.compare(self.evaluate(vector.entry_point, request, vector.settings.as_deref()))
    }

    /// Checks every vector (`*.json`) below a directory. In a test, the path is relative to the
    /// package.
    ///
    /// # Panics
    /// Panics if a result differs from the expected one, if a vector is for another module, or if
    /// there are no vectors.
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

/// Converts a review to the version that modules receive.
fn to_v1(entry_point: EntryPoint, review: &[u8]) -> Result<Vec<u8>, Error> {
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
