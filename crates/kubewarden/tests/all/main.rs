//! Tests with the test policies in all execution modes, including hostile ones.
//!
//! The modules are built by `cargo xtask guests`, which passes their folder in `K8S_WASM_GUESTS`.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests may panic"
)]

mod cases;
mod hostile;
mod rego;
mod support;
