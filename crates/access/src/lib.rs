//! Decisions: the outcome of evaluating a chain of policies on a review, and the trace that
//! explains it.
//!
//! This crate contains the semantics of the three Kubernetes webhooks and nothing about
//! WebAssembly. It does no IO and reads no clock: calls are made through the trait [`Evaluate`],
//! so tests replace modules with tables of responses.
//!
//! * [`authn`]: the first policy that recognizes the token authenticates the user.
//! * [`authz`]: the first policy that allows or denies decides.
//! * [`admission`]: policies mutate an object one after the other, or validate it in parallel.
//!
//! Each chain returns its decision together with its [`Trace`]; everything that explains a
//! decision reads the trace. A failed call never allows a request: `failure.rs` contains the one
//! function that maps a failure to its consequence.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

pub mod admission;
pub mod authn;
pub mod authz;
mod evaluate;
mod failure;
mod identity;
#[cfg(test)]
mod laws;
pub mod patch;
mod policy;
pub mod redact;
pub mod rules;
#[cfg(test)]
mod testing;
pub mod text;
pub mod trace;

pub use evaluate::{Entry, Evaluate, Evaluated, PolicyReview};
pub use failure::{Consequence, Failure, FailureKind, FailurePolicy, NoDecision};
pub use policy::{InvalidName, Mode, Plane, PolicyName};
pub use trace::{Timing, Trace};
