//! What a compiled Rego policy imports: built-in functions, printing, aborting.

use std::sync::Arc;

use wasmtime::{Caller, Linker, TypedFunc, WasmParams};

use super::{Exports, parsed, text};
use crate::guest::Guest;
use crate::imports::{Function, ImportSet};
use crate::inspect::ValueType::I32;
use crate::state::{State, Stop};

const MODULE: &str = "env";

/// The most of a printed line or the text of an abort, in bytes.
const TEXT_MAX: usize = 64 << 10;

/// The import set. The memory, which is imported, too, is not in it: see [`super::own_memory`].
pub(crate) const IMPORTS: ImportSet = ImportSet {
    module: MODULE,
    functions: &[
        Function::new("opa_abort", &[I32], &[]),
        Function::new("opa_println", &[I32], &[]),
        Function::new("opa_builtin0", &[I32; 2], &[I32]),
        Function::new("opa_builtin1", &[I32; 3], &[I32]),
        Function::new("opa_builtin2", &[I32; 4], &[I32]),
        Function::new("opa_builtin3", &[I32; 5], &[I32]),
        Function::new("opa_builtin4", &[I32; 6], &[I32]),
    ],
    link,
};

fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker
        .func_wrap(MODULE, "opa_abort", abort)?
        .func_wrap(MODULE, "opa_println", print)?
        .func_wrap_async(MODULE, "opa_builtin0", |caller, (id, _): (i32, i32)| {
            Box::new(call(caller, id, []))
        })?
        .func_wrap_async(
            MODULE,
            "opa_builtin1",
            |caller, (id, _, a): (i32, i32, i32)| Box::new(call(caller, id, [a])),
        )?
        .func_wrap_async(
            MODULE,
            "opa_builtin2",
            |caller, (id, _, a, b): (i32, i32, i32, i32)| Box::new(call(caller, id, [a, b])),
        )?
        .func_wrap_async(
            MODULE,
            "opa_builtin3",
            |caller, (id, _, a, b, c): (i32, i32, i32, i32, i32)| {
                Box::new(call(caller, id, [a, b, c]))
            },
        )?
        .func_wrap_async(
            MODULE,
            "opa_builtin4",
            |caller, (id, _, a, b, c, d): (i32, i32, i32, i32, i32, i32)| {
                Box::new(call(caller, id, [a, b, c, d]))
            },
        )?;
    Ok(())
}

/// Ends the call: what an aborted policy would go on to answer means nothing.
fn abort(mut caller: Caller<'_, State>, at: u32) -> wasmtime::Result<()> {
    let guest = Guest::of(&mut caller).map_err(wasmtime::Error::new)?;
    let text = text(&guest.memory, at, TEXT_MAX).map_err(wasmtime::Error::new)?;
    let text = String::from_utf8_lossy(&text).into_owned();
    Err(wasmtime::Error::new(Stop::Reported(text)))
}

fn print(mut caller: Caller<'_, State>, at: u32) -> wasmtime::Result<()> {
    let guest = Guest::of(&mut caller).map_err(wasmtime::Error::new)?;
    let text = text(&guest.memory, at, TEXT_MAX).map_err(wasmtime::Error::new)?;
    guest.state.wasi.stdio.log_line(&text);
    Ok(())
}

/// The address that stands for no value, as OPA's own host has it.
const UNDEFINED: i32 = 0;

/// Calls a built-in function with values of the module. A failure of the host ends the evaluation: a rule that became undefined by
/// it could allow what it should deny.
async fn call<const N: usize>(
    mut caller: Caller<'_, State>,
    id: i32,
    arguments: [i32; N],
) -> wasmtime::Result<i32> {
    let evaluation = &caller.data().rego;
    let (Some(builtins), Some(exports)) = (evaluation.builtins.clone(), evaluation.exports.clone())
    else {
        return Err(stop("it called a built-in function before the evaluation"));
    };
    let Some(name) = evaluation.names.get(&id).cloned() else {
        return Err(stop("it called a built-in function that it does not list"));
    };
    if std::mem::replace(&mut caller.data_mut().rego.in_builtin, true) {
        return Err(stop("it called a built-in function inside of another"));
    }
    let mut values = Vec::with_capacity(N);
    for argument in arguments {
        values.push(dump(&mut caller, &exports, argument).await?);
    }
    let result = builtins
        .call(&name, &values)
        .map_err(|error| Stop::Reported(format!("{name}: {error}")))
        .map_err(wasmtime::Error::new)?;
    let value = match result {
        Some(result) => push(&mut caller, &exports, &result).await?,
        None => UNDEFINED,
    };
    caller.data_mut().rego.in_builtin = false;
    Ok(value)
}

fn stop(text: &'static str) -> wasmtime::Error {
    wasmtime::Error::new(Stop::Protocol(text))
}

async fn dump(
    caller: &mut Caller<'_, State>,
    exports: &Arc<Exports>,
    value: i32,
) -> wasmtime::Result<Vec<u8>> {
    let dump = function_of::<i32>(caller, &exports.dump)?;
    let at = dump.call_async(&mut *caller, value).await?;
    let guest = Guest::of(caller).map_err(wasmtime::Error::new)?;
    let max = guest.state.handover_max;
    text(&guest.memory, at.cast_unsigned(), max).map_err(wasmtime::Error::new)
}

async fn push(
    caller: &mut Caller<'_, State>,
    exports: &Arc<Exports>,
    json: &[u8],
) -> wasmtime::Result<i32> {
    let len = i32::try_from(json.len())?;
    let malloc = function_of::<i32>(caller, &exports.malloc)?;
    let at = malloc.call_async(&mut *caller, len).await?;
    let mut guest = Guest::of(caller).map_err(wasmtime::Error::new)?;
    guest
        .memory
        .write(at.cast_unsigned(), json)
        .map_err(|error| wasmtime::Error::new(Stop::from(error)))?;
    let parse = function_of::<(i32, i32)>(caller, &exports.parse)?;
    parsed(parse.call_async(caller, (at, len)).await?)
}

fn function_of<P: WasmParams + Sync>(
    caller: &mut Caller<'_, State>,
    export: &wasmtime::ModuleExport,
) -> wasmtime::Result<TypedFunc<P, i32>> {
    let function = caller
        .get_module_export(export)
        .and_then(wasmtime::Extern::into_func);
    function
        .ok_or_else(|| stop("its exports are gone"))?
        .typed(&*caller)
}
