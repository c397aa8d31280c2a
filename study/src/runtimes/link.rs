//! The functions of the host in wasmtime and in wasmi, whose linkers have the same interface but
//! different types.

/// Defines `linker(engine, module)`, which provides all imports of a module. The arguments are the
/// crate of the runtime and a conversion of errors.
macro_rules! define_linker {
    ($runtime:ident, $error:expr) => {
        use std::collections::HashSet;

        use ::$runtime::{Caller, Engine, Error, ExternType, ImportType, Linker, Module, Val};
        use anyhow::Result;

        use super::store::Data;
        use $crate::host::{self, Function, Guest, NOSYS, Slice};

        type Env<'a> = Caller<'a, Data>;

        /// Creates a linker with all imports of the module.
        pub fn linker(engine: &Engine, module: &Module) -> Result<Linker<Data>> {
            let mut linker = Linker::new(engine);
            let mut linked = HashSet::new();
            for import in module.imports() {
                // Go repeats an import for each declaration in its library.
                if linked.insert((import.module(), import.name())) {
                    link(&mut linker, &import)?;
                }
            }
            Ok(linker)
        }

        fn link(linker: &mut Linker<Data>, import: &ImportType<'_>) -> Result<()> {
            let (module, name) = (import.module(), import.name());
            let Some(function) = host::function(module, name) else {
                return stub(linker, import);
            };
            match function {
                Function::Exit(exit) => {
                    linker.func_wrap(module, name, move |code: i32| -> Result<(), Error> {
                        Err($error(exit(code)))
                    })
                }
                Function::Notify(notify) => {
                    linker.func_wrap(module, name, move |env: Env<'_>, a: u32, b: u32| {
                        with(env, |guest| notify(guest, a, b))
                    })
                }
                Function::Two(two) => {
                    linker.func_wrap(module, name, move |env: Env<'_>, a: u32, b: u32| {
                        with(env, |guest| two(guest, a, b))
                    })
                }
                Function::Clock(clock) => {
                    linker.func_wrap(module, name, move |env: Env<'_>, a: u32, b: u64, c: u32| {
                        with(env, |guest| clock(guest, a, b, c))
                    })
                }
                Function::Four(four) => linker.func_wrap(
                    module,
                    name,
                    move |env: Env<'_>, a: u32, b: u32, c: u32, d: u32| {
                        with(env, |guest| four(guest, a, b, c, d))
                    },
                ),
            }?;
            Ok(())
        }

        fn stub(linker: &mut Linker<Data>, import: &ImportType<'_>) -> Result<()> {
            let (module, name) = (import.module(), import.name());
            if let ExternType::Func(kind) = import.ty() {
                linker.func_new(module, name, kind.clone(), |_, _, results| {
                    results.fill(Val::I32(NOSYS));
                    Ok(())
                })?;
            }
            Ok(())
        }

        fn with<R>(
            mut caller: Env<'_>,
            act: impl FnOnce(&mut Guest<'_>) -> Result<R>,
        ) -> Result<R, Error> {
            let memory = match caller.data().memory {
                Some(memory) => memory,
                None => {
                    let export = caller.get_export("memory");
                    let memory = export
                        .and_then(|found| found.into_memory())
                        .ok_or_else(|| $error(anyhow::anyhow!("the guest exports no memory")))?;
                    *caller.data_mut().memory.insert(memory)
                }
            };
            let (bytes, data) = memory.data_and_store_mut(&mut caller);
            let mut guest = Guest {
                memory: &mut Slice(bytes),
                exchange: &mut data.exchange,
            };
            act(&mut guest).map_err($error)
        }
    };
}

pub(super) use define_linker;
