//! The program as a user meets it: run on small modules, its whole output compared with committed files.
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
mod place;
mod run;
mod serve;
mod traces;
mod usage;
