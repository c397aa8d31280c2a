//! An engine that runs WebAssembly modules: bytes in, bytes out, within limits. It does not depend
//! on Kubernetes.
//!
//! An [`Engine`] loads a [`Module`]. An [`Entry`] is an exported function of a module, and
//! [`Entry::call`] runs it once in a fresh instance: the module reads a request from stdin and
//! writes a response to stdout. No state survives a call, and every call has [`Limits`] and a
//! deadline. [`Command`], [`Wapc`] and [`Rego`] are modules with other calling conventions.
//! [`inspect`] reads the interface of a module without running it.
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
//!
//! The crate has three layers: a core that runs calls without any convention, extensions of the
//! linker (WASI preview 1 and host calls), and the calling conventions on top of both.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod conventions;
mod core;
mod host_calls;
mod wasi;

pub use self::conventions::{Builtins, Command, Entry, Rego, Wapc};
pub use self::core::backtrace::{Backtrace, Frame};
pub use self::core::byte_size::{ByteSize, ParseByteSizeError};
pub use self::core::call::Output;
pub use self::core::digest::Digest;
pub use self::core::engine::Engine;
pub use self::core::error::{CallError, CallFailure, Phase, Trap};
pub use self::core::exports::EntryError;
pub use self::core::imports::ImportAlias;
pub use self::core::inspect::{
    CustomSection, Export, ExternType, FunctionType, Import, InspectError, Inspection, Malformed,
    MemoryType, TableType, ValueType, inspect,
};
pub use self::core::limits::{Limits, Share};
pub use self::core::module::{LoadError, Module};
pub use self::core::options::{NewError, Options};
pub use self::core::rewrite::replace_custom_section;
pub use self::core::runtime::CodeOrigin;
pub use self::core::usage::{Stats, Usage};
pub use self::host_calls::{HostCall, HostCalls, Reply};
