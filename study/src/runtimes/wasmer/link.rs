//! The functions of the host in wasmer.

use anyhow::{Context as _, Result};
use wasmer::{
    AsStoreMut, ExternType, Function, FunctionEnv, FunctionEnvMut, Imports, Module, RuntimeError,
    Store, Value,
};

use super::store::{Data, View};
use crate::host::{self, Guest, NOSYS};

/// Creates all imports of the module.
pub fn imports(store: &mut Store, data: &FunctionEnv<Data>, module: &Module) -> Imports {
    let mut imports = Imports::new();
    for import in module.imports() {
        let function = match host::function(import.module(), import.name()) {
            Some(known) => link(store, data, known),
            None => match import.ty() {
                ExternType::Function(kind) => stub(store, kind.clone()),
                _ => continue,
            },
        };
        imports.define(import.module(), import.name(), function);
    }
    imports
}

fn link(store: &mut Store, data: &FunctionEnv<Data>, function: host::Function) -> Function {
    type Env<'a> = FunctionEnvMut<'a, Data>;
    match function {
        host::Function::Exit(exit) => Function::new_typed_with_env(
            store,
            data,
            move |_: Env<'_>, code: i32| -> Result<(), RuntimeError> { Err(error(&exit(code))) },
        ),
        host::Function::Notify(notify) => {
            Function::new_typed_with_env(store, data, move |env: Env<'_>, a: u32, b: u32| {
                with(env, |guest| notify(guest, a, b))
            })
        }
        host::Function::Two(two) => {
            Function::new_typed_with_env(store, data, move |env: Env<'_>, a: u32, b: u32| {
                with(env, |guest| two(guest, a, b))
            })
        }
        host::Function::Clock(clock) => Function::new_typed_with_env(
            store,
            data,
            move |env: Env<'_>, a: u32, b: u64, c: u32| with(env, |guest| clock(guest, a, b, c)),
        ),
        host::Function::Four(four) => Function::new_typed_with_env(
            store,
            data,
            move |env: Env<'_>, a: u32, b: u32, c: u32, d: u32| {
                with(env, |guest| four(guest, a, b, c, d))
            },
        ),
    }
}

fn stub(store: &mut impl AsStoreMut, kind: wasmer::FunctionType) -> Function {
    let results = kind.results().len();
    Function::new(store, kind, move |_| Ok(vec![Value::I32(NOSYS); results]))
}

fn with<R>(
    mut env: FunctionEnvMut<'_, Data>,
    act: impl FnOnce(&mut Guest<'_>) -> Result<R>,
) -> Result<R, RuntimeError> {
    let (data, store) = env.data_and_store_mut();
    let memory = data.memory.as_ref().context("the guest exports no memory");
    let memory = memory.map_err(|cause| error(&cause))?;
    let mut guest = Guest {
        memory: &mut View(memory.view(&store)),
        exchange: &mut data.exchange,
    };
    act(&mut guest).map_err(|cause| error(&cause))
}

fn error(cause: &anyhow::Error) -> RuntimeError {
    RuntimeError::new(format!("{cause:#}"))
}
