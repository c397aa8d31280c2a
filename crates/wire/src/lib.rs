//! The JSON words: the three reviews of Kubernetes, their answers, and the envelope around them.
//!
//! This crate alone owns JSON field names. It has no opinion on what an answer means (that is `access`), and it is
//! shared by the host and by modules: it builds for wasm32 too.
//!
//! Three rules hold everywhere here:
//!
//! * What the API server sent inside a review (objects, unknown fields) is passed on as the bytes that came in,
//!   never rebuilt from a struct.
//! * Modules always see `v1`. `v1beta1` is translated at the border, and answered in `v1beta1`.
//! * Reading is as lenient as Go's decoder: `null` is an absent value and unknown members are ignored. Duplicate members
//!   of what we read ourselves are refused, because two readers could disagree on them.
//!
//! Sources: `k8s.io/api/{authentication,authorization,admission}/{v1,v1beta1}/types.go`.

pub mod admission;
pub mod authentication;
pub mod authorization;
pub mod envelope;
mod json;
pub mod meta;
pub mod review;

pub use json::{Members, RawValue};
pub use serde_json::value::to_raw_value;
