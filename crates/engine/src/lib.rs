//! Runs WebAssembly modules: bytes in, bytes out, within limits. Knows nothing of Kubernetes.
//!
//! An [`Engine`] loads [`Module`]s; an [`Entry`] is a function of a module; [`Entry::call`] runs it
//! once in a fresh instance, with a request on stdin, and gives what it wrote to stdout. Nothing
//! survives a call, and no call is without [`Limits`] and a deadline. [`inspect`] reads what a
//! module says about itself without running it.
//!
//! ```
//! use std::time::{Duration, Instant};
//! use engine::{Engine, Limits, Options};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let wasm = wat::parse_str(r#"(module (func (export "validate")))"#)?;
//! let module = Engine::new(Options::default())?.load(&wasm)?;
//! let entry = module.entry("validate")?;
//! let call = async {
//!     let deadline = Instant::now() + Duration::from_secs(10);
//!     entry.call(r#"{"request": {}}"#, &Limits::default(), deadline).await
//! };
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
//! let output = runtime.block_on(call)?;
//! assert!(output.stdout.is_empty());
//! # Ok(())
//! # }
//! ```
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod byte_size;
mod cache;
mod call;
mod convention;
mod custom_section;
mod digest;
mod engine;
mod guest;
mod host_calls;
mod imports;
mod inspect;
mod limits;
mod module;
mod slots;
mod state;
mod ticker;
mod usage;
mod wasi;

pub use byte_size::{ByteSize, ParseByteSizeError};
pub use call::backtrace::{Backtrace, Frame};
pub use call::error::{CallError, CallFailed, Phase, Trap};
pub use call::{Output, Stats};
pub use convention::{Builtins, Command, Entry, Rego, Wapc};
pub use custom_section::replace_custom_section;
pub use digest::Digest;
pub use engine::{Engine, NewError, Options};
pub use host_calls::{HostCall, HostCalls, Reply};
pub use inspect::{
    CustomSection, Export, ExternType, FunctionType, Import, InspectError, Inspection, Malformed,
    MemoryType, TableType, ValueType, inspect,
};
pub use limits::{Limits, Share};
pub use module::{CodeOrigin, EntryError, LoadError, Module};
pub use usage::Usage;
