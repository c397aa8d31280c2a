//! Loaded modules: validated and compiled, not yet bound to a calling convention.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::core::byte_size::ByteSize;
use crate::core::digest::Digest;
use crate::core::exports::{self, EntryError, Exports, INITIALIZE, format_list};
use crate::core::imports::{self, ImportAlias, Mismatch};
use crate::core::inspect::{ExternType, FunctionType, Import, InspectError, Inspection, inspect};
use crate::core::limits::MAX_TABLE_ELEMENTS;
use crate::core::memory::MEMORY;
use crate::core::rewrite::{self, MemoryName};
use crate::core::runtime::{CodeOrigin, Runtime};

/// A module that has been validated and compiled. It keeps its engine alive. Cloning is cheap.
///
/// It can be called once its calling convention is chosen, for example with [`Module::entry`]. All
/// conventions share the compiled code.
#[derive(Clone)]
pub struct Module {
    inner: Arc<Inner>,
}

struct Inner {
    runtime: Arc<Runtime>,
    compiled: wasmtime::Module,
    inspection: Inspection,
    code: CodeOrigin,
    aliases: &'static [ImportAlias],
}

impl Module {
    pub(crate) fn load(
        runtime: Arc<Runtime>,
        wasm: &[u8],
        aliases: &'static [ImportAlias],
    ) -> Result<Self, LoadError> {
        let inspection = inspect(wasm)?;
        check_imports(&runtime, &inspection, aliases)?;
        check_sizes(&inspection, runtime.max_memory)?;
        check_initialize(&inspection)?;
        let (compiled, code) = runtime.compile(&inspection.digest, || {
            define_imported_memory(&runtime, &inspection, wasm, aliases)
        })?;
        Ok(Self {
            inner: Arc::new(Inner {
                runtime,
                compiled,
                inspection,
                code,
                aliases,
            }),
        })
    }

    /// Returns the digest of the module's bytes.
    pub fn digest(&self) -> &Digest {
        &self.inner.inspection.digest
    }

    /// Returns the imports, exports and sections of the module.
    pub fn inspection(&self) -> &Inspection {
        &self.inner.inspection
    }

    /// Returns the origin of the compiled code.
    pub fn code_origin(&self) -> CodeOrigin {
        self.inner.code
    }

    /// Returns true if the module exports a function named `name`.
    pub fn has_function(&self, name: &str) -> bool {
        self.inner
            .inspection
            .export(name)
            .is_some_and(|export| matches!(export.ty, ExternType::Function(_)))
    }

    pub(crate) fn exports(&self) -> Exports<'_> {
        Exports::new(&self.inner.inspection, &self.inner.compiled)
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        &self.inner.runtime
    }

    pub(crate) fn compiled(&self) -> &wasmtime::Module {
        &self.inner.compiled
    }

    pub(crate) fn aliases(&self) -> &'static [ImportAlias] {
        self.inner.aliases
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Module").field(self.digest()).finish()
    }
}

/// Checks that a calling convention provides each import, and that a module with imports exports
/// the memory that host functions access.
fn check_imports(
    runtime: &Runtime,
    inspection: &Inspection,
    aliases: &[ImportAlias],
) -> Result<(), LoadError> {
    for import in &inspection.imports {
        imports::check(import, runtime.imports(), aliases).map_err(|mismatch| match mismatch {
            Mismatch::Unknown => LoadError::UnknownImport {
                module: import.module.clone(),
                name: import.name.clone(),
                importable: imports::module_names(runtime.imports(), aliases),
            },
            Mismatch::Signature { expected } => LoadError::ImportType {
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

/// Checks that the initial memories and tables fit into the pool.
fn check_sizes(inspection: &Inspection, max_memory: ByteSize) -> Result<(), LoadError> {
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
    if memory > max_memory.bytes() {
        return Err(LoadError::MemoryTooLarge {
            initial: ByteSize::from_bytes(memory),
            max: max_memory,
        });
    }
    let elements = inspection
        .tables
        .iter()
        .fold(0u64, |sum, table| sum.saturating_add(table.initial));
    if elements > u64::from(MAX_TABLE_ELEMENTS) {
        return Err(LoadError::TableTooLarge {
            initial: elements,
            max: MAX_TABLE_ELEMENTS,
        });
    }
    Ok(())
}

fn check_initialize(inspection: &Inspection) -> Result<(), LoadError> {
    if inspection.export(INITIALIZE).is_none() {
        return Ok(());
    }
    exports::check_function(inspection, INITIALIZE, &FunctionType::default())
        .map_err(LoadError::Initialize)
}

/// Gives the module a memory of its own in place of the one that it imports, if any.
fn define_imported_memory<'a>(
    runtime: &Runtime,
    inspection: &Inspection,
    wasm: &'a [u8],
    aliases: &[ImportAlias],
) -> Result<Cow<'a, [u8]>, LoadError> {
    let memory = inspection.imports.iter().find_map(|import| {
        let memory = imports::find_memory(import, runtime.imports(), aliases)?;
        Some((import, memory.min_pages))
    });
    let Some((import, min_pages)) = memory else {
        return Ok(Cow::Borrowed(wasm));
    };
    let name = MemoryName {
        module: &import.module,
        name: &import.name,
    };
    rewrite::define_imported_memory(wasm, name, min_pages)
        .map_err(|error| LoadError::Invalid(error.into()))
}

/// An error for a module that cannot run in this engine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The bytes are not a module.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// The host does not provide an import.
    #[error(
        "unknown import `{module}.{name}`: modules can import from {}",
        format_list(importable)
    )]
    UnknownImport {
        /// Module name of the import.
        module: String,
        /// Name of the import.
        name: String,
        /// Module names that the calling conventions provide.
        importable: Vec<&'static str>,
    },
    /// The host provides an import with another signature.
    #[error(
        "the module imports `{}.{}` as {}, but the host provides function {expected}",
        import.module, import.name, import.ty
    )]
    ImportType {
        /// The import.
        import: Box<Import>,
        /// Signature of the host function.
        expected: FunctionType,
    },
    /// Host functions exchange data through the module's memory, which is not exported.
    #[error(
        "the module imports functions that access its memory, but does not export a memory named \
         `memory`"
    )]
    NoMemory,
    /// The initial memory is larger than any call may use.
    #[error("the initial memory of the module is {initial}, more than the maximum of {max}")]
    MemoryTooLarge {
        /// Sum of the initial memories.
        initial: ByteSize,
        /// The limit [`Options::max_memory`](crate::Options::max_memory).
        max: ByteSize,
    },
    /// The initial tables are larger than any call may use.
    #[error(
        "the initial tables of the module have {initial} elements, more than the maximum of {max}"
    )]
    TableTooLarge {
        /// Sum of the initial table sizes, in elements.
        initial: u64,
        /// The limit, in elements.
        max: u32,
    },
    /// The function `_initialize` cannot be called.
    #[error("the function `_initialize` cannot be called")]
    Initialize(#[source] EntryError),
    /// The module is not valid WebAssembly, uses a disabled proposal, or is too complex.
    #[error("the module is invalid or uses an unsupported WebAssembly feature")]
    Invalid(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<wasmtime::Error> for LoadError {
    fn from(error: wasmtime::Error) -> Self {
        Self::Invalid(error.into())
    }
}
