//! The host's functions in wasmtime.

use std::collections::HashSet;

use anyhow::Result;
use wasmtime::{Caller, Engine, ExternType, ImportType, Linker, Module, Val};

use super::Data;
use crate::host::{self, Function, Guest, NOSYS, Slice};

/// Everything that the module imports.
pub fn linker(engine: &Engine, module: &Module) -> Result<Linker<Data>> {
    let mut linker = Linker::new(engine);
    let mut linked = HashSet::new();
    for import in module.imports() {
        // Go imports a function once for each place in its library that declares it.
        if linked.insert((import.module(), import.name())) {
            link(&mut linker, &import)?;
        }
    }
    Ok(linker)
}

fn link(linker: &mut Linker<Data>, import: &ImportType<'_>) -> Result<()> {
    let (module, name) = (import.module(), import.name());
    match host::function(module, name) {
        Some(Function::Exit(function)) => {
            linker.func_wrap(module, name, move |code: i32| -> wasmtime::Result<()> {
                Err(wasmtime::Error::from_anyhow(function(code)))
            })
        }
        Some(Function::Tell(function)) => linker.func_wrap(
            module,
            name,
            move |caller: Caller<'_, Data>, a: u32, b: u32| {
                with(caller, |guest| function(guest, a, b))
            },
        ),
        Some(Function::Two(function)) => linker.func_wrap(
            module,
            name,
            move |caller: Caller<'_, Data>, a: u32, b: u32| {
                with(caller, |guest| function(guest, a, b))
            },
        ),
        Some(Function::Clock(function)) => linker.func_wrap(
            module,
            name,
            move |caller: Caller<'_, Data>, a: u32, b: u64, c: u32| {
                with(caller, |guest| function(guest, a, b, c))
            },
        ),
        Some(Function::Four(function)) => linker.func_wrap(
            module,
            name,
            move |caller: Caller<'_, Data>, a: u32, b: u32, c: u32, d: u32| {
                with(caller, |guest| function(guest, a, b, c, d))
            },
        ),
        None => return stub(linker, import),
    }?;
    Ok(())
}

fn stub(linker: &mut Linker<Data>, import: &ImportType<'_>) -> Result<()> {
    if let ExternType::Func(kind) = import.ty() {
        linker.func_new(import.module(), import.name(), kind, |_, _, results| {
            results.fill(Val::I32(NOSYS));
            Ok(())
        })?;
    }
    Ok(())
}

fn with<R>(
    mut caller: Caller<'_, Data>,
    act: impl FnOnce(&mut Guest<'_>) -> Result<R>,
) -> wasmtime::Result<R> {
    let memory = match caller.data().memory {
        Some(memory) => memory,
        None => {
            let export = caller
                .get_export("memory")
                .and_then(|found| found.into_memory());
            let memory = export.ok_or_else(|| wasmtime::Error::msg("no memory is exported"))?;
            *caller.data_mut().memory.insert(memory)
        }
    };
    let (bytes, data) = memory.data_and_store_mut(&mut caller);
    let mut guest = Guest {
        memory: &mut Slice(bytes),
        exchange: &mut data.exchange,
    };
    act(&mut guest).map_err(wasmtime::Error::from_anyhow)
}
