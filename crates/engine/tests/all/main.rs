//! Behaviour of the engine towards its callers and towards hostile modules.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests may panic"
)]

mod cache;
mod calls;
mod inspect;
mod limits;
mod load;
mod support;
mod wasi;
mod wasi_poll;
