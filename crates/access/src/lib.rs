//! Decisions: what a chain of policies answers to a review, and why.
//!
//! This crate knows the semantics of the three Kubernetes webhooks and nothing of wasm. It does no IO and reads no clock:
//! how a policy is asked is the caller's business ([`Ask`]), so everything here is tested with tables of answers.
//!
//! * [`authn`]: the first policy that knows the token tells who it is.
//! * [`authz`]: the first policy that allows or denies decides.
//! * [`admission`]: policies change an object one after the other, or all judge it.
//!
//! Each chain returns its decision together with its [`Trace`]; whatever explains a decision reads the trace. A call that
//! failed is never an allow: one function in `failure.rs` tells what it is instead.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

pub mod admission;
mod ask;
pub mod authn;
pub mod authz;
mod failure;
mod identity;
#[cfg(test)]
mod laws;
mod mode;
mod name;
pub mod patch;
mod plane;
pub mod rules;
#[cfg(test)]
mod testing;
pub mod text;
pub mod trace;

pub use ask::{Ask, Asked};
pub use failure::{Consequence, Failure, FailureKind, NoDecision};
pub use mode::Mode;
pub use name::{InvalidName, PolicyName};
pub use plane::Plane;
pub use trace::{Timing, Trace};
