//! The built-in functions of Rego that OPA's compiler leaves to the host, as functions over JSON.
//!
//! OPA compiles most built-in functions into the module; the others it asks of the host by name. A host
//! looks each name up with [`find`] when it loads a module (a name that is not here is a reason to refuse
//! it) and calls the [`Builtin`] with the JSON of the operands. Names and meaning are those of
//! <https://www.openpolicyagent.org/docs/policy-reference/builtins>.
//!
//! # When there is no result
//!
//! In OPA a built-in function that fails makes its expression undefined, and a rule that expected a value
//! simply does not hold. [`Error::is_undefined`] marks these failures: the host returns the address 0 and
//! evaluation goes on, as it does in OPA. All other errors are this crate's own limits, where OPA would
//! have found a value. To go on as if there were none could turn a rejection into an acceptance, so the
//! host has to stop the evaluation.
//!
//! # What JSON cannot carry
//!
//! Sets arrive as arrays, and a function cannot return a set. Functions whose meaning depends on the
//! difference (`object.subset`, `net.cidr_expand`, `net.cidr_merge`, `graph.reachable_paths`, …) are left
//! out on purpose. Integers beyond 64 bits arrive as floating-point numbers.
//!
//! # Bounds
//!
//! Regular expressions run in linear time and within a memory limit; results are bounded in size; work that
//! can repeat looks at the deadline of the [`Context`]. Operands are taken to come from `serde_json`'s
//! parser, which bounds their depth.

mod builtin;
mod context;
mod crypto;
mod encoding;
mod error;
mod json;
mod limits;
mod net;
mod numbers;
mod operand;
mod output;
mod patch;
mod regex;
mod sprintf;
mod strings;
mod time;
mod units;
mod urlquery;
mod version;
mod yaml;

pub use builtin::{Builtin, all, find};
pub use context::Context;
pub use error::Error;
