//! Records of decisions: log lines, metrics, recent decisions, the decision log and traces.
//!
//! Everything here reads the trace of a decision after it was made. A failure in this crate never
//! changes a decision.
//!
//! ```
//! use std::time::Instant;
//!
//! use observe::{DecisionEvent, DecisionLog, Observer, Origin};
//!
//! fn observer(host: &host::Host) -> std::io::Result<Observer> {
//!     let options = observe::decision_log::Options {
//!         target: observe::decision_log::Target::File("decisions.jsonl".into()),
//!         sample_rate: 1.0,
//!         redaction: observe::decision_log::Redaction::default(),
//!     };
//!     Ok(Observer::new(host, Some(DecisionLog::open(options)?)))
//! }
//!
//! fn record(observer: &Observer, review: &[u8], evaluation: &host::Evaluation, arrival: Instant) {
//!     observer.record(&DecisionEvent {
//!         origin: Origin::Chain(access::Plane::Authorization),
//!         policy: None,
//!         review,
//!         evaluation,
//!         status: Some(200),
//!         arrival,
//!         parent: None,
//!     });
//! }
//! ```

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod decision;
mod decision_line;
pub mod decision_log;
pub mod metrics;
mod observer;
pub mod recent;
pub mod record;
mod sampler;
#[cfg(test)]
mod testing;
mod trace_parent;
pub mod traces;

pub use decision::{DecisionEvent, Origin, UnknownOrigin};
pub use decision_line::log_policies;
pub use decision_log::DecisionLog;
pub use metrics::{Metrics, RejectionReason};
pub use observer::Observer;
pub use recent::Recent;
pub use record::Record;
pub use trace_parent::TraceParent;
pub use traces::Traces;
