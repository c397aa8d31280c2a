//! A loaded module: validated, compiled and linked.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use thiserror::Error;
use wasmtime::{InstancePre, ModuleExport};

use crate::convention::entry::INITIALIZE;
use crate::convention::rego::own_memory;
use crate::convention::{Command, Entry, Rego, Wapc};
use crate::engine::Shared;
use crate::guest::MEMORY;
use crate::imports::{self, Mismatch};
use crate::inspect::{
    ExternType, FunctionType, Import, InspectError, Inspection, ValueType, inspect,
};
use crate::limits::TABLE_ELEMENTS_MAX;
use crate::state::State;
use crate::{ByteSize, Digest, wasi};

/// A module that has been validated, compiled and linked. Cheap to clone. Keeps its engine alive.
#[derive(Clone)]
pub struct Module {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Arc<Shared>,
    pre: InstancePre<State>,
    inspection: Inspection,
    code: CodeOrigin,
}

/// Where the compiled code of a module came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeOrigin {
    /// It was compiled now.
    Compiled,
    /// It was found in the code cache.
    Cached,
}

impl Module {
    pub(crate) fn load(engine: Arc<Shared>, wasm: &[u8]) -> Result<Self, LoadError> {
        let inspection = inspect(wasm)?;
        check_imports(&inspection)?;
        check_sizes(&inspection, engine.memory_max)?;
        check_initialize(&inspection)?;

        let (compiled, code) = compile(&engine, &inspection, wasm)?;
        let pre = engine
            .linker
            .instantiate_pre(&compiled)
            .map_err(|error| LoadError::Invalid(error.into()))?;
        Ok(Self {
            inner: Arc::new(Inner {
                engine,
                pre,
                inspection,
                code,
            }),
        })
    }

    /// What the module is known by.
    pub fn digest(&self) -> &Digest {
        &self.inner.inspection.digest
    }

    /// What the module says about itself.
    pub fn inspection(&self) -> &Inspection {
        &self.inner.inspection
    }

    /// Where its compiled code came from.
    pub fn code_origin(&self) -> CodeOrigin {
        self.inner.code
    }

    /// Whether it exports a function of this name.
    pub fn has_function(&self, name: &str) -> bool {
        self.inner
            .inspection
            .export(name)
            .is_some_and(|export| matches!(export.ty, ExternType::Function(_)))
    }

    /// An exported function that reads stdin and writes stdout. Found once, when a module is loaded.
    ///
    /// # Errors
    /// When there is no export of this name, it is not a function, or it takes or answers
    /// something; or the module imports what other conventions have.
    pub fn entry(&self, export: &str) -> Result<Entry, EntryError> {
        Entry::new(self, export)
    }

    /// The module as a program.
    ///
    /// # Errors
    /// When it has no `_start`.
    pub fn command(&self) -> Result<Command, EntryError> {
        Command::new(self)
    }

    /// The module as a waPC guest.
    ///
    /// # Errors
    /// When it lacks `__guest_call`, or exports it with another signature.
    pub fn wapc(&self) -> Result<Wapc, EntryError> {
        Wapc::new(self)
    }

    /// The module as a Rego policy that OPA compiled.
    ///
    /// # Errors
    /// When a function of the compiler's runtime is missing.
    pub fn rego(&self) -> Result<Rego, EntryError> {
        Rego::new(self)
    }

    /// An exported function of this signature.
    pub(crate) fn function(
        &self,
        name: &str,
        params: &[ValueType],
        results: &[ValueType],
    ) -> Result<ModuleExport, EntryError> {
        let expected = FunctionType {
            params: params.to_vec(),
            results: results.to_vec(),
        };
        check_function(&self.inner.inspection, name, &expected)?;
        let index = self.inner.pre.module().get_export_index(name);
        index.ok_or_else(|| missing(&self.inner.inspection, name, &expected))
    }

    /// An exported function that takes and answers nothing, if there is an export of this name.
    pub(crate) fn optional_function(&self, name: &str) -> Result<Option<ModuleExport>, EntryError> {
        match self.inner.inspection.export(name) {
            None => Ok(None),
            Some(_) => self.function(name, &[], &[]).map(Some),
        }
    }

    pub(crate) fn memory_max(&self) -> ByteSize {
        self.inner.engine.memory_max
    }

    pub(crate) fn engine(&self) -> &Shared {
        &self.inner.engine
    }

    pub(crate) fn pre(&self) -> &InstancePre<State> {
        &self.inner.pre
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Module").field(self.digest()).finish()
    }
}

/// The code from the cache, or compiled and put there.
fn compile(
    engine: &Shared,
    inspection: &Inspection,
    wasm: &[u8],
) -> Result<(wasmtime::Module, CodeOrigin), LoadError> {
    let digest = &inspection.digest;
    if let Some(found) = engine
        .cache
        .as_ref()
        .and_then(|cache| cache.find(digest, &engine.wasmtime))
    {
        engine.meter.found();
        return Ok((found, CodeOrigin::Cached));
    }
    let begin = Instant::now();
    let wasm = own_memory::give(wasm).map_err(|error| LoadError::Invalid(error.into()))?;
    let module = wasmtime::Module::from_binary(&engine.wasmtime, &wasm)
        .map_err(|error| LoadError::Invalid(error.into()))?;
    engine.meter.compiled(begin.elapsed());
    if let Some(cache) = &engine.cache {
        cache.keep(digest, &module);
    }
    Ok((module, CodeOrigin::Compiled))
}

/// Everything that is imported must be there, and the functions that are need a memory to work on.
fn check_imports(inspection: &Inspection) -> Result<(), LoadError> {
    let of_functions = |import: &&Import| !own_memory::is_it(import);
    for import in inspection.imports.iter().filter(of_functions) {
        imports::check(import).map_err(|mismatch| match mismatch {
            Mismatch::Unknown => LoadError::UnknownImport {
                module: import.module.clone(),
                name: import.name.clone(),
            },
            Mismatch::Type { expected } => LoadError::ImportType {
                import: Box::new(import.clone()),
                expected,
            },
        })?;
    }
    match inspection.export(MEMORY).map(|export| &export.ty) {
        Some(ExternType::Memory(_)) => Ok(()),
        _ if inspection.imports.is_empty() => Ok(()),
        _ => Err(LoadError::NoMemory),
    }
}

/// Memories and tables must fit into a place of the pool when the instance begins.
fn check_sizes(inspection: &Inspection, memory_max: ByteSize) -> Result<(), LoadError> {
    let imported = inspection
        .imports
        .iter()
        .filter_map(|import| match &import.ty {
            ExternType::Memory(memory) => Some(memory),
            _ => None,
        });
    let memories = inspection.memories.iter().chain(imported);
    let memory = memories.fold(0u64, |sum, memory| {
        sum.saturating_add(memory.initial.bytes())
    });
    if memory > memory_max.bytes() {
        return Err(LoadError::MemoryTooLarge {
            initial: ByteSize::from_bytes(memory),
            max: memory_max,
        });
    }
    let elements = inspection
        .tables
        .iter()
        .fold(0u64, |sum, table| sum.saturating_add(table.initial));
    if elements > u64::from(TABLE_ELEMENTS_MAX) {
        return Err(LoadError::TableTooLarge {
            initial: elements,
            max: TABLE_ELEMENTS_MAX,
        });
    }
    Ok(())
}

fn check_initialize(inspection: &Inspection) -> Result<(), LoadError> {
    if inspection.export(INITIALIZE).is_none() {
        return Ok(());
    }
    check_function(inspection, INITIALIZE, &FunctionType::default()).map_err(LoadError::Initialize)
}

fn check_function(
    inspection: &Inspection,
    name: &str,
    expected: &FunctionType,
) -> Result<(), EntryError> {
    let export = inspection
        .export(name)
        .ok_or_else(|| missing(inspection, name, expected))?;
    match &export.ty {
        ExternType::Function(ty) if **ty == *expected => Ok(()),
        ExternType::Function(ty) => Err(EntryError::Signature {
            export: name.to_owned(),
            found: Box::new((**ty).clone()),
            expected: Box::new(expected.clone()),
        }),
        other => Err(EntryError::NotAFunction {
            export: name.to_owned(),
            found: other.clone(),
        }),
    }
}

fn missing(inspection: &Inspection, name: &str, expected: &FunctionType) -> EntryError {
    let candidate = |ty: &ExternType| matches!(ty, ExternType::Function(ty) if **ty == *expected);
    let exported = inspection
        .exports
        .iter()
        .filter(|export| candidate(&export.ty))
        .map(|export| export.name.clone());
    EntryError::Missing {
        export: name.to_owned(),
        expected: Box::new(expected.clone()),
        exported: exported.collect(),
    }
}

/// A module cannot run in this engine.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The bytes are not a module at all.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// It wants something that the host does not have.
    #[error(
        "it imports `{module}.{name}`, which does not exist here: modules may import {}",
        importable()
    )]
    UnknownImport {
        /// The first half of the import's name.
        module: String,
        /// The second half.
        name: String,
    },
    /// It wants a function that the host has, with another signature.
    #[error(
        "it imports `{}.{}` as {}, but that is function {expected}",
        import.module, import.name, import.ty
    )]
    ImportType {
        /// What the module wants.
        import: Box<Import>,
        /// What the host has.
        expected: FunctionType,
    },
    /// Host functions exchange data through the module's memory, and it keeps that to itself.
    #[error(
        "it imports functions that need its memory, but does not export a memory named `memory`"
    )]
    NoMemory,
    /// It begins with more memory than any call may have.
    #[error("its memory begins with {initial}, more than the {max} that modules may have")]
    MemoryTooLarge {
        /// The sum of its memories.
        initial: ByteSize,
        /// [`Options::memory_max`](crate::Options::memory_max).
        max: ByteSize,
    },
    /// It begins with larger tables than any call may have.
    #[error("its tables begin with {initial} elements, more than the {max} that modules may have")]
    TableTooLarge {
        /// The sum of its tables.
        initial: u64,
        /// The most that is possible.
        max: u32,
    },
    /// `_initialize` cannot be called.
    #[error("its function `_initialize` cannot be called")]
    Initialize(#[source] EntryError),
    /// It is not valid WebAssembly, uses a proposal that is switched off, or is too complex.
    #[error("it is not valid, or uses what this engine does not support")]
    Invalid(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A module does not have the entry point that was asked for.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EntryError {
    /// No export of this name.
    #[error(
        "it does not export `{export}`; it exports {}",
        list(exported, expected)
    )]
    Missing {
        /// What was asked for.
        export: String,
        /// What it would take and answer.
        expected: Box<FunctionType>,
        /// The exported functions that could be entry points.
        exported: Vec<String>,
    },
    /// An export of this name that is no function.
    #[error("its export `{export}` is a {found}, not a function")]
    NotAFunction {
        /// What was asked for.
        export: String,
        /// What it is.
        found: ExternType,
    },
    /// A function with another signature.
    #[error(
        "its function `{export}` has the signature {found}, expected is {}",
        told(expected)
    )]
    Signature {
        /// What was asked for.
        export: String,
        /// What it takes and answers.
        found: Box<FunctionType>,
        /// What it should.
        expected: Box<FunctionType>,
    },
    /// A function of a module that needs a host of another convention.
    #[error(
        "its function `{export}` is an entry point, and modules with entry points may import \
         `{}` alone; it imports `{module}.{name}`",
        wasi::IMPORTS.module
    )]
    Import {
        /// What was asked for.
        export: String,
        /// The first half of the import's name.
        module: String,
        /// The second half.
        name: String,
    },
}

/// A signature, with what the usual one means.
fn told(expected: &FunctionType) -> String {
    if expected.is_nullary() {
        format!(
            "{expected}: entry points take and answer nothing, they read stdin and write stdout"
        )
    } else {
        expected.to_string()
    }
}

fn importable() -> String {
    let names: Vec<_> = imports::SETS
        .iter()
        .map(|set| format!("`{}`", set.module))
        .collect();
    names.join(", ")
}

/// The first names of a list: a module can export any number.
fn list(names: &[String], expected: &FunctionType) -> String {
    const SHOWN: usize = 12;
    let shown: Vec<_> = names
        .iter()
        .take(SHOWN)
        .map(|name| format!("`{name}`"))
        .collect();
    match names.len() {
        0 if expected.is_nullary() => "no function that takes and answers nothing".to_owned(),
        0 => format!("no function {expected}"),
        len if len <= SHOWN => shown.join(", "),
        len => format!(
            "{} and {} more",
            shown.join(", "),
            len.saturating_sub(SHOWN)
        ),
    }
}
