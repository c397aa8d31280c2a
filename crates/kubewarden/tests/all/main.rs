//! The test policies, asked in their modes through the engine; hostile ones, too.
//!
//! The modules come from `cargo xtask guests`, which tells their folder in `K8S_WASM_GUESTS`.
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
mod session;
mod support;
