//! The C ABI: a [`host::Host`] for programs in other languages, first of all the API server in
//! `apiserver/`.
//!
//! `include/k8s_wasm.h` documents it for callers; `cargo xtask codegen` generates the header from
//! the documentation of the items in this crate. A change that would break programs compiled with
//! an older header increments [`ABI`].
//!
//! The library checks everything that crosses the boundary: pointers for null, lengths, text for
//! UTF-8, numbers for known values. No panic crosses it ([`ffi`]). Everything is freed with its
//! handle, except for one thread on which `host` checks the settings of Kubewarden policies.
//!
//! A call blocks a thread of its caller. `apiserver/README.md`, section "Queues, threads and
//! memory", describes the three bounds that a call passes in process and their sum: the gate in Go,
//! the [`cpu_permits`] of this crate, and the permits of the engine. [`k8s_wasm_open`] returns the
//! number of the latter, so that a caller can bound its threads by it.

#![allow(unsafe_code, reason = "C passes raw pointers")]
#![allow(
    clippy::missing_safety_doc,
    reason = "the header documents the obligations of callers"
)]
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod cpu_permits;
mod evaluate;
mod ffi;
mod log;
mod open;
mod report;
mod types;

pub use evaluate::{
    Cancellation, EvaluationRequest, k8s_wasm_cancel, k8s_wasm_cancellation_free,
    k8s_wasm_cancellation_new, k8s_wasm_denies_on_failure, k8s_wasm_evaluate,
    k8s_wasm_has_policy_for,
};
pub use ffi::{Buffer, k8s_wasm_buffer_free};
pub use open::{Host, k8s_wasm_close, k8s_wasm_open, k8s_wasm_reload};
pub use report::{
    k8s_wasm_abi, k8s_wasm_decisions, k8s_wasm_metrics, k8s_wasm_status_message, k8s_wasm_version,
};
pub use types::*;
