//! Modules of policies: their sources, protocols and metadata.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::{Engine, Inspection, Module};
use kubewarden::Metadata;

use super::error::LoadErrorKind;
use config::{AdmissionModule, Protocol};

/// The maximum size of a module file in bytes. Far above real modules; prevents reading a disk
/// image into memory by mistake.
const MAX_MODULE_BYTES: u64 = 256 << 20;

/// A source of modules.
pub trait ModuleSource {
    /// Reads the bytes of a module.
    ///
    /// # Errors
    /// Fails if the module cannot be read.
    fn read(&self, module: &Path) -> io::Result<Vec<u8>>;
}

/// A source that reads modules from files.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileModules;

impl ModuleSource for FileModules {
    fn read(&self, module: &Path) -> io::Result<Vec<u8>> {
        let size = std::fs::metadata(module)?.len();
        if size > MAX_MODULE_BYTES {
            let message = format!("the file has {size} bytes; the maximum is {MAX_MODULE_BYTES}");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        std::fs::read(module)
    }
}

/// Returns the protocol of a module: Kubewarden's if it is a Kubewarden policy, otherwise the
/// project's own.
#[must_use]
pub fn detect_protocol(module: &Inspection) -> Protocol {
    if kubewarden::is_policy(module) {
        Protocol::Kubewarden
    } else {
        Protocol::Wasi
    }
}

/// A compiled module, its protocol and its metadata.
#[derive(Clone)]
pub(super) struct CompiledModule {
    pub(super) module: Module,
    pub(super) protocol: Protocol,
    pub(super) metadata: Option<Arc<Metadata>>,
}

/// The modules that were compiled so far. A module of several policies is compiled once.
pub(super) struct Modules<'a> {
    source: &'a dyn ModuleSource,
    engine: &'a Engine,
    compiled: HashMap<PathBuf, CompiledModule>,
}

impl<'a> Modules<'a> {
    pub(super) fn new(source: &'a dyn ModuleSource, engine: &'a Engine) -> Self {
        Self {
            source,
            engine,
            compiled: HashMap::new(),
        }
    }

    /// Returns a module and checks its protocol against the configured one.
    pub(super) fn get_checked(
        &mut self,
        module: &AdmissionModule,
    ) -> Result<CompiledModule, LoadErrorKind> {
        let compiled = self.get(&module.path)?;
        match module.protocol {
            Some(configured) if configured != compiled.protocol => Err(LoadErrorKind::Protocol {
                configured,
                found: compiled.protocol,
            }),
            _ => Ok(compiled),
        }
    }

    /// Returns a module, whatever its protocol.
    pub(super) fn get(&mut self, path: &Path) -> Result<CompiledModule, LoadErrorKind> {
        match self.compiled.get(path) {
            Some(compiled) => Ok(compiled.clone()),
            None => self.compile(path),
        }
    }

    fn compile(&mut self, path: &Path) -> Result<CompiledModule, LoadErrorKind> {
        let bytes = self.source.read(path).map_err(LoadErrorKind::Read)?;
        let module = self
            .engine
            .load_with_aliases(&bytes, kubewarden::IMPORT_ALIASES)?;
        let metadata = Metadata::from_module(&bytes, module.inspection())?;
        let compiled = CompiledModule {
            protocol: detect_protocol(module.inspection()),
            module,
            metadata: metadata.map(Arc::new),
        };
        self.compiled.insert(path.to_owned(), compiled.clone());
        Ok(compiled)
    }
}
