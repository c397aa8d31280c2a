//! The second dialect: Kubewarden policies in their four execution modes.
//!
//! A [`Policy`] is a loaded module with the settings, grants and limits it is asked under. It is asked with a [`Request`] and
//! answers with a [`Validation`]; what becomes of that, and of a failure, is decided elsewhere. A [`Group`] is a boolean
//! expression over policies.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod calls;
mod failure;
mod group;
mod metadata;
mod mode;
mod policy;
mod request;
mod validation;

pub use failure::Failure;
pub use group::{Expression, ExpressionError, Group, Member};
pub use metadata::{ExecutionMode, Metadata, MetadataError, PolicyType, SECTION};
pub use mode::{Mode, ModeError, SettingsAnswer, detect};
pub use policy::{Access, LoadError, Policy, SettingsError};
pub use request::{Request, RequestError};
pub use validation::{Cause, Change, Rejection, Validation, Verdict};
