//! Kubernetes authenticators, authorizers and admission policies as WebAssembly modules.
//!
//! A policy is a type that deserializes from its settings, a trait that decides, and one line that
//! exports it:
//!
//! ```
//! use k8s_wasm_sdk::{AdmissionRequest, Error, Validation, Validator};
//! use serde::Deserialize;
//!
//! /// Rejects objects with more labels than the settings allow.
//! #[derive(Deserialize)]
//! struct LabelLimit {
//!     max_labels: usize,
//! }
//!
//! #[derive(Default, Deserialize)]
//! #[serde(default)]
//! struct Object {
//!     metadata: Metadata,
//! }
//!
//! #[derive(Default, Deserialize)]
//! #[serde(default)]
//! struct Metadata {
//!     labels: std::collections::BTreeMap<String, String>,
//! }
//!
//! impl Validator for LabelLimit {
//!     fn validate(&self, request: &AdmissionRequest<'_>) -> Result<Validation, Error> {
//!         let Some(object) = request.object::<Object>()? else {
//!             return Ok(Validation::accept());
//!         };
//!         Ok(match object.metadata.labels.len() {
//!             labels if labels <= self.max_labels => Validation::accept(),
//!             labels => Validation::reject(format!("{labels} labels are too many")),
//!         })
//!     }
//! }
//!
//! k8s_wasm_sdk::export!(validate: LabelLimit);
//! ```
//!
//! | Trait | Entry point | Decides |
//! |---|---|---|
//! | [`Authenticator`] | `authn` | the user of a token |
//! | [`Authorizer`] | `authz` | the permission of a user |
//! | [`Validator`] | `validate` | the acceptance of an object |
//! | [`Mutator`] | `mutate` | the form in which an object is stored |
//!
//! # Settings
//!
//! The type that decides *is* its settings: it deserializes from the `settings` of the policy, once
//! for each call. A policy without settings is a `struct Name {}` (with braces: a unit struct
//! deserializes from `null`). Omitted settings read like `{}`, so each field is either
//! `#[serde(default)]` or required. A policy whose required settings are missing fails with a
//! message that names them. Check constraints between fields with `#[serde(try_from = "…")]`.
//!
//! # Errors
//!
//! `Err` means that the policy could not decide. The configuration defines the consequence, which
//! is never an allow. `?` works with every [`std::error::Error`]. A denial or rejection is a
//! result, not an error.
//!
//! # Tests
//!
//! Policies run natively: call the function of the trait, or pass the bytes of a review with
//! [`testing`]. `cargo test` requires no wasm. For a cluster, build with
//! `cargo build --release --target wasm32-wasip1` and `crate-type = ["cdylib", "rlib"]`.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a module that cannot respond traps, and a failed case panics"
)]

mod admission;
mod authentication;
mod authorization;
pub mod entry;
mod error;
mod mutate;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
mod validate;

pub use admission::{AdmissionRequest, Rejection, Remarks};
pub use authentication::{Authentication, Authenticator, Identity, TokenRequest};
pub use authorization::{AccessRequest, Authorization, Authorizer};
pub use error::Error;
pub use mutate::{Change, Mutation, Mutator};
pub use serde_json::Value;
pub use validate::{Validation, Validator, Verdict};
/// The parts of requests, as in the Kubernetes API.
pub use wire::{
    admission::Operation,
    authorization::{NonResourceAttributes, Requirement, ResourceAttributes, Selector},
    meta::{GroupVersionKind, GroupVersionResource, UserInfo},
};

#[doc(hidden)]
pub mod __private {
    //! Items that the expansion of [`export!`](crate::export) requires.

    pub use crate::entry::serve;
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
mod project_readme {}
