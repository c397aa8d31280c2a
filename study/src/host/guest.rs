//! The guest as the functions of the host see it: its memory, and the data of its call.

use anyhow::{Result, anyhow};

/// Maximum length of the captured standard error of a guest, in bytes.
pub const MAX_LOG: usize = 4096;

/// The data that one call exchanges with the host, with any calling convention.
#[derive(Default)]
pub struct Exchange {
    /// Standard input, or the message of waPC.
    pub input: Vec<u8>,
    /// Number of input bytes that have been read.
    pub read: usize,
    /// Standard output, or the response of waPC.
    pub output: Vec<u8>,
    /// Standard error, at most [`MAX_LOG`] bytes.
    pub log: Vec<u8>,
}

impl Exchange {
    /// Prepares another call. The buffers keep their capacity.
    pub fn begin(&mut self, input: &[u8]) {
        self.input.clear();
        self.input.extend_from_slice(input);
        self.read = 0;
        self.output.clear();
        self.log.clear();
    }
}

/// The memory of a guest. Accesses outside it are errors.
pub trait Memory {
    /// Reads from the address.
    fn read(&self, at: u32, into: &mut [u8]) -> Result<()>;

    /// Writes to the address.
    fn write(&mut self, at: u32, bytes: &[u8]) -> Result<()>;
}

/// A memory that the runtime provides as a slice.
pub struct Slice<'a>(pub &'a mut [u8]);

impl Memory for Slice<'_> {
    fn read(&self, at: u32, into: &mut [u8]) -> Result<()> {
        let from = self
            .0
            .get(at as usize..)
            .and_then(|rest| rest.get(..into.len()));
        into.copy_from_slice(from.ok_or_else(out_of_bounds)?);
        Ok(())
    }

    fn write(&mut self, at: u32, bytes: &[u8]) -> Result<()> {
        let to = self
            .0
            .get_mut(at as usize..)
            .and_then(|rest| rest.get_mut(..bytes.len()));
        to.ok_or_else(out_of_bounds)?.copy_from_slice(bytes);
        Ok(())
    }
}

/// Creates the error for an address outside the memory.
pub fn out_of_bounds() -> anyhow::Error {
    anyhow!("memory access out of bounds")
}

/// The guest that calls a function of the host.
pub struct Guest<'a> {
    /// Memory of the guest.
    pub memory: &'a mut dyn Memory,
    /// Data of the call.
    pub exchange: &'a mut Exchange,
}

impl Guest<'_> {
    /// Reads a little-endian number.
    pub fn number(&self, at: u32) -> Result<u32> {
        let mut bytes = [0; 4];
        self.memory.read(at, &mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    /// Writes a little-endian number.
    pub fn write_number(&mut self, at: u32, number: u32) -> Result<()> {
        self.memory.write(at, &number.to_le_bytes())
    }

    /// Copies bytes out of the memory.
    pub fn bytes(&self, at: u32, length: u32) -> Result<Vec<u8>> {
        let mut bytes = vec![0; length as usize];
        self.memory.read(at, &mut bytes)?;
        Ok(bytes)
    }
}

/// A function of the host by its WebAssembly signature, so that runtimes link it statically typed.
#[derive(Clone, Copy)]
pub enum Function {
    /// `(i32)`, which ends the guest.
    Exit(fn(i32) -> anyhow::Error),
    /// `(i32, i32)`
    Notify(fn(&mut Guest<'_>, u32, u32) -> Result<()>),
    /// `(i32, i32) -> i32`
    Two(fn(&mut Guest<'_>, u32, u32) -> Result<i32>),
    /// `(i32, i64, i32) -> i32`
    Clock(fn(&mut Guest<'_>, u32, u64, u32) -> Result<i32>),
    /// `(i32, i32, i32, i32) -> i32`
    Four(fn(&mut Guest<'_>, u32, u32, u32, u32) -> Result<i32>),
}
