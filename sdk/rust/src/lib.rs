//! Write Kubernetes authenticators, authorizers and admission policies as WebAssembly modules.
//!
//! A policy is a type that is read from its settings, a trait that decides, and one line that exports it:
//!
//! ```
//! use k8s_wasm_sdk::{AdmissionRequest, Error, Validation, Validator};
//! use serde::Deserialize;
//!
//! /// Refuses objects with more labels than the settings allow.
//! #[derive(Deserialize)]
//! struct LabelLimit {
//!     labels_max: usize,
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
//!             labels if labels <= self.labels_max => Validation::accept(),
//!             labels => Validation::reject(format!("{labels} labels are too many")),
//!         })
//!     }
//! }
//!
//! k8s_wasm_sdk::export!(validate: LabelLimit);
//! ```
//!
//! | Trait | Entry point | Question |
//! |---|---|---|
//! | [`Authenticator`] | `authn` | whose token is this? |
//! | [`Authorizer`] | `authz` | may this user do that? |
//! | [`Validator`] | `validate` | may this object be stored? |
//! | [`Mutator`] | `mutate` | in what form is this object stored? |
//!
//! # Settings
//!
//! The type that decides *is* its settings: it is read from the `settings` of the policy, afresh for each call. A policy
//! without settings is a `struct Name {}` (with braces: a unit struct would be read from `null`). Settings that the
//! configuration leaves out read like `{}`, so that each field is either `#[serde(default)]` or required, and a policy
//! whose required settings were forgotten fails with a message that names them instead of doing nothing. What must hold
//! between fields belongs into `#[serde(try_from = "…")]`.
//!
//! # Errors
//!
//! `Err` means that the policy could not decide; what happens then is up to the configuration, and never an allow.
//! `?` works on every [`std::error::Error`]. Refusing something is not an error but an answer.
//!
//! # Tests
//!
//! Everything runs natively: call the trait's function, or go through the bytes with [`testing`]. No wasm is needed
//! for `cargo test`. For a cluster build with
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
mod export;
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
/// The JSON words that requests are made of.
pub use wire::{
    admission::Operation,
    authorization::{NonResourceAttributes, Requirement, ResourceAttributes, Selector},
    meta::{GroupVersionKind, GroupVersionResource, UserInfo},
};

#[doc(hidden)]
pub mod __private {
    //! What the expansion of [`export!`](crate::export) needs.

    pub use crate::export::serve;
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
mod project_readme {}
