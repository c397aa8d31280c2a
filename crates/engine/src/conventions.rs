//! The calling conventions. Each defines the exports that are called, their order, and the way
//! bytes are passed.
//!
//! | Convention | Called | Bytes are passed |
//! |---|---|---|
//! | [`Entry`] | an exported function, after `_initialize` | over stdin and stdout |
//! | [`Command`] | `_start`, as a program with arguments | over stdin and stdout |
//! | [`Wapc`] | `__guest_call`, after `_start` and `wapc_init` | by functions of module `wapc` |
//! | [`Rego`] | `eval` of a policy that OPA compiled | as values in the module's memory |
//!
//! With every convention, a call has one fresh instance, one deadline and the same limits. Each
//! convention implements the trait [`Convention`] in a file of its own; a folder of the same name
//! contains its imports and state. A new convention is such a file, with its lines here.

mod command;
mod entry;
mod rego;
mod wapc;

pub use self::command::Command;
pub use self::entry::Entry;
pub use self::rego::{Builtins, Rego};
pub use self::wapc::Wapc;

use self::command::CommandConvention;
use self::entry::EntryConvention;
use self::rego::RegoConvention;
use self::wapc::WapcConvention;
use crate::core::convention::Convention;
use crate::core::engine::Engine;
use crate::core::imports::ImportSet;
use crate::core::options::{NewError, Options};

/// Import sets of each convention.
const IMPORTS: &[&[ImportSet]] = &[
    EntryConvention::IMPORTS,
    CommandConvention::IMPORTS,
    WapcConvention::IMPORTS,
    RegoConvention::IMPORTS,
];

impl Engine {
    /// Creates an engine. Reserves address space (4 GiB for each concurrent call) and starts one
    /// thread.
    ///
    /// # Errors
    /// Returns an error if the operating system refuses either, or an option is out of range.
    pub fn new(options: Options) -> Result<Self, NewError> {
        Self::with_imports(options, IMPORTS)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use wasmtime::{ExternType as Linked, Linker, Store, ValType};

    use super::*;
    use crate::core::byte_size::ByteSize;
    use crate::core::imports;
    use crate::core::inspect::{ExternType, FunctionType, Import, ValueType};
    use crate::core::limits::Limits;
    use crate::core::pool::wasmtime_engine;
    use crate::core::state::CallState;

    fn value_type(ty: &ValType) -> ValueType {
        match ty {
            ValType::I32 => ValueType::I32,
            ValType::I64 => ValueType::I64,
            other => panic!("no host function has a parameter of type {other}"),
        }
    }

    /// Checks that a convention links exactly the functions that it declares.
    fn check<C: Convention>(state: C::State) {
        let engine = wasmtime_engine(&Options::default()).unwrap();
        let mut linker = Linker::new(&engine);
        C::link(&mut linker).unwrap();
        let limits = Limits::default();
        let state = CallState::new(state, &limits, ByteSize::mib(1), Instant::now());
        let mut store = Store::new(&engine, state);
        let linked: Vec<_> = linker
            .iter(&mut store)
            .map(|(module, name, item)| (module.to_owned(), name.to_owned(), item))
            .collect();
        let declared: usize = C::IMPORTS.iter().map(|set| set.functions.len()).sum();
        assert_eq!(linked.len(), declared);

        for (module, name, item) in linked {
            let Linked::Func(ty) = item.ty(&store) else {
                panic!("`{name}` is not a function")
            };
            let params = ty.params().map(|ty| value_type(&ty)).collect();
            let results = ty.results().map(|ty| value_type(&ty)).collect();
            let ty = ExternType::Function(FunctionType { params, results }.into());
            let import = Import { module, name, ty };
            assert_eq!(
                imports::check(&import, C::IMPORTS, &[]),
                Ok(()),
                "{import:?}"
            );
        }
    }

    #[test]
    fn links_exactly_the_declared_functions() {
        let limits = Limits::default();
        check::<EntryConvention>(entry::State::new(Vec::new(), &limits));
        check::<CommandConvention>(command::State::new(&[], Vec::new(), None, &limits));
        check::<WapcConvention>(wapc::State::new("", Vec::new(), None, &limits));
        check::<RegoConvention>(rego::State::new(None, &limits));
    }
}
