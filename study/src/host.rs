//! What a guest may import, written once for every runtime that is embedded in Rust.
//!
//! Just enough of WASI preview 1 for three streams, and waPC. What else a guest imports answers "not supported", so that every
//! guest loads and none reaches anything.

pub mod wapc;
mod wasi;

use anyhow::{Result, anyhow};

/// The number of WASI for "function not supported".
pub const NOSYS: i32 = 52;

/// What goes in and out of one call, whichever way it goes.
#[derive(Default)]
pub struct Exchange {
    /// Standard input, or the message of waPC.
    pub input: Vec<u8>,
    /// How much of the input has been read.
    read: usize,
    /// Standard output, or the answer of waPC.
    pub output: Vec<u8>,
    /// What the guest said before it failed, at most [`LOG_MAX`] bytes.
    pub log: Vec<u8>,
}

/// As much of a guest's standard error as helps to understand a failed cell.
const LOG_MAX: usize = 4096;

impl Exchange {
    /// Makes the exchange ready for another call. Buffers keep their room.
    pub fn begin(&mut self, input: &[u8]) {
        self.input.clear();
        self.input.extend_from_slice(input);
        self.read = 0;
        self.output.clear();
        self.log.clear();
    }
}

/// The memory of a guest; nothing outside of it can be reached.
pub trait Memory {
    /// Fills `into` from the address.
    fn read(&self, at: u32, into: &mut [u8]) -> Result<()>;

    /// Writes `bytes` at the address.
    fn write(&mut self, at: u32, bytes: &[u8]) -> Result<()>;
}

/// A memory that the runtime shows as a slice.
pub struct Slice<'a>(pub &'a mut [u8]);

impl Memory for Slice<'_> {
    fn read(&self, at: u32, into: &mut [u8]) -> Result<()> {
        let from = self
            .0
            .get(at as usize..)
            .and_then(|rest| rest.get(..into.len()));
        into.copy_from_slice(from.ok_or_else(outside)?);
        Ok(())
    }

    fn write(&mut self, at: u32, bytes: &[u8]) -> Result<()> {
        let to = self
            .0
            .get_mut(at as usize..)
            .and_then(|rest| rest.get_mut(..bytes.len()));
        to.ok_or_else(outside)?.copy_from_slice(bytes);
        Ok(())
    }
}

/// An address that is not in the guest's memory.
pub fn outside() -> anyhow::Error {
    anyhow!("an address outside of the memory")
}

/// The guest that calls a function of its host.
pub struct Guest<'a> {
    /// Its memory.
    pub memory: &'a mut dyn Memory,
    /// Its call.
    pub exchange: &'a mut Exchange,
}

impl Guest<'_> {
    fn number(&self, at: u32) -> Result<u32> {
        let mut bytes = [0; 4];
        self.memory.read(at, &mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn write_number(&mut self, at: u32, number: u32) -> Result<()> {
        self.memory.write(at, &number.to_le_bytes())
    }

    fn bytes(&self, at: u32, length: u32) -> Result<Vec<u8>> {
        let mut bytes = vec![0; length as usize];
        self.memory.read(at, &mut bytes)?;
        Ok(bytes)
    }
}

/// A function of the host by its WebAssembly signature, so that a runtime can link it without dynamic types.
#[derive(Clone, Copy)]
pub enum Function {
    /// `(i32)`, which ends the guest.
    Exit(fn(i32) -> anyhow::Error),
    /// `(i32, i32)`
    Tell(fn(&mut Guest<'_>, u32, u32) -> Result<()>),
    /// `(i32, i32) -> i32`
    Two(fn(&mut Guest<'_>, u32, u32) -> Result<i32>),
    /// `(i32, i64, i32) -> i32`
    Clock(fn(&mut Guest<'_>, u32, u64, u32) -> Result<i32>),
    /// `(i32, i32, i32, i32) -> i32`
    Four(fn(&mut Guest<'_>, u32, u32, u32, u32) -> Result<i32>),
}

/// The function that a guest imports by this name; none: a stub of the imported type that answers [`NOSYS`].
pub fn function(module: &str, name: &str) -> Option<Function> {
    match module {
        "wasi_snapshot_preview1" => wasi::function(name),
        "wapc" => wapc::function(name),
        _ => None,
    }
}
