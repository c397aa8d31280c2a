//! waPC: named operations with payloads, through functions of the module `wapc`. Most Kubewarden policies speak it.
//!
//! Source: <https://wapc.io/docs/spec/>; start order and return codes as in wasmtime-provider.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use wasmtime::{Caller, Linker, ModuleExport};

use crate::call::{self, CallError, CallFailed, Output, Running};
use crate::guest::Guest;
use crate::host_calls::{self, HostCalls, Pointers};
use crate::imports::{Function, ImportSet};
use crate::inspect::ValueType::I32;
use crate::limits::Limits;
use crate::module::{EntryError, Module};
use crate::state::{State, Stop};

const MODULE: &str = "wapc";

/// The function that takes a call: `(length of the operation, length of the payload) -> success`.
const GUEST_CALL: &str = "__guest_call";

/// What runs before it in each instance, when exported, in this order.
const STARTS: [&str; 2] = ["_start", "wapc_init"];

/// What a failed call reports when the module has given no text.
const NO_MESSAGE: &str = "no error message";

/// A waPC guest that can be called. Cheap to clone.
#[derive(Clone)]
pub struct Wapc {
    module: Module,
    starts: Arc<[ModuleExport]>,
    guest_call: ModuleExport,
}

/// What is going on between host and guest in one call.
#[derive(Default)]
pub(crate) struct Exchange {
    operation: Vec<u8>,
    payload: Vec<u8>,
    response: Option<Vec<u8>>,
    error: Option<String>,
    host_reply: Option<Result<Vec<u8>, String>>,
}

impl Wapc {
    pub(crate) fn new(module: &Module) -> Result<Self, EntryError> {
        let guest_call = module.function(GUEST_CALL, &[I32, I32], &[I32])?;
        let mut starts = Vec::new();
        for name in STARTS {
            starts.extend(module.optional_function(name)?);
        }
        // A reactor has no `_start`, and something else to run instead.
        if !module.has_function("_start") {
            let initialize = module.optional_function(super::entry::INITIALIZE)?;
            starts.splice(..0, initialize);
        }
        Ok(Self {
            module: module.clone(),
            starts: starts.into(),
            guest_call,
        })
    }

    /// Calls an operation in a fresh instance, after `_start` and `wapc_init`. The response is the
    /// output's `stdout`; what the guest writes to its standard streams is its log. Its host calls go
    /// to `host`, and are refused when there is none.
    ///
    /// Otherwise like [`Entry::call`](crate::Entry::call).
    ///
    /// # Errors
    /// When the guest did not come to its end, reported an error ([`CallError::Reported`]), or gave no
    /// response.
    pub async fn call(
        &self,
        operation: &str,
        payload: Vec<u8>,
        host: Option<Arc<dyn HostCalls>>,
        limits: &Limits,
        deadline: Instant,
    ) -> Result<Output, CallFailed> {
        call::check_input(payload.len(), limits)?;
        let mut state = State::new(Vec::new(), limits, self.module.memory_max(), deadline);
        state.wasi.stdio.log_everything();
        state.host_calls.set(host);
        state.wapc.operation = operation.into();
        state.wapc.payload = payload;
        let run = async |running: &mut Running| self.run(running).await;
        let mut ended = call::once(&self.module, state, limits, run).await?;
        let exchange = std::mem::take(&mut ended.state.wapc);
        match outcome(exchange, ended.value) {
            Ok(response) => Ok(Output {
                stdout: response,
                ..ended.into_output()
            }),
            Err(error) => Err(ended.fail(error)),
        }
    }

    async fn run(&self, running: &mut Running) -> wasmtime::Result<i32> {
        let wapc = &running.data().wapc;
        let (operation, payload) = (length(&wapc.operation)?, length(&wapc.payload)?);
        for start in self.starts.iter() {
            match running.nullary(start).await {
                // Programs end with `exit(0)`; the instance lives on.
                Err(error) if matches!(error.downcast_ref(), Some(Stop::Exit(0))) => {}
                other => other?,
            }
        }
        running
            .call::<(i32, i32), i32>(&self.guest_call, (operation, payload))
            .await
    }
}

/// What came of the call. `returned` is 0 for a failure; none when the guest left with exit code 0.
fn outcome(exchange: Exchange, returned: Option<i32>) -> Result<Vec<u8>, CallError> {
    match (returned, exchange.response) {
        (None | Some(0), _) => Err(CallError::Reported(
            exchange.error.unwrap_or_else(|| NO_MESSAGE.to_owned()),
        )),
        (Some(_), Some(response)) => Ok(response),
        (Some(_), None) => Err(CallError::Protocol(
            "it reported success without a response",
        )),
    }
}

fn length(bytes: &[u8]) -> wasmtime::Result<i32> {
    Ok(i32::try_from(bytes.len())?)
}

impl fmt::Debug for Wapc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Wapc").field(self.module.digest()).finish()
    }
}

/// The import set.
pub(crate) const IMPORTS: ImportSet = ImportSet {
    module: MODULE,
    functions: FUNCTIONS,
    link,
};

const FUNCTIONS: &[Function] = &[
    Function::new("__guest_request", &[I32; 2], &[]),
    Function::new("__guest_response", &[I32; 2], &[]),
    Function::new("__guest_error", &[I32; 2], &[]),
    Function::new("__host_call", &[I32; 8], &[I32]),
    Function::new("__host_response_len", &[], &[I32]),
    Function::new("__host_response", &[I32], &[]),
    Function::new("__host_error_len", &[], &[I32]),
    Function::new("__host_error", &[I32], &[]),
    Function::new("__console_log", &[I32; 2], &[]),
];

fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker
        .func_wrap(
            MODULE,
            "__guest_request",
            |caller: Caller<'_, State>, operation: u32, payload: u32| {
                serve(caller, |guest| {
                    let wapc = &guest.state.wapc;
                    guest.memory.write(operation, &wapc.operation)?;
                    Ok(guest.memory.write(payload, &wapc.payload)?)
                })
            },
        )?
        .func_wrap(
            MODULE,
            "__guest_response",
            |caller: Caller<'_, State>, at: u32, len: u32| {
                serve(caller, |guest| {
                    guest.state.wapc.response = Some(taken(guest, at, len)?);
                    Ok(())
                })
            },
        )?
        .func_wrap(
            MODULE,
            "__guest_error",
            |caller: Caller<'_, State>, at: u32, len: u32| {
                serve(caller, |guest| {
                    let text = taken(guest, at, len)?;
                    guest.state.wapc.error = Some(String::from_utf8_lossy(&text).into_owned());
                    Ok(())
                })
            },
        )?
        .func_wrap(
            MODULE,
            "__console_log",
            |caller: Caller<'_, State>, at: u32, len: u32| {
                serve(caller, |guest| {
                    let log = &mut guest.state.wasi.stdio;
                    log.log_line(guest.memory.read(at, len)?);
                    Ok(())
                })
            },
        )?
        .func_wrap_async(MODULE, "__host_call", |caller, pointers: Pointers| {
            Box::new(host_call(caller, pointers))
        })?;
    link_replies(linker)
}

fn link_replies(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker
        .func_wrap(
            MODULE,
            "__host_response_len",
            |caller: Caller<'_, State>| caller.data().wapc.reply().map_or(Ok(0), length),
        )?
        .func_wrap(MODULE, "__host_error_len", |caller: Caller<'_, State>| {
            caller.data().wapc.refusal().map_or(Ok(0), length)
        })?
        .func_wrap(
            MODULE,
            "__host_response",
            |caller: Caller<'_, State>, at: u32| {
                serve(caller, |guest| {
                    Ok(guest
                        .memory
                        .write(at, guest.state.wapc.reply().unwrap_or_default())?)
                })
            },
        )?
        .func_wrap(
            MODULE,
            "__host_error",
            |caller: Caller<'_, State>, at: u32| {
                serve(caller, |guest| {
                    Ok(guest
                        .memory
                        .write(at, guest.state.wapc.refusal().unwrap_or_default())?)
                })
            },
        )?;
    Ok(())
}

/// 1 for a reply, 0 for an error; the guest fetches either. An earlier one is gone.
async fn host_call(mut caller: Caller<'_, State>, pointers: Pointers) -> wasmtime::Result<u32> {
    caller.data_mut().wapc.host_reply = None;
    let reply = host_calls::ask(&mut caller, pointers).await?;
    let success = u32::from(reply.is_ok());
    caller.data_mut().wapc.host_reply = Some(reply);
    Ok(success)
}

impl Exchange {
    fn reply(&self) -> Option<&[u8]> {
        self.host_reply.as_ref()?.as_deref().ok()
    }

    fn refusal(&self) -> Option<&[u8]> {
        let error = self.host_reply.as_ref()?.as_ref().err()?;
        Some(error.as_bytes())
    }
}

/// Runs a host function on the memory and state of its caller; a bad pointer ends the call.
fn serve(
    mut caller: Caller<'_, State>,
    function: impl FnOnce(&mut Guest<'_>) -> Result<(), Stop>,
) -> wasmtime::Result<()> {
    Guest::of(&mut caller)
        .and_then(|mut guest| function(&mut guest))
        .map_err(wasmtime::Error::new)
}

/// A copy of what the guest hands over, as long as an answer may be.
fn taken(guest: &Guest<'_>, at: u32, len: u32) -> Result<Vec<u8>, Stop> {
    let bytes = guest.memory.read(at, len)?;
    if bytes.len() > guest.state.handover_max {
        return Err(Stop::OutputTooLarge);
    }
    Ok(bytes.to_vec())
}
