//! The interface of all runtimes: compile, instantiate, call; and the limits that they enforce.

use anyhow::Result;

use crate::convention::{self, Convention};
use crate::instance::CoreInstance;

/// Maximum memory of an instance, in bytes.
pub const MAX_MEMORY: usize = 64 << 20;

/// The same in WebAssembly pages.
#[cfg(feature = "wasmer")]
pub const MAX_PAGES: u32 = 1024;

/// Deadline of a call in runtimes that measure time, in milliseconds.
pub const DEADLINE_MILLIS: u64 = 3000;

/// Limit of a call in runtimes that count instructions, worth seconds of execution.
pub const FUEL: u64 = 2_000_000_000;

/// A runtime with limits.
pub trait Runtime {
    /// Compiles and links a module or a component.
    fn compile(&self, wasm: &[u8]) -> Result<Box<dyn Program>>;

    /// Starts or stops the threads that calls need.
    fn set_busy(&self, _busy: bool) {}
}

/// A compiled module or component.
pub trait Program {
    /// Creates and initializes an instance.
    fn start(&self) -> Result<Box<dyn Instance + '_>>;

    /// Returns the size of the compiled code in bytes, if the runtime reports it.
    fn code_bytes(&self) -> Result<Option<u64>>;
}

/// An instance that can be called.
pub trait Instance {
    /// Makes one call within the limits.
    fn call(&mut self, convention: Convention, input: &[u8]) -> Result<Vec<u8>>;
}

impl<I: CoreInstance> Instance for I {
    fn call(&mut self, convention: Convention, input: &[u8]) -> Result<Vec<u8>> {
        self.arm()?;
        convention::call(self, convention, input)
    }
}
