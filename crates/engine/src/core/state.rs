//! The data of a store: the state of one call.

use std::time::Instant;

use wasmtime::{Caller, Extern, Memory};

use crate::core::byte_size::ByteSize;
use crate::core::limits::{Budget, Limits};
use crate::core::memory::{GuestMemory, MEMORY};
use crate::core::stop::Stop;

/// The state of one call: the part of the core, and the part `S` of the calling convention.
pub(crate) struct CallState<S> {
    /// Memory and table use of the instance.
    pub(crate) budget: Budget,
    pub(crate) deadline: Instant,
    /// Maximum size of one piece of data that the module passes to the host, in bytes.
    pub(crate) max_transfer: usize,
    /// State of the calling convention.
    pub(crate) convention: S,
    /// Memory of the instance, once a host function has looked it up.
    memory: Option<Memory>,
}

impl<S> CallState<S> {
    pub(crate) fn new(
        convention: S,
        limits: &Limits,
        max_memory: ByteSize,
        deadline: Instant,
    ) -> Self {
        Self {
            budget: Budget::new(limits, max_memory),
            deadline,
            max_transfer: limits.stdout.as_len(),
            convention,
            memory: None,
        }
    }
}

/// The memory of a module and the state of its call, borrowed together by a host function.
pub(crate) struct Guest<'a, S> {
    pub(crate) memory: GuestMemory<'a>,
    pub(crate) state: &'a mut CallState<S>,
}

impl<'a, S: 'static> Guest<'a, S> {
    /// Borrows the guest that calls a host function. The first host call of an instance, possibly
    /// from the start section, looks the memory up.
    ///
    /// # Errors
    /// Returns an error if there is no memory. A module that imports functions and does not export
    /// a memory is rejected when it is loaded.
    pub(crate) fn from_caller(caller: &'a mut Caller<'_, CallState<S>>) -> Result<Self, Stop> {
        let memory = match caller.data().memory {
            Some(memory) => memory,
            None => {
                let Some(Extern::Memory(memory)) = caller.get_export(MEMORY) else {
                    return Err(Stop::NoMemory);
                };
                caller.data_mut().memory = Some(memory);
                memory
            }
        };
        let (bytes, state) = memory.data_and_store_mut(caller);
        Ok(Self {
            memory: GuestMemory::new(bytes),
            state,
        })
    }

    /// Runs a host function on its caller. An error ends the call.
    pub(crate) fn with<T>(
        mut caller: Caller<'_, CallState<S>>,
        function: impl FnOnce(&mut Guest<'_, S>) -> Result<T, Stop>,
    ) -> wasmtime::Result<T> {
        Guest::from_caller(&mut caller)
            .and_then(|mut guest| function(&mut guest))
            .map_err(wasmtime::Error::new)
    }
}
