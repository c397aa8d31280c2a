//! The host: loads the policies of a configuration into chains, and evaluates reviews with them.
//!
//! The only place where WebAssembly and Kubernetes meet. All front ends (the webhook server, the
//! command line and the C library) evaluate reviews with the same [`Host`], so the same review gets
//! the same reply from each of them.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod chain;
pub mod evaluation;
mod failure;
mod fingerprints;
mod host;
pub mod live;
pub mod load;
mod policy;
mod reply;
mod request;
mod selection;
mod subject;

pub use ::config::{self, Configuration};
pub use evaluation::{Decision, Evaluation, Verdict};
pub use host::Host;
pub use live::{Live, LiveError, Reload};
pub use load::{
    FileModules, LoadError, LoadErrors, ModuleSource, NoRuntime, detect_protocol, error_chain,
    wait_for,
};
pub use policy::{PolicyEntryPoint, PolicyInfo};
pub use reply::Reply;
pub use request::{EvaluateError, EvaluationRequest};
pub use selection::{Selected, SelectedEvaluation};
pub use subject::Subject;
