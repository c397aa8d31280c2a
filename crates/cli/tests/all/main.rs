//! Runs the program on small modules, and compares its output with the files in `tests/expected`.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests may panic"
)]

mod check;
mod decisions;
mod inspect;
mod kubewarden;
mod manifests;
mod modules;
mod run;
mod serve;
mod test_dir;
mod traces;
mod usage;
