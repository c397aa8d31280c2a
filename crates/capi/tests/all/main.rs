//! The C ABI as its callers have it: from a C program under the sanitizers, and from many threads at once.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests may panic"
)]

mod compiler;
mod modules;
mod smoke;
mod threads;
