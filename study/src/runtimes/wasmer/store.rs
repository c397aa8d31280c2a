//! The data of an instance in wasmer, and access to its memory.

use anyhow::Result;
use wasmer::{Memory, MemoryView};

use crate::host::{self, Exchange, out_of_bounds};

/// The data of one instance.
#[derive(Default)]
pub struct Data {
    pub exchange: Exchange,
    /// Memory of the guest; set after instantiation, before any function of the host is called.
    pub memory: Option<Memory>,
}

/// A view of a memory, which wasmer accesses by copying.
pub struct View<'a>(pub MemoryView<'a>);

impl host::Memory for View<'_> {
    fn read(&self, at: u32, into: &mut [u8]) -> Result<()> {
        self.0
            .read(u64::from(at), into)
            .map_err(|_| out_of_bounds())
    }

    fn write(&mut self, at: u32, bytes: &[u8]) -> Result<()> {
        self.0
            .write(u64::from(at), bytes)
            .map_err(|_| out_of_bounds())
    }
}
