//! A host from configuration to answer, with modules that are compiled and run.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests may panic"
)]

mod live;
mod loading;
mod policies;
mod vectors;
