//! The C ABI: a [`host::Host`] for programs in other languages, first of all the API server in `apiserver/`.
//!
//! What callers may rely on is said in `include/k8s_wasm.h`, which is made from the documentation of the items here by
//! `cargo xtask codegen`. It is compiled into their programs, so what is there only grows: a change that old callers would
//! not survive is another [`ABI`].
//!
//! Everything that crosses the border is checked on this side of it: pointers for null, lengths, text for UTF-8, numbers for
//! their meaning. No panic crosses it ([`guard`]). Nothing outlives the handle that it belongs to, but for one thread that
//! `host` checks the settings of Kubewarden policies with.

#![allow(unsafe_code, reason = "C hands over raw pointers")]
#![allow(
    clippy::missing_safety_doc,
    reason = "the documentation is that of the header, which says in its words what callers owe"
)]
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod ask;
mod buffer;
mod cancellation;
mod guard;
mod lent;
mod log;
mod open;
mod report;
mod turns;
mod types;
mod version;

pub use ask::{k8s_wasm_ask, k8s_wasm_ask_again, k8s_wasm_asks, k8s_wasm_vetoes};
pub use buffer::{Buffer, k8s_wasm_buffer_free};
pub use cancellation::{
    Cancellation, k8s_wasm_cancel, k8s_wasm_cancellation_free, k8s_wasm_cancellation_new,
};
pub use open::{Host, k8s_wasm_close, k8s_wasm_open, k8s_wasm_reload};
pub use report::{k8s_wasm_decisions, k8s_wasm_metrics};
pub use types::*;
pub use version::{ABI, k8s_wasm_abi, k8s_wasm_last_resort, k8s_wasm_version};
