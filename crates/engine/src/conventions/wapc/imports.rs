//! The host functions of waPC.

use wasmtime::{Caller, Linker};

use super::state::State;
use crate::core::imports::{Function, ImportSet};
use crate::core::inspect::ValueType::I32;
use crate::core::state::{CallState, Guest};
use crate::host_calls::{self, Pointers};

const MODULE: &str = "wapc";

/// The import set of waPC.
pub(super) const IMPORTS: ImportSet = ImportSet {
    module: MODULE,
    functions: &[
        Function::new("__guest_request", &[I32; 2], &[]),
        Function::new("__guest_response", &[I32; 2], &[]),
        Function::new("__guest_error", &[I32; 2], &[]),
        Function::new("__host_call", &[I32; 8], &[I32]),
        Function::new("__host_response_len", &[], &[I32]),
        Function::new("__host_response", &[I32], &[]),
        Function::new("__host_error_len", &[], &[I32]),
        Function::new("__host_error", &[I32], &[]),
        Function::new("__console_log", &[I32; 2], &[]),
    ],
    memory: None,
};

type WapcCaller<'a> = Caller<'a, CallState<State>>;

/// Defines the functions of [`IMPORTS`].
pub(super) fn link(linker: &mut Linker<CallState<State>>) -> wasmtime::Result<()> {
    linker
        .func_wrap(MODULE, "__guest_request", guest_request)?
        .func_wrap(MODULE, "__guest_response", guest_response)?
        .func_wrap(MODULE, "__guest_error", guest_error)?
        .func_wrap(MODULE, "__console_log", console_log)?
        .func_wrap_async(MODULE, "__host_call", |caller, pointers: Pointers| {
            Box::new(host_call(caller, pointers))
        })?
        .func_wrap(MODULE, "__host_response_len", |caller: WapcCaller<'_>| {
            length(caller.data().convention.host_response())
        })?
        .func_wrap(MODULE, "__host_error_len", |caller: WapcCaller<'_>| {
            length(caller.data().convention.host_error())
        })?
        .func_wrap(MODULE, "__host_response", host_response)?
        .func_wrap(MODULE, "__host_error", host_error)?;
    Ok(())
}

fn guest_request(caller: WapcCaller<'_>, operation: u32, payload: u32) -> wasmtime::Result<()> {
    Guest::with(caller, |guest| {
        let state = &guest.state.convention;
        guest.memory.write(operation, &state.operation)?;
        Ok(guest.memory.write(payload, &state.payload)?)
    })
}

fn guest_response(caller: WapcCaller<'_>, at: u32, len: u32) -> wasmtime::Result<()> {
    Guest::with(caller, |guest| {
        let response = guest.memory.copy_out(at, len, guest.state.max_transfer)?;
        guest.state.convention.response = Some(response);
        Ok(())
    })
}

fn guest_error(caller: WapcCaller<'_>, at: u32, len: u32) -> wasmtime::Result<()> {
    Guest::with(caller, |guest| {
        let text = guest.memory.copy_out(at, len, guest.state.max_transfer)?;
        guest.state.convention.error = Some(String::from_utf8_lossy(&text).into_owned());
        Ok(())
    })
}

fn console_log(caller: WapcCaller<'_>, at: u32, len: u32) -> wasmtime::Result<()> {
    Guest::with(caller, |guest| {
        let stdio = &mut guest.state.convention.wasi.stdio;
        stdio.log_line(guest.memory.read(at, len)?);
        Ok(())
    })
}

/// Returns 1 for a reply and 0 for an error. The guest fetches either with another function. The
/// reply to an earlier host call is dropped.
async fn host_call(mut caller: WapcCaller<'_>, pointers: Pointers) -> wasmtime::Result<u32> {
    caller.data_mut().convention.host_reply = None;
    let reply = host_calls::dispatch(&mut caller, pointers).await?;
    let success = u32::from(reply.is_ok());
    caller.data_mut().convention.host_reply = Some(reply);
    Ok(success)
}

fn host_response(caller: WapcCaller<'_>, at: u32) -> wasmtime::Result<()> {
    Guest::with(caller, |guest| {
        let response = guest.state.convention.host_response();
        Ok(guest.memory.write(at, response.unwrap_or_default())?)
    })
}

fn host_error(caller: WapcCaller<'_>, at: u32) -> wasmtime::Result<()> {
    Guest::with(caller, |guest| {
        let error = guest.state.convention.host_error();
        Ok(guest.memory.write(at, error.unwrap_or_default())?)
    })
}

/// Returns the length of the reply or error, 0 if there is none.
fn length(bytes: Option<&[u8]>) -> wasmtime::Result<i32> {
    Ok(i32::try_from(bytes.unwrap_or_default().len())?)
}
