//! The imports of guests, implemented once for all runtimes that are embedded in Rust.
//!
//! They are waPC and the part of WASI preview 1 that three streams need. Other imports return "not
//! supported", so that every guest loads and none has access to anything else.

mod guest;
pub mod wapc;
mod wasi;

pub use self::guest::{Exchange, Function, Guest, Memory, Slice, out_of_bounds};

/// The error number of WASI for "function not supported".
pub const NOSYS: i32 = 52;

/// Returns the implementation of an import; `None` for a stub of the imported type that returns
/// [`NOSYS`].
pub fn function(module: &str, name: &str) -> Option<Function> {
    match module {
        "wasi_snapshot_preview1" => wasi::function(name),
        "wapc" => wapc::function(name),
        _ => None,
    }
}
