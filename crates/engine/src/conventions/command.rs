//! Kubewarden's `wasi` mode: a program with arguments, which asks the host through `host.call` and reads the reply from stdin.
//!
//! Source: Kubewarden's policy-evaluator, runtime `wasi_cli`.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use wasmtime::{Caller, Linker, ModuleExport};

use crate::call::{self, CallFailed, Output, Running};
use crate::host_calls::{self, HostCalls, Pointers};
use crate::imports::{Function, ImportSet};
use crate::inspect::ValueType;
use crate::limits::Limits;
use crate::module::{EntryError, Module};
use crate::state::State;

/// The function that every program begins with.
const START: &str = "_start";

/// A program that can be run. Cheap to clone.
#[derive(Clone)]
pub struct Command {
    module: Module,
    start: ModuleExport,
}

impl Command {
    pub(crate) fn new(module: &Module) -> Result<Self, EntryError> {
        Ok(Self {
            start: module.function(START, &[], &[])?,
            module: module.clone(),
        })
    }

    /// Runs the program in a fresh instance, with `arguments` (the first is its name) and `stdin`.
    /// Its host calls go to `host`, and are refused when there is none.
    ///
    /// Otherwise like [`Entry::call`](crate::Entry::call).
    ///
    /// # Errors
    /// When the program did not come to its end, or left with an exit code other than 0.
    pub async fn call(
        &self,
        arguments: &[&str],
        stdin: Vec<u8>,
        host: Option<Arc<dyn HostCalls>>,
        limits: &Limits,
        deadline: Instant,
    ) -> Result<Output, CallFailed> {
        call::check_input(stdin.len(), limits)?;
        let mut state = State::new(stdin, limits, self.module.memory_max(), deadline);
        state.wasi.set_arguments(arguments);
        state.host_calls.set(host);
        let run = async |running: &mut Running| running.nullary(&self.start).await;
        let ended = call::once(&self.module, state, limits, run).await?;
        Ok(ended.into_output())
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Command")
            .field(self.module.digest())
            .finish()
    }
}

/// The import under its two names: for Go and others, and for JavaScript by Javy.
pub(crate) const IMPORTS: ImportSet = ImportSet {
    module: "host",
    functions: FUNCTIONS,
    link: |linker| link(linker, "host"),
};
pub(crate) const IMPORTS_OF_JAVY: ImportSet = ImportSet {
    module: "kubewarden:javy/host",
    functions: FUNCTIONS,
    link: |linker| link(linker, "kubewarden:javy/host"),
};

const FUNCTIONS: &[Function] = &[Function {
    name: "call",
    params: &[ValueType::I32; 8],
    results: &[ValueType::I32],
}];

fn link(linker: &mut Linker<State>, module: &str) -> wasmtime::Result<()> {
    linker.func_wrap_async(module, "call", |caller, pointers: Pointers| {
        Box::new(answer(caller, pointers))
    })?;
    Ok(())
}

/// 0 for a reply, 1 for an error, the text of either at the end of stdin: the inverse of waPC.
async fn answer(mut caller: Caller<'_, State>, pointers: Pointers) -> wasmtime::Result<u32> {
    let reply = host_calls::ask(&mut caller, pointers).await?;
    let stdin = &mut caller.data_mut().wasi.stdio;
    Ok(match reply {
        Ok(reply) => {
            stdin.append_input(&reply);
            0
        }
        Err(error) => {
            stdin.append_input(error.as_bytes());
            1
        }
    })
}
