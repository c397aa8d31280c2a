//! The built-in functions of Rego that OPA's compiler leaves to the host, as functions over JSON.
//!
//! OPA compiles most built-in functions into the module and imports the others from the host by
//! name. A host looks up each name with [`find`] when it loads a module, and rejects the module if
//! a name is missing. It calls the [`Builtin`] with the operands as JSON. Names and semantics are
//! those of <https://www.openpolicyagent.org/docs/policy-reference/builtins>.
//!
//! ```
//! use std::time::SystemTime;
//!
//! use serde_json::json;
//!
//! let compare = rego::find("semver.compare").unwrap();
//! let mut context = rego::Context::new(SystemTime::now());
//! let order = compare.call(&[json!("1.2.0"), json!("1.10.0")], &mut context);
//! assert_eq!(order, Ok(json!(-1)));
//! ```
//!
//! # Calls without a result
//!
//! In OPA, a built-in function that fails makes its expression undefined, and a rule that depends
//! on it does not hold. [`Error::is_undefined`] identifies these failures: the host returns the
//! address 0 and the evaluation continues, as in OPA. All other errors are limits of this crate,
//! where OPA would have a result. Continuing without one could turn a rejection into an acceptance,
//! so the host must end the evaluation.
//!
//! # Limits of JSON
//!
//! Sets are passed as arrays, and a function cannot return a set. Functions whose result depends on
//! the difference (`object.subset`, `net.cidr_expand`, `net.cidr_merge`, `graph.reachable_paths`,
//! …) are deliberately not implemented. Integers beyond 64 bits are passed as floating-point
//! numbers.
//!
//! # Bounds
//!
//! Regular expressions run in linear time and within a memory limit. Results are bounded in size.
//! Repetitive work checks the deadline of the [`Context`]. Operands must come from `serde_json`'s
//! parser, which bounds their depth.

mod builtin;
mod context;
mod encoding;
mod error;
mod json;
mod limits;
mod misc;
mod operand;
mod output;
mod patch;
mod regex;
mod sprintf;
mod strings;
mod table;
mod time;
mod units;
mod urlquery;
mod yaml;

pub use builtin::Builtin;
pub use context::Context;
pub use error::Error;
pub use table::{all, find};
