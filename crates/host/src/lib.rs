//! The one place where wasm and Kubernetes meet: configuration → policies → chains, and a [`Host`] that answers reviews.
//!
//! The webhook server, the C ABI and the command line all ask the same [`Host`], so that the same review gets the same
//! answer through each of them.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod causes;
pub mod config;
pub mod dialect;
pub mod evaluation;
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

pub use causes::with_causes;
pub use config::Configuration;
pub use evaluation::{Decision, Evaluation, Reply, Verdict};
pub use host::{EvaluateError, EvaluationRequest, Host, PolicyInfo};
pub use live::{Live, LiveError, Reload};
pub use load::{FileModules, LoadError, LoadErrors, ModuleSource};
pub use lockout::LockedOut;
pub use subject::Subject;
