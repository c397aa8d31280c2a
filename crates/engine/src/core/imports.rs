//! What modules may import. Each set of functions is one [`ImportSet`]; a new dialect adds one to
//! [`SETS`].

use wasmtime::Linker;

use crate::convention::{command, rego, wapc};
use crate::inspect::{ExternType, FunctionType, Import, ValueType};
use crate::state::State;
use crate::wasi;

/// Everything that modules may import.
pub(crate) static SETS: &[ImportSet] = &[
    wasi::IMPORTS,
    wapc::IMPORTS,
    command::IMPORTS,
    command::IMPORTS_OF_JAVY,
    rego::IMPORTS,
];

/// Functions of the host under one module name.
pub(crate) struct ImportSet {
    /// The first half of the import's name.
    pub(crate) module: &'static str,
    /// The functions with their signatures, to judge a module's imports before it is compiled.
    pub(crate) functions: &'static [Function],
    /// Adds all of `functions` to a linker.
    pub(crate) link: fn(&mut Linker<State>) -> wasmtime::Result<()>,
}

/// The name and signature of a function of the host.
pub(crate) struct Function {
    pub(crate) name: &'static str,
    pub(crate) params: &'static [ValueType],
    pub(crate) results: &'static [ValueType],
}

/// What is wrong with an import.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Mismatch {
    /// The host has nothing of this name.
    Unknown,
    /// The host has a function of this name with another signature.
    Type { expected: FunctionType },
}

/// A linker with every set.
pub(crate) fn linker(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    for set in SETS {
        (set.link)(&mut linker)?;
    }
    Ok(linker)
}

/// Whether the host has what this import wants.
pub(crate) fn check(import: &Import) -> Result<(), Mismatch> {
    let set = SETS
        .iter()
        .find(|set| set.module == import.module)
        .ok_or(Mismatch::Unknown)?;
    let function = set
        .functions
        .iter()
        .find(|function| function.name == import.name)
        .ok_or(Mismatch::Unknown)?;
    match &import.ty {
        ExternType::Function(found)
            if found.params == function.params && found.results == function.results =>
        {
            Ok(())
        }
        _ => Err(Mismatch::Type {
            expected: function.ty(),
        }),
    }
}

impl Function {
    pub(crate) const fn new(
        name: &'static str,
        params: &'static [ValueType],
        results: &'static [ValueType],
    ) -> Self {
        Self {
            name,
            params,
            results,
        }
    }

    fn ty(&self) -> FunctionType {
        FunctionType {
            params: self.params.to_vec(),
            results: self.results.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use wasmtime::{ExternType as Linked, Store, ValType};

    use super::*;
    use crate::engine::wasmtime_engine;
    use crate::{ByteSize, Limits, Options};

    fn value_type(ty: &ValType) -> ValueType {
        match ty {
            ValType::I32 => ValueType::I32,
            ValType::I64 => ValueType::I64,
            other => panic!("no host function takes {other}"),
        }
    }

    #[test]
    fn what_is_linked_is_what_is_declared() {
        let engine = wasmtime_engine(&Options::default()).unwrap();
        let linker = linker(&engine).unwrap();
        let state = State::new(
            Vec::new(),
            &Limits::default(),
            ByteSize::mib(1),
            std::time::Instant::now(),
        );
        let mut store = Store::new(&engine, state);
        let linked: Vec<_> = linker
            .iter(&mut store)
            .map(|(module, name, item)| (module.to_owned(), name.to_owned(), item))
            .collect();
        assert_eq!(
            linked.len(),
            SETS.iter().map(|set| set.functions.len()).sum::<usize>()
        );

        for (module, name, item) in linked {
            let Linked::Func(ty) = item.ty(&store) else {
                panic!("`{name}` is not a function")
            };
            let params = ty.params().map(|ty| value_type(&ty)).collect();
            let results = ty.results().map(|ty| value_type(&ty)).collect();
            let ty = ExternType::Function(FunctionType { params, results }.into());
            let import = Import { module, name, ty };
            assert_eq!(check(&import), Ok(()), "{import:?}");
        }
    }
}
