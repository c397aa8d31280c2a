//! The JSON formats: the three reviews of Kubernetes, and the envelope between host and module.
//!
//! This crate defines all JSON field names. It does not interpret responses; `access` does. Host and
//! modules share it, so it also builds for wasm32.
//!
//! Three rules apply to all formats:
//!
//! * Objects and unknown fields inside a review keep the bytes that the API server sent. They are
//!   never rebuilt from a struct.
//! * Modules always see `v1`. A `v1beta1` review is converted, and its response is `v1beta1` again.
//! * Parsing is as lenient as Go's decoder: `null` is an absent value and unknown members are
//!   ignored. Duplicate members of parsed structs are rejected, because two parsers could disagree
//!   on them.
//!
//! Sources: `k8s.io/api/{authentication,authorization,admission}/{v1,v1beta1}/types.go`.

pub mod admission;
pub mod authentication;
pub mod authorization;
mod entry_point;
pub mod envelope;
mod json;
pub mod meta;
pub mod review;

pub use entry_point::{EntryPoint, UnknownEntryPoint};
pub use json::{Members, RawValue};
pub use serde_json::value::to_raw_value;
