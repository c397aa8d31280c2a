//! An instance of a core module, as far as the calling conventions use it.

use anyhow::Result;

use crate::host::Exchange;

/// An instance of a core module of the study: its exports, its memory and its streams.
pub trait CoreInstance {
    /// Starts the clock of the next call, or refills its fuel.
    fn arm(&mut self) -> Result<()>;

    /// Calls an export without parameters and results.
    fn run(&mut self, export: &str) -> Result<()>;

    /// Calls the export `alloc`, which allocates space for an input.
    fn alloc(&mut self, length: u32) -> Result<u32>;

    /// Calls the export `raw`, which returns address and length of the response in one number.
    fn raw(&mut self, at: u32, length: u32) -> Result<u64>;

    /// Calls the export `__guest_call` of waPC.
    fn guest_call(&mut self, operation: u32, length: u32) -> Result<u32>;

    /// Reads from the memory.
    fn read(&mut self, at: u32, into: &mut [u8]) -> Result<()>;

    /// Writes to the memory.
    fn write(&mut self, at: u32, bytes: &[u8]) -> Result<()>;

    /// Returns the data that the call exchanges with the host.
    fn exchange(&mut self) -> &mut Exchange;
}
