//! Kubewarden policies in their four execution modes.
//!
//! A [`Policy`] is a loaded module with its settings, grants and limits. It evaluates a [`Request`]
//! and returns a [`Validation`]. The consequences of a validation, or of a [`Failure`], are not
//! decided in this crate. A [`Group`] is a boolean expression over policies.
//!
//! [`Metadata`] and [`detect`] describe a module without running it.
//!
//! ```
//! use kubewarden::{ExecutionMode, Metadata};
//!
//! let wasm = wat::parse_str(r#"(module (func (export "__guest_call")))"#).unwrap();
//! let inspection = engine::inspect(&wasm).unwrap();
//! assert!(kubewarden::is_policy(&inspection));
//! assert_eq!(
//!     kubewarden::detect(None, &inspection).unwrap(),
//!     Some(ExecutionMode::Wapc),
//! );
//!
//! // Metadata is a custom section of the module.
//! let json = r#"{"rules": [], "mutating": false, "executionMode": "wasi"}"#;
//! let metadata: Metadata = serde_json::from_str(json).unwrap();
//! let wasm = metadata.write_to(&wasm).unwrap();
//! let inspection = engine::inspect(&wasm).unwrap();
//! let read = Metadata::from_module(&wasm, &inspection).unwrap();
//! assert_eq!(read, Some(metadata));
//! ```
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod failure;
mod group;
mod host_calls;
mod metadata;
mod mode;
mod policy;
mod request;
mod validation;

pub use failure::Failure;
pub use group::{Expression, ExpressionError, Group, Member};
pub use metadata::{ExecutionMode, Metadata, MetadataError, PolicyType, SECTION};
pub use mode::{Mode, ModeError, SettingsResponse, detect, is_policy};
pub use policy::{Access, LoadError, Policy, SettingsError};
pub use request::{Request, RequestError};
pub use validation::{Cause, Change, Rejection, Validation, Verdict};

/// Additional names of host functions that policies import, for
/// [`Engine::load_with_aliases`](engine::Engine::load_with_aliases). Javy compiles JavaScript to
/// commands that import `host.call` under a name of its own.
pub const IMPORT_ALIASES: &[engine::ImportAlias] = &[engine::ImportAlias {
    alias: "kubewarden:javy/host",
    module: "host",
}];
