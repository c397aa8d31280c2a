//! What the host keeps for one call while its instance lives.

use std::time::Instant;

use thiserror::Error;
use wasmtime::Memory;

use crate::ByteSize;
use crate::convention::{rego, wapc};
use crate::guest::OutOfBounds;
use crate::host_calls;
use crate::limits::{Budget, Limits};
use crate::wasi::Wasi;

/// The data of one store. Each set of imports keeps its part in a field of its own.
pub(crate) struct State {
    /// Standard streams and clocks.
    pub(crate) wasi: Wasi,
    /// Operation, payload and response of a waPC call.
    pub(crate) wapc: wapc::Exchange,
    /// Built-in functions of a Rego evaluation.
    pub(crate) rego: rego::Evaluation,
    /// Who answers the module's questions, and how many more there may be.
    pub(crate) host_calls: host_calls::Account,
    /// What the module may hand over in one piece, in bytes.
    pub(crate) handover_max: usize,
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
            wapc: wapc::Exchange::default(),
            rego: rego::Evaluation::default(),
            host_calls: host_calls::Account::new(limits),
            handover_max: limits.stdout.as_len(),
            budget: Budget::new(limits, memory_max),
            deadline,
            memory: None,
        }
    }
}

/// Why the host ends a call in the middle. It travels through the module's frames as a trap of our
/// own.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum Stop {
    #[error("the deadline has passed")]
    Deadline,
    #[error("the module exited with code {0}")]
    Exit(i32),
    #[error("the module wrote more than it may")]
    OutputTooLarge,
    #[error("the module asked its host for more than it may")]
    HostCalls,
    #[error("the module reported: {0}")]
    Reported(String),
    #[error("the module broke its protocol: {0}")]
    Protocol(&'static str),
    #[error("the module gave a pointer outside of its memory")]
    OutOfBounds,
    #[error("the module has no memory named `memory`")]
    NoMemory,
}

impl From<OutOfBounds> for Stop {
    fn from(_: OutOfBounds) -> Self {
        Self::OutOfBounds
    }
}
