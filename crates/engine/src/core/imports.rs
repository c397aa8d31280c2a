//! Host functions that modules can import, as declarations: names and signatures.
//!
//! The declarations are checked before a module is compiled, and before its calling convention is
//! known. Each convention links the functions that it declares.

use crate::core::inspect::{ExternType, FunctionType, Import, ValueType};

/// Host functions under one module name.
pub(crate) struct ImportSet {
    /// Module name of the imports, such as `wasi_snapshot_preview1`.
    pub(crate) module: &'static str,
    /// Functions of the set.
    pub(crate) functions: &'static [Function],
    /// Memory of the set, if its modules import their memory.
    pub(crate) memory: Option<MemoryImport>,
}

/// The name and signature of a host function.
pub(crate) struct Function {
    pub(crate) name: &'static str,
    pub(crate) params: &'static [ValueType],
    pub(crate) results: &'static [ValueType],
}

/// A memory that modules import. The loader gives each module a memory of its own in its place, so
/// that it comes from the pool.
pub(crate) struct MemoryImport {
    pub(crate) name: &'static str,
    /// Minimum initial size, in pages of 64 KiB.
    pub(crate) min_pages: u64,
}

/// A second name for a set of host functions. A module that imports from `alias` gets the functions
/// of `module`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportAlias {
    /// The additional name.
    pub alias: &'static str,
    /// Name of a set that a calling convention provides.
    pub module: &'static str,
}

/// An import that no set provides.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Mismatch {
    /// No set has a function of this name.
    Unknown,
    /// A set has a function of this name with another signature.
    Signature { expected: FunctionType },
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

    fn has_type(&self, ty: &ExternType) -> bool {
        matches!(ty, ExternType::Function(ty)
            if ty.params == self.params && ty.results == self.results)
    }
}

/// Checks that one of `sets` provides `import`.
pub(crate) fn check<'a>(
    import: &Import,
    sets: impl IntoIterator<Item = &'a ImportSet>,
    aliases: &[ImportAlias],
) -> Result<(), Mismatch> {
    let module = resolve(&import.module, aliases);
    let mut mismatch = Mismatch::Unknown;
    for set in sets.into_iter().filter(|set| set.module == module) {
        if memory_in(set, import).is_some() {
            return Ok(());
        }
        let mut functions = set.functions.iter();
        match functions.find(|function| function.name == import.name) {
            Some(function) if function.has_type(&import.ty) => return Ok(()),
            Some(function) => {
                let expected = function.ty();
                mismatch = Mismatch::Signature { expected };
            }
            None => {}
        }
    }
    Err(mismatch)
}

/// Returns the declaration of the memory that `import` names, if one of `sets` has one.
pub(crate) fn find_memory<'a>(
    import: &Import,
    sets: impl IntoIterator<Item = &'a ImportSet>,
    aliases: &[ImportAlias],
) -> Option<&'a MemoryImport> {
    let module = resolve(&import.module, aliases);
    let mut sets = sets.into_iter().filter(|set| set.module == module);
    sets.find_map(|set| memory_in(set, import))
}

/// Returns the module names of `sets` and their `aliases`, each once.
pub(crate) fn module_names<'a>(
    sets: impl IntoIterator<Item = &'a ImportSet>,
    aliases: &[ImportAlias],
) -> Vec<&'static str> {
    let mut names = Vec::new();
    for set in sets {
        if !names.contains(&set.module) {
            names.push(set.module);
        }
    }
    let of_sets = |alias: &&ImportAlias| names.contains(&alias.module);
    let aliases: Vec<_> = aliases.iter().filter(of_sets).collect();
    names.extend(aliases.into_iter().map(|alias| alias.alias));
    names
}

fn resolve<'a>(module: &'a str, aliases: &[ImportAlias]) -> &'a str {
    let alias = aliases.iter().find(|alias| alias.alias == module);
    alias.map_or(module, |alias| alias.module)
}

fn memory_in<'a>(set: &'a ImportSet, import: &Import) -> Option<&'a MemoryImport> {
    let memory = set.memory.as_ref()?;
    let is_memory = matches!(import.ty, ExternType::Memory(_)) && import.name == memory.name;
    is_memory.then_some(memory)
}
