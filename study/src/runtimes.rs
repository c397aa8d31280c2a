//! The runtimes, all behind the same three traits: compile, start, ask.

mod component;
mod link;
mod ticker;
#[cfg(feature = "wasmer")]
mod wasmer;
mod wasmi;
mod wasmtime;

use anyhow::Result;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::host::Exchange;
use crate::ways::{self, Way};

/// The most memory that an instance may have.
pub const MEMORY_MAX: usize = 64 << 20;

/// The same in pages of WebAssembly.
#[cfg(feature = "wasmer")]
pub const PAGES_MAX: u32 = 1024;

/// After how many milliseconds a runtime that knows time ends a call.
pub const DEADLINE_MILLIS: u64 = 3000;

/// What a runtime that counts instructions ends a call after: seconds of work.
pub const FUEL: u64 = 2_000_000_000;

/// A runtime and how it is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Name {
    /// wasmtime: Cranelift, instances from a pool; what k8s-wasm uses
    WasmtimePooling,
    /// wasmtime: Cranelift, memory from the operating system for each instance
    WasmtimeOnDemand,
    /// wasmtime: Pulley, an interpreter, instances from a pool
    WasmtimePulley,
    /// wasmer: Cranelift
    WasmerCranelift,
    /// wasmer: singlepass
    WasmerSinglepass,
    /// wasmi: an interpreter
    Wasmi,
    /// wazero: its compiler
    WazeroCompiler,
    /// wazero: its interpreter
    WazeroInterpreter,
}

impl Name {
    /// What tables and files call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::WasmtimePooling => "wasmtime-pooling",
            Self::WasmtimeOnDemand => "wasmtime-on-demand",
            Self::WasmtimePulley => "wasmtime-pulley",
            Self::WasmerCranelift => "wasmer-cranelift",
            Self::WasmerSinglepass => "wasmer-singlepass",
            Self::Wasmi => "wasmi",
            Self::WazeroCompiler => "wazero-compiler",
            Self::WazeroInterpreter => "wazero-interpreter",
        }
    }

    /// Whether it is written in Go, and so asked through another program.
    pub fn is_go(self) -> bool {
        matches!(self, Self::WazeroCompiler | Self::WazeroInterpreter)
    }

    /// Whether it runs components.
    pub fn has_components(self) -> bool {
        matches!(
            self,
            Self::WasmtimePooling | Self::WasmtimeOnDemand | Self::WasmtimePulley
        )
    }

    /// Sets the runtime up.
    pub fn start(self) -> Result<Box<dyn Runtime>> {
        Ok(match self {
            Self::WasmtimePooling => Box::new(wasmtime::Wasmtime::new(wasmtime::Setup::Pooling)?),
            Self::WasmtimeOnDemand => Box::new(wasmtime::Wasmtime::new(wasmtime::Setup::OnDemand)?),
            Self::WasmtimePulley => Box::new(wasmtime::Wasmtime::new(wasmtime::Setup::Pulley)?),
            #[cfg(feature = "wasmer")]
            Self::WasmerCranelift => Box::new(wasmer::Wasmer::new(wasmer::Compiler::Cranelift)),
            #[cfg(feature = "wasmer")]
            Self::WasmerSinglepass => Box::new(wasmer::Wasmer::new(wasmer::Compiler::Singlepass)),
            Self::Wasmi => Box::new(wasmi::Wasmi::new()),
            other => anyhow::bail!("{} is not built into this program", other.name()),
        })
    }
}

/// A runtime, with limits.
pub trait Runtime {
    /// Compiles and links a module or a component.
    fn compile(&self, wasm: &[u8]) -> Result<Box<dyn Program>>;

    /// Says whether there will be calls: a runtime may have threads for them.
    fn set_busy(&self, _busy: bool) {}
}

/// A compiled module.
pub trait Program {
    /// A fresh instance, initialised.
    fn start(&self) -> Result<Box<dyn Callee + '_>>;

    /// The size of what compiling made, in bytes, where the runtime tells.
    fn code_bytes(&self) -> Result<Option<u64>>;
}

/// Something that can be asked.
pub trait Callee {
    /// One call, under the limits of the runtime.
    fn call(&mut self, way: Way, input: &[u8]) -> Result<Vec<u8>>;
}

/// An instance of a core module of the study: its exports, its memory, its streams.
pub trait Instance {
    /// Starts the clock or fills the tank of the next call.
    fn arm(&mut self) -> Result<()>;

    /// Calls an export without parameters and results.
    fn run(&mut self, export: &str) -> Result<()>;

    /// `alloc` of the guest: room for an input.
    fn alloc(&mut self, length: u32) -> Result<u32>;

    /// `raw` of the guest: address and length of the answer in one number.
    fn raw(&mut self, at: u32, length: u32) -> Result<u64>;

    /// `__guest_call` of waPC.
    fn guest_call(&mut self, operation: u32, length: u32) -> Result<u32>;

    /// Reads the guest's memory.
    fn read(&mut self, at: u32, into: &mut [u8]) -> Result<()>;

    /// Writes the guest's memory.
    fn write(&mut self, at: u32, bytes: &[u8]) -> Result<()>;

    /// What goes in and out of the call.
    fn exchange(&mut self) -> &mut Exchange;
}

impl<I: Instance> Callee for I {
    fn call(&mut self, way: Way, input: &[u8]) -> Result<Vec<u8>> {
        self.arm()?;
        ways::ask(self, way, input)
    }
}
