//! What the host keeps for one call while its instance lives.

use std::time::Instant;

use thiserror::Error;
use wasmtime::Memory;

use crate::ByteSize;
use crate::limits::{Budget, Limits};
use crate::wasi::Wasi;

/// The data of one store. Each set of imports keeps its part in a field of its own.
pub(crate) struct State {
    /// Standard streams and clocks.
    pub(crate) wasi: Wasi,
    /// What the instance uses.
    pub(crate) budget: Budget,
    /// When the call ends, whatever it is doing.
    pub(crate) deadline: Instant,
    /// The memory that pointers point into, once a host function has looked it up.
    pub(crate) memory: Option<Memory>,
}

impl State {
    pub(crate) fn new(
        stdin: Vec<u8>,
        limits: &Limits,
        memory_max: ByteSize,
        deadline: Instant,
    ) -> Self {
        Self {
            wasi: Wasi::new(stdin, limits),
            budget: Budget::new(limits, memory_max),
            deadline,
            memory: None,
        }
    }
}

/// Why the host ends a call in the middle. It travels through the module's frames as a trap of our
/// own.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum Stop {
    #[error("the deadline has passed")]
    Deadline,
    #[error("the module exited with code {0}")]
    Exit(i32),
    #[error("the module wrote more than it may")]
    OutputTooLarge,
    #[error("the module has no memory named `memory`")]
    NoMemory,
}
