//! The C ABI as callers use it: from a C program under the sanitizers, and from many threads.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests may panic"
)]

mod abi;
mod modules;
mod threads;
