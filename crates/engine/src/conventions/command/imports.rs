//! The host function of programs, and the state that it uses.

use std::sync::Arc;

use wasmtime::{Caller, Linker};

use crate::core::imports::{Function, ImportSet};
use crate::core::inspect::ValueType::I32;
use crate::core::limits::Limits;
use crate::core::state::CallState;
use crate::host_calls::{self, HasHostCalls, HostCallState, HostCalls, Pointers};
use crate::wasi::{HasWasi, Wasi};

const MODULE: &str = "host";

/// The import set of programs.
pub(super) const IMPORTS: ImportSet = ImportSet {
    module: MODULE,
    functions: &[Function::new("call", &[I32; 8], &[I32])],
    memory: None,
};

/// The state of one call of a program.
pub(crate) struct State {
    pub(super) wasi: Wasi,
    pub(super) host_calls: HostCallState,
}

impl State {
    pub(crate) fn new(
        arguments: &[&str],
        stdin: Vec<u8>,
        host: Option<Arc<dyn HostCalls>>,
        limits: &Limits,
    ) -> Self {
        let mut wasi = Wasi::new(stdin, limits);
        wasi.set_arguments(arguments);
        Self {
            wasi,
            host_calls: HostCallState::new(host, limits),
        }
    }
}

impl HasWasi for State {
    fn wasi(&self) -> &Wasi {
        &self.wasi
    }

    fn wasi_mut(&mut self) -> &mut Wasi {
        &mut self.wasi
    }
}

impl HasHostCalls for State {
    fn host_calls_mut(&mut self) -> &mut HostCallState {
        &mut self.host_calls
    }
}

/// Defines the functions of [`IMPORTS`].
pub(super) fn link(linker: &mut Linker<CallState<State>>) -> wasmtime::Result<()> {
    linker.func_wrap_async(MODULE, "call", |caller, pointers: Pointers| {
        Box::new(host_call(caller, pointers))
    })?;
    Ok(())
}

/// Appends the reply or the error message to stdin. Returns 0 for a reply and 1 for an error, the
/// reverse of waPC.
async fn host_call(
    mut caller: Caller<'_, CallState<State>>,
    pointers: Pointers,
) -> wasmtime::Result<u32> {
    let reply = host_calls::dispatch(&mut caller, pointers).await?;
    let stdio = &mut caller.data_mut().convention.wasi.stdio;
    Ok(match reply {
        Ok(reply) => {
            stdio.append_stdin(&reply);
            0
        }
        Err(error) => {
            stdio.append_stdin(error.as_bytes());
            1
        }
    })
}
