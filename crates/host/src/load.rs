//! From a checked configuration to loaded policies; every policy that cannot be loaded is told, not just the first.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use access::{Plane, PolicyName, admission, authn, authz};
use engine::{Engine, Module};

use crate::config::{Configuration, Dialect, Policy, Position};
use crate::dialect;
use crate::host::Host;
use crate::policy::LoadedPolicy;

/// Where a module's bytes come from. Files today; a new source is a new implementation, the host stays as it is.
pub trait ModuleSource {
    /// The bytes of a module.
    ///
    /// # Errors
    /// When they cannot be had.
    fn read(&self, module: &Path) -> io::Result<Vec<u8>>;
}

/// Modules in files.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileModules;

/// No real module comes near; reading a disk image by mistake should not take the memory of the machine.
const MODULE_BYTES_MAX: u64 = 256 << 20;

impl ModuleSource for FileModules {
    fn read(&self, module: &Path) -> io::Result<Vec<u8>> {
        let size = std::fs::metadata(module)?.len();
        if size > MODULE_BYTES_MAX {
            let message = format!("the file has {size} bytes, at most {MODULE_BYTES_MAX} are read");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        std::fs::read(module)
    }
}

/// A policy could not be loaded.
#[derive(Debug, thiserror::Error)]
#[error("{position}: failed to load policy `{policy}` from `{}`", module.display())]
pub struct LoadError {
    /// The policy.
    pub policy: PolicyName,
    /// Its place in the configuration.
    pub position: Position,
    /// The module's file.
    pub module: PathBuf,
    /// What went wrong.
    #[source]
    pub kind: LoadErrorKind,
}

/// Why a policy could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadErrorKind {
    /// The bytes cannot be had.
    #[error("the file cannot be read: {0}")]
    Read(io::Error),
    /// The bytes are no module that can be run.
    #[error(transparent)]
    Module(#[from] engine::LoadError),
    /// The module does not have the entry point that its place in the configuration asks for.
    #[error(transparent)]
    EntryPoint(#[from] engine::EntryError),
    /// The file is not of the dialect that the configuration insists on.
    #[error("the configuration says `type: {}`, but the file is {}", told(*.configured), described(*.found))]
    Dialect {
        /// What the configuration says.
        configured: Dialect,
        /// What the file is.
        found: Dialect,
    },
    /// A dialect that is known but cannot be run.
    #[error(
        "the file is a Kubewarden policy; this version runs modules of the k8s-wasm specification only"
    )]
    Kubewarden,
}

fn told(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Wasi => "wasi",
        Dialect::Kubewarden => "kubewarden",
    }
}

fn described(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Wasi => "no Kubewarden policy",
        Dialect::Kubewarden => "a Kubewarden policy",
    }
}

/// Every policy that could not be loaded. Never empty.
#[derive(Debug, thiserror::Error)]
pub struct LoadErrors(pub Vec<LoadError>);

impl fmt::Display for LoadErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let separator = if index > 0 { "\n" } else { "" };
            write!(formatter, "{separator}{error}")?;
            let mut source = std::error::Error::source(error);
            while let Some(cause) = source {
                write!(formatter, ": {cause}")?;
                source = cause.source();
            }
        }
        Ok(())
    }
}

/// Loads everything that a configuration names.
pub(crate) fn host(
    config: &Configuration,
    modules: &dyn ModuleSource,
    engine: &Engine,
) -> Result<Host, LoadErrors> {
    let mut loader = Loader {
        modules,
        engine,
        loaded: HashMap::new(),
        errors: Vec::new(),
    };
    let mut host = Host {
        authentication: Default::default(),
        authorization: Default::default(),
        mutation: Default::default(),
        validation: Default::default(),
    };
    for entry in &config.authentication {
        if let Some(loaded) = loader.load(&entry.policy, Plane::Authentication) {
            let name = entry.policy.name.clone();
            let rules = authn::Policy {
                name,
                system_names: entry.system_names,
            };
            host.authentication.push(rules, loaded);
        }
    }
    for entry in &config.authorization {
        if let Some(loaded) = loader.load(&entry.policy, Plane::Authorization) {
            let name = entry.policy.name.clone();
            host.authorization.push(
                authz::Policy {
                    name,
                    on_failure: entry.on_failure,
                },
                loaded,
            );
        }
    }
    for entry in &config.admission {
        let (plane, chain) = if entry.mutating {
            (Plane::Mutation, &mut host.mutation)
        } else {
            (Plane::Validation, &mut host.validation)
        };
        if let Some(loaded) = loader.load(&entry.policy, plane) {
            let rules = admission::Policy {
                name: entry.policy.name.clone(),
                rules: entry.rules.clone(),
                on_failure: entry.on_failure,
            };
            chain.push(rules, loaded);
        }
    }
    if loader.errors.is_empty() {
        Ok(host)
    } else {
        Err(LoadErrors(loader.errors))
    }
}

struct Loader<'a> {
    modules: &'a dyn ModuleSource,
    engine: &'a Engine,
    /// One module may serve several policies; it is compiled once.
    loaded: HashMap<PathBuf, (Module, Dialect)>,
    errors: Vec<LoadError>,
}

impl Loader<'_> {
    fn load(&mut self, policy: &Policy, plane: Plane) -> Option<LoadedPolicy> {
        self.try_load(policy, plane)
            .map_err(|kind| {
                self.errors.push(LoadError {
                    policy: policy.name.clone(),
                    position: policy.position.clone(),
                    module: policy.module.clone(),
                    kind,
                });
            })
            .ok()
    }

    fn try_load(&mut self, policy: &Policy, plane: Plane) -> Result<LoadedPolicy, LoadErrorKind> {
        let (module, found) = self.module(&policy.module)?;
        if let Some(configured) = policy.dialect
            && configured != found
        {
            return Err(LoadErrorKind::Dialect { configured, found });
        }
        let (entry, entry_point) = entry_point(&module, plane)?;
        Ok(LoadedPolicy::new(policy, &module, entry, entry_point))
    }

    fn module(&mut self, path: &Path) -> Result<(Module, Dialect), LoadErrorKind> {
        if let Some(loaded) = self.loaded.get(path) {
            return Ok(loaded.clone());
        }
        let bytes = self.modules.read(path).map_err(LoadErrorKind::Read)?;
        // What cannot be inspected cannot be loaded either, and loading tells better why.
        let found =
            engine::inspect(&bytes).map_or(Dialect::Wasi, |module| dialect::detect(&module));
        if found == Dialect::Kubewarden {
            return Err(LoadErrorKind::Kubewarden);
        }
        let module = self.engine.load(&bytes)?;
        self.loaded.insert(path.to_owned(), (module.clone(), found));
        Ok((module, found))
    }
}

/// The entry point that a plane calls. A mutating policy without `mutate` is asked by `validate`, as in the original
/// specification.
fn entry_point(
    module: &Module,
    plane: Plane,
) -> Result<(engine::Entry, &'static str), engine::EntryError> {
    let name = match plane {
        Plane::Authentication => "authn",
        Plane::Authorization => "authz",
        Plane::Mutation if module.has_function("mutate") => "mutate",
        Plane::Mutation | Plane::Validation => "validate",
    };
    Ok((module.entry(name)?, name))
}
