//! Our own convention: an exported function that reads stdin and writes stdout.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use wasmtime::ModuleExport;

use crate::call::{self, CallFailed, Output, Running};
use crate::limits::Limits;
use crate::module::{EntryError, Module};
use crate::state::State;
use crate::wasi;

/// The function that prepares a reactor; it runs before the entry point in each instance.
pub(crate) const INITIALIZE: &str = "_initialize";

/// A function of a module that can be called: it takes and answers nothing, and speaks through the
/// standard streams. Cheap to clone.
#[derive(Clone)]
pub struct Entry {
    module: Module,
    name: Arc<str>,
    export: ModuleExport,
    initialize: Option<ModuleExport>,
}

impl Entry {
    pub(crate) fn new(module: &Module, name: &str) -> Result<Self, EntryError> {
        let export = module.function(name, &[], &[])?;
        check_imports(module, name)?;
        Ok(Self {
            export,
            initialize: module.optional_function(INITIALIZE)?,
            module: module.clone(),
            name: name.into(),
        })
    }

    /// The module it belongs to.
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// The name of the export.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Calls the entry point in a fresh instance: the start section, `_initialize`, then the
    /// function, all before one `deadline` and within `limits`. What the module reads from stdin is
    /// `stdin`.
    ///
    /// Runs in a Tokio runtime with time enabled, of any kind. A long call yields about every
    /// millisecond. Dropping the future ends the call and frees the instance.
    ///
    /// # Errors
    /// When the module did not come to its end, or left with an exit code other than 0; with its
    /// log and what it took.
    pub async fn call(
        &self,
        stdin: impl Into<Vec<u8>>,
        limits: &Limits,
        deadline: Instant,
    ) -> Result<Output, CallFailed> {
        self.call_with(stdin.into(), limits, deadline).await
    }

    async fn call_with(
        &self,
        stdin: Vec<u8>,
        limits: &Limits,
        deadline: Instant,
    ) -> Result<Output, CallFailed> {
        call::check_input(stdin.len(), limits)?;
        let state = State::new(stdin, limits, self.module.memory_max(), deadline);
        let run = async |running: &mut Running| {
            if let Some(initialize) = &self.initialize {
                running.nullary(initialize).await?;
            }
            running.nullary(&self.export).await
        };
        let ended = call::once(&self.module, state, limits, run).await?;
        Ok(ended.into_output())
    }
}

/// The functions of other conventions are linked too, but to an entry point nobody would answer them.
fn check_imports(module: &Module, name: &str) -> Result<(), EntryError> {
    let imports = &module.inspection().imports;
    let foreign = imports
        .iter()
        .find(|import| import.module != wasi::IMPORTS.module);
    foreign.map_or(Ok(()), |import| {
        Err(EntryError::Import {
            export: name.to_owned(),
            module: import.module.clone(),
            name: import.name.clone(),
        })
    })
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("module", self.module.digest())
            .field("name", &self.name)
            .finish()
    }
}
