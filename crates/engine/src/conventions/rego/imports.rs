//! The host functions of compiled Rego policies: built-in functions, printing and aborting.

use std::sync::Arc;

use wasmtime::{Caller, Linker, ModuleExport, TypedFunc, WasmParams};

use super::state::{RegoExports, State, checked_value};
use crate::core::imports::{Function, ImportSet, MemoryImport};
use crate::core::inspect::ValueType::I32;
use crate::core::state::{CallState, Guest};
use crate::core::stop::Stop;

const MODULE: &str = "env";

/// Maximum length of a printed line or the message of an abort, in bytes.
const MAX_TEXT: usize = 64 << 10;

/// Address that stands for an undefined value, as in OPA's own hosts.
const UNDEFINED: i32 = 0;

/// The import set of compiled Rego.
pub(super) const IMPORTS: ImportSet = ImportSet {
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
    memory: Some(MemoryImport {
        name: "memory",
        // The initial size in OPA's own hosts.
        min_pages: 5,
    }),
};

type RegoCaller<'a> = Caller<'a, CallState<State>>;

/// Defines the functions of [`IMPORTS`].
pub(super) fn link(linker: &mut Linker<CallState<State>>) -> wasmtime::Result<()> {
    linker
        .func_wrap(MODULE, "opa_abort", abort)?
        .func_wrap(MODULE, "opa_println", print)?
        .func_wrap_async(MODULE, "opa_builtin0", |caller, (id, _): (i32, i32)| {
            Box::new(call_builtin(caller, id, []))
        })?
        .func_wrap_async(
            MODULE,
            "opa_builtin1",
            |caller, (id, _, a): (i32, i32, i32)| Box::new(call_builtin(caller, id, [a])),
        )?
        .func_wrap_async(
            MODULE,
            "opa_builtin2",
            |caller, (id, _, a, b): (i32, i32, i32, i32)| {
                Box::new(call_builtin(caller, id, [a, b]))
            },
        )?
        .func_wrap_async(
            MODULE,
            "opa_builtin3",
            |caller, (id, _, a, b, c): (i32, i32, i32, i32, i32)| {
                Box::new(call_builtin(caller, id, [a, b, c]))
            },
        )?
        .func_wrap_async(
            MODULE,
            "opa_builtin4",
            |caller, (id, _, a, b, c, d): (i32, i32, i32, i32, i32, i32)| {
                Box::new(call_builtin(caller, id, [a, b, c, d]))
            },
        )?;
    Ok(())
}

/// Ends the call: the result of an aborted policy would be meaningless.
fn abort(caller: RegoCaller<'_>, at: u32) -> wasmtime::Result<()> {
    Guest::with(caller, |guest| {
        let text = guest.memory.copy_out_c_string(at, MAX_TEXT)?;
        let text = String::from_utf8_lossy(&text).into_owned();
        Err(Stop::Reported(text))
    })
}

fn print(caller: RegoCaller<'_>, at: u32) -> wasmtime::Result<()> {
    Guest::with(caller, |guest| {
        let text = guest.memory.copy_out_c_string(at, MAX_TEXT)?;
        guest.state.convention.wasi.stdio.log_line(&text);
        Ok(())
    })
}

/// Calls a built-in function with values of the module. An error of the host ends the evaluation:
/// if the value became undefined instead, a rule could allow what it should deny.
async fn call_builtin<const N: usize>(
    mut caller: RegoCaller<'_>,
    id: i32,
    arguments: [i32; N],
) -> wasmtime::Result<i32> {
    let state = &caller.data().convention;
    let (Some(builtins), Some(exports)) = (state.builtins.clone(), state.exports.clone()) else {
        return Err(violation(
            "it called a built-in function before the evaluation",
        ));
    };
    let Some(name) = state.names.get(&id).cloned() else {
        return Err(violation(
            "it called a built-in function that it does not list",
        ));
    };
    if std::mem::replace(&mut caller.data_mut().convention.in_builtin, true) {
        return Err(violation(
            "it called a built-in function inside another one",
        ));
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
    caller.data_mut().convention.in_builtin = false;
    Ok(value)
}

fn violation(text: &'static str) -> wasmtime::Error {
    wasmtime::Error::new(Stop::Convention(text))
}

async fn dump(
    caller: &mut RegoCaller<'_>,
    exports: &Arc<RegoExports>,
    value: i32,
) -> wasmtime::Result<Vec<u8>> {
    let dump = typed_export::<i32>(caller, &exports.dump)?;
    let at = dump.call_async(&mut *caller, value).await?;
    let guest = Guest::from_caller(caller).map_err(wasmtime::Error::new)?;
    let max = guest.state.max_transfer;
    guest
        .memory
        .copy_out_c_string(at.cast_unsigned(), max)
        .map_err(wasmtime::Error::new)
}

async fn push(
    caller: &mut RegoCaller<'_>,
    exports: &Arc<RegoExports>,
    json: &[u8],
) -> wasmtime::Result<i32> {
    let len = i32::try_from(json.len())?;
    let malloc = typed_export::<i32>(caller, &exports.malloc)?;
    let at = malloc.call_async(&mut *caller, len).await?;
    let mut guest = Guest::from_caller(caller).map_err(wasmtime::Error::new)?;
    guest
        .memory
        .write(at.cast_unsigned(), json)
        .map_err(|error| wasmtime::Error::new(Stop::from(error)))?;
    let parse = typed_export::<(i32, i32)>(caller, &exports.parse)?;
    checked_value(parse.call_async(caller, (at, len)).await?)
}

fn typed_export<P: WasmParams + Sync>(
    caller: &mut RegoCaller<'_>,
    export: &ModuleExport,
) -> wasmtime::Result<TypedFunc<P, i32>> {
    let function = caller
        .get_module_export(export)
        .and_then(wasmtime::Extern::into_func);
    function
        .ok_or_else(|| wasmtime::Error::msg("an export is missing in the instance"))?
        .typed(&*caller)
}
