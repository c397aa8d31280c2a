//! What is told of decisions, the same through every door: log lines, metrics, the last decisions, the decision log, traces.
//!
//! All of it reads the trace that comes with a decision; nothing here is asked before a decision is made, and nothing that goes
//! wrong here changes one.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

pub mod decision_log;
pub mod metrics;
mod observer;
pub mod recent;
pub mod record;
mod redaction;
mod sampling;
pub mod traces;

pub use decision_log::DecisionLog;
pub use metrics::Metrics;
pub use observer::{DecisionEvent, Observer};
pub use recent::Recent;
pub use record::Record;
pub use traces::Traces;
