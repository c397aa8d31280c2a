//! A loaded module and its entry points.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;
use wasmtime::{InstancePre, ModuleExport};

use crate::engine::Shared;
use crate::guest::MEMORY;
use crate::imports::{self, Mismatch};
use crate::inspect::{ExternType, FunctionType, Import, InspectError, Inspection, inspect};
use crate::limits::TABLE_ELEMENTS_MAX;
use crate::state::State;
use crate::{ByteSize, Digest};

/// The function that prepares a reactor; it runs before the entry point in each instance.
const INITIALIZE: &str = "_initialize";

/// A module that has been validated, compiled and linked. Cheap to clone. Keeps its engine alive.
#[derive(Clone)]
pub struct Module {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Arc<Shared>,
    pre: InstancePre<State>,
    inspection: Inspection,
    initialize: Option<ModuleExport>,
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

/// A function of a module that can be called: it takes and answers nothing, and speaks through the
/// standard streams. Cheap to clone.
#[derive(Clone)]
pub struct Entry {
    module: Module,
    name: Arc<str>,
    export: ModuleExport,
}

impl Module {
    pub(crate) fn load(engine: Arc<Shared>, wasm: &[u8]) -> Result<Self, LoadError> {
        let inspection = inspect(wasm)?;
        check_imports(&inspection)?;
        check_sizes(&inspection, engine.memory_max)?;
        let initialize = check_initialize(&inspection)?;

        let (compiled, code) = compile(&engine, &inspection.digest, wasm)?;
        let pre = engine
            .linker
            .instantiate_pre(&compiled)
            .map_err(|error| LoadError::Invalid(error.into()))?;
        let initialize = initialize.and_then(|name| compiled.get_export_index(name));
        Ok(Self {
            inner: Arc::new(Inner {
                engine,
                pre,
                inspection,
                initialize,
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

    /// Finds the function that calls go to. Done once, when a module is loaded.
    ///
    /// # Errors
    /// When there is no export of this name, it is not a function, or it takes or answers
    /// something.
    pub fn entry(&self, export: &str) -> Result<Entry, EntryError> {
        check_nullary(&self.inner.inspection, export)?;
        let index = self
            .inner
            .pre
            .module()
            .get_export_index(export)
            .ok_or_else(|| self.missing(export))?;
        Ok(Entry {
            module: self.clone(),
            name: export.into(),
            export: index,
        })
    }

    pub(crate) fn engine(&self) -> &Shared {
        &self.inner.engine
    }

    pub(crate) fn pre(&self) -> &InstancePre<State> {
        &self.inner.pre
    }

    pub(crate) fn initialize(&self) -> Option<&ModuleExport> {
        self.inner.initialize.as_ref()
    }

    fn missing(&self, export: &str) -> EntryError {
        missing(&self.inner.inspection, export)
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Module").field(self.digest()).finish()
    }
}

impl Entry {
    /// The module it belongs to.
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// The name of the export.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn export(&self) -> &ModuleExport {
        &self.export
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("module", self.module.digest())
            .field("name", &self.name)
            .finish()
    }
}

/// The code from the cache, or compiled and put there.
fn compile(
    engine: &Shared,
    digest: &Digest,
    wasm: &[u8],
) -> Result<(wasmtime::Module, CodeOrigin), LoadError> {
    if let Some(found) = engine
        .cache
        .as_ref()
        .and_then(|cache| cache.find(digest, &engine.wasmtime))
    {
        return Ok((found, CodeOrigin::Cached));
    }
    let module = wasmtime::Module::from_binary(&engine.wasmtime, wasm)
        .map_err(|error| LoadError::Invalid(error.into()))?;
    if let Some(cache) = &engine.cache {
        cache.keep(digest, &module);
    }
    Ok((module, CodeOrigin::Compiled))
}

/// Everything that is imported must be there, and the functions that are need a memory to work on.
fn check_imports(inspection: &Inspection) -> Result<(), LoadError> {
    for import in &inspection.imports {
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
    let memory = inspection.memories.iter().fold(0u64, |sum, memory| {
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

/// The name of the function that prepares the instance, when there is one.
fn check_initialize(inspection: &Inspection) -> Result<Option<&'static str>, LoadError> {
    if inspection.export(INITIALIZE).is_none() {
        return Ok(None);
    }
    check_nullary(inspection, INITIALIZE).map_err(LoadError::Initialize)?;
    Ok(Some(INITIALIZE))
}

fn check_nullary(inspection: &Inspection, name: &str) -> Result<(), EntryError> {
    let export = inspection
        .export(name)
        .ok_or_else(|| missing(inspection, name))?;
    match &export.ty {
        ExternType::Function(ty) if ty.is_nullary() => Ok(()),
        ExternType::Function(ty) => Err(EntryError::Signature {
            export: name.to_owned(),
            found: (**ty).clone(),
        }),
        other => Err(EntryError::NotAFunction {
            export: name.to_owned(),
            found: other.clone(),
        }),
    }
}

fn missing(inspection: &Inspection, name: &str) -> EntryError {
    let candidate = |ty: &ExternType| matches!(ty, ExternType::Function(ty) if ty.is_nullary());
    let exported = inspection
        .exports
        .iter()
        .filter(|export| candidate(&export.ty))
        .map(|export| export.name.clone());
    EntryError::Missing {
        export: name.to_owned(),
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
    #[error("it does not export `{export}`; it exports {}", list(exported))]
    Missing {
        /// What was asked for.
        export: String,
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
    /// A function with parameters or results.
    #[error(
        "its function `{export}` has the signature {found}, but entry points take and answer nothing: they read stdin and write stdout"
    )]
    Signature {
        /// What was asked for.
        export: String,
        /// What it takes and answers.
        found: FunctionType,
    },
}

fn importable() -> String {
    let names: Vec<_> = imports::SETS
        .iter()
        .map(|set| format!("`{}`", set.module))
        .collect();
    names.join(" and ")
}

/// The first names of a list: a module can export any number.
fn list(names: &[String]) -> String {
    const SHOWN: usize = 12;
    let shown: Vec<_> = names
        .iter()
        .take(SHOWN)
        .map(|name| format!("`{name}`"))
        .collect();
    match names.len() {
        0 => "no function that takes and answers nothing".to_owned(),
        len if len <= SHOWN => shown.join(", "),
        len => format!(
            "{} and {} more",
            shown.join(", "),
            len.saturating_sub(SHOWN)
        ),
    }
}
