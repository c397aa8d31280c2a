//! The one place where wasm and Kubernetes meet: configuration → policies → chains, and a [`Host`] that answers reviews.
//!
//! The webhook server, the C ABI and the command line all ask the same [`Host`], so that the same review gets the same
//! answer through each of them.

#![cfg_attr(
    not(test),
    warn(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

pub mod answered;
mod causes;
pub mod config;
pub mod dialect;
mod failure;
mod footprint;
mod host;
pub mod live;
pub mod load;
pub mod lockout;
pub mod log;
mod policy;
mod raw;
pub mod redact;
mod subject;
mod wait;

pub use answered::{Answered, Decision, Reply, Verdict};
pub use causes::with_causes;
pub use config::Configuration;
pub use host::{AskError, Host, PolicyInfo, Question};
pub use live::{Live, LiveError, Reload};
pub use load::{FileModules, LoadError, LoadErrors, ModuleSource};
pub use lockout::LockedOut;
pub use subject::Subject;
