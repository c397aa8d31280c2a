//! The runtimes by name.

mod link;
#[cfg(feature = "wasmer")]
mod wasmer;
mod wasmi;
mod wasmtime;

use anyhow::Result;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::runtime::Runtime;

/// A runtime with its configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Name {
    /// wasmtime: Cranelift, instances from a pool; the runtime of k8s-wasm
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
    /// Returns the name in tables and files.
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

    /// Returns whether it is written in Go, and so runs in another program.
    pub fn is_go(self) -> bool {
        matches!(self, Self::WazeroCompiler | Self::WazeroInterpreter)
    }

    /// Returns whether it runs components.
    pub fn has_components(self) -> bool {
        matches!(
            self,
            Self::WasmtimePooling | Self::WasmtimeOnDemand | Self::WasmtimePulley
        )
    }

    /// Creates the runtime.
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
