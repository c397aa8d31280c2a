//! How modules are spoken to, one file each: what is exported, what is called in which order, and how bytes go in and out.
//!
//! | Convention | Called | Bytes go |
//! |---|---|---|
//! | [`Entry`] | an exported function, after `_initialize` | over stdin and stdout |
//! | [`Command`] | `_start`, as a program with arguments | over stdin and stdout |
//! | [`Wapc`] | `__guest_call`, after `_start` and `wapc_init` | through functions of the module `wapc` |
//! | [`Rego`] | `eval` of a policy that OPA compiled | as values in the module's memory |
//!
//! Whatever the convention, a call has one fresh instance, one deadline and the same limits.

pub(crate) mod command;
pub(crate) mod entry;
pub(crate) mod rego;
pub(crate) mod wapc;

pub use command::Command;
pub use entry::Entry;
pub use rego::{Builtins, Rego};
pub use wapc::Wapc;
