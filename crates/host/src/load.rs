//! From a checked configuration to loaded policies; every policy that cannot be loaded is told, not just the first.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use access::{Plane, PolicyName, admission, authn, authz};
use capabilities::Capabilities;
use engine::{Engine, Module};
use kubewarden::{Group, Member, Metadata};

use crate::dialect;
use crate::host::Host;
use crate::policy::{LoadedPolicy, OwnModule, Program};
use crate::wait::{NoRuntime, wait_for};
use config::{AdmissionModule, AdmissionPolicy, Configuration, Dialect, Policy, Position};

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
    /// The metadata of a Kubewarden policy asks for what this host does not have, or cannot be read.
    #[error(transparent)]
    Metadata(#[from] kubewarden::MetadataError),
    /// A Kubewarden policy cannot be run in its mode.
    #[error(transparent)]
    Mode(#[from] kubewarden::ModeError),
    /// The configuration has settings that no Kubewarden policy could take.
    #[error(transparent)]
    Kubewarden(#[from] kubewarden::LoadError),
    /// A Kubewarden policy does not accept its settings.
    #[error(transparent)]
    Settings(#[from] kubewarden::SettingsError),
    /// Kubewarden policies decide about objects; who a caller is and what it may do is asked by other reviews.
    #[error("the file is a Kubewarden policy: those decide about objects only, under `admission`")]
    KubewardenElsewhere,
    /// No thread to ask a policy about its settings.
    #[error("the policy could not be asked about its settings: {0}")]
    Runtime(#[from] NoRuntime),
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
    capabilities: &Capabilities,
) -> Result<Host, LoadErrors> {
    let mut loader = Loader {
        modules,
        engine,
        capabilities,
        admission_share: admission_share(config),
        loaded: HashMap::new(),
        errors: Vec::new(),
    };
    let mut host = Host {
        engine: engine.clone(),
        audit_trace: config.audit_trace,
        authentication: Default::default(),
        authorization: Default::default(),
        mutation: Default::default(),
        validation: Default::default(),
    };
    for entry in &config.authentication {
        let loaded = loader.own(&entry.policy, &entry.module, Plane::Authentication);
        if let Some(loaded) = loaded {
            let name = entry.policy.name.clone();
            let rules = authn::Policy {
                name,
                system_names: entry.system_names,
                mode: entry.mode,
            };
            host.authentication.push(rules, loaded);
        }
    }
    for entry in &config.authorization {
        let loaded = loader.own(&entry.policy, &entry.module, Plane::Authorization);
        if let Some(loaded) = loaded {
            let name = entry.policy.name.clone();
            host.authorization.push(
                authz::Policy {
                    name,
                    on_failure: entry.on_failure,
                    mode: entry.mode,
                },
                loaded,
            );
        }
    }
    for entry in &config.admission {
        let chain = if entry.mutating {
            &mut host.mutation
        } else {
            &mut host.validation
        };
        if let Some(loaded) = loader.admitter(entry) {
            let rules = admission::Policy {
                name: entry.policy.name.clone(),
                rules: entry.rules.clone(),
                on_failure: entry.on_failure,
                mode: entry.mode,
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
    capabilities: &'a Capabilities,
    admission_share: engine::Share,
    /// One module may serve several policies; it is compiled once.
    loaded: HashMap<PathBuf, Loaded>,
    errors: Vec<LoadError>,
}

/// A module and what it says of itself.
#[derive(Clone)]
struct Loaded {
    module: Module,
    dialect: Dialect,
    metadata: Option<Arc<Metadata>>,
}

impl Loader<'_> {
    /// A policy of a plane that has modules of our specification only.
    fn own(&mut self, policy: &Policy, path: &Path, plane: Plane) -> Option<LoadedPolicy> {
        let loaded = self.any_module(path);
        let program = loaded.and_then(|loaded| match loaded.dialect {
            Dialect::Wasi => self.own_module(policy, &loaded.module, plane),
            Dialect::Kubewarden => Err(LoadErrorKind::KubewardenElsewhere),
        });
        let program = self.or_remember(policy, path, program)?;
        Some(LoadedPolicy::new(policy, program))
    }

    fn admitter(&mut self, entry: &AdmissionPolicy) -> Option<LoadedPolicy> {
        let program = match &entry.program {
            config::Program::Module(module) => {
                let program = self.single(entry, module);
                self.or_remember(&entry.policy, &module.path, program)?
            }
            config::Program::Group(group) => {
                let members = self.members(group)?;
                let expression = group.expression.clone();
                Program::Group(Group::new(expression, group.message.clone(), members))
            }
        };
        Some(LoadedPolicy::new(&entry.policy, program))
    }

    /// What was loaded; an error is remembered with the policy that has it.
    fn or_remember<T>(
        &mut self,
        policy: &Policy,
        path: &Path,
        loaded: Result<T, LoadErrorKind>,
    ) -> Option<T> {
        let remember = |kind| {
            self.errors.push(LoadError {
                policy: policy.name.clone(),
                position: policy.position.clone(),
                module: path.to_owned(),
                kind,
            });
        };
        loaded.map_err(remember).ok()
    }

    fn single(
        &mut self,
        entry: &AdmissionPolicy,
        module: &AdmissionModule,
    ) -> Result<Program, LoadErrorKind> {
        let kubewarden = &module.kubewarden;
        let loaded = match kubewarden.execution_mode {
            // A program without metadata looks like any module: the mode says what it is.
            Some(_) => self.any_module(&module.path)?,
            None => self.module(module)?,
        };
        if loaded.dialect == Dialect::Wasi && kubewarden.execution_mode.is_none() {
            let plane = if entry.mutating {
                Plane::Mutation
            } else {
                Plane::Validation
            };
            return self.own_module(&entry.policy, &loaded.module, plane);
        }
        Ok(Program::Kubewarden {
            digest: *loaded.module.digest(),
            policy: self.kubewarden(&entry.policy, &loaded, kubewarden)?,
            may_mutate: entry.mutating,
            message: kubewarden.message.clone(),
        })
    }

    /// The members of a group; none when one could not be loaded, which is remembered of each.
    fn members(&mut self, group: &config::Group) -> Option<Vec<Member>> {
        let members: Vec<_> = group
            .members
            .iter()
            .map(|member| self.member(member))
            .collect();
        members.into_iter().collect()
    }

    fn member(&mut self, member: &config::GroupMember) -> Option<Member> {
        let (module, loaded) = (&member.module, self.module(&member.module));
        let policy =
            loaded.and_then(|loaded| self.kubewarden(&member.policy, &loaded, &module.kubewarden));
        Some(Member {
            name: member.name.clone(),
            policy: self.or_remember(&member.policy, &module.path, policy)?,
            timeout: member.policy.timeout,
        })
    }

    /// A Kubewarden policy that was asked about its settings.
    fn kubewarden(
        &self,
        policy: &Policy,
        loaded: &Loaded,
        config: &config::Kubewarden,
    ) -> Result<kubewarden::Policy, LoadErrorKind> {
        let metadata = loaded.metadata.as_deref();
        let mode = match config.execution_mode {
            Some(mode) => mode,
            None => kubewarden::detect(metadata, loaded.module.inspection())?.unwrap_or_default(),
        };
        let access = kubewarden::Access {
            capabilities: self.capabilities.clone(),
            grants: Arc::clone(&config.grants),
        };
        let loaded = kubewarden::Policy::new(
            policy.name.as_str(),
            kubewarden::Mode::new(&loaded.module, mode)?,
            policy.settings.as_deref(),
            access,
            // Whichever of the two planes of admission, it is the same.
            self.limits(policy, Plane::Validation),
        )?;
        wait_for(loaded.validate_settings(deadline_of(policy)))??;
        Ok(loaded)
    }

    /// The module, of the dialect that the configuration says, if it says one.
    fn module(&mut self, module: &AdmissionModule) -> Result<Loaded, LoadErrorKind> {
        let loaded = self.any_module(&module.path)?;
        match module.dialect {
            Some(configured) if configured != loaded.dialect => Err(LoadErrorKind::Dialect {
                configured,
                found: loaded.dialect,
            }),
            _ => Ok(loaded),
        }
    }

    /// The module, whatever it is.
    fn any_module(&mut self, path: &Path) -> Result<Loaded, LoadErrorKind> {
        match self.loaded.get(path) {
            Some(loaded) => Ok(loaded.clone()),
            None => self.read(path),
        }
    }

    fn read(&mut self, path: &Path) -> Result<Loaded, LoadErrorKind> {
        let bytes = self.modules.read(path).map_err(LoadErrorKind::Read)?;
        let module = self.engine.load(&bytes)?;
        let metadata = Metadata::of(&bytes, module.inspection())?;
        let dialect = dialect::detect(module.inspection());
        let loaded = Loaded {
            module,
            dialect,
            metadata: metadata.map(Arc::new),
        };
        self.loaded.insert(path.to_owned(), loaded.clone());
        Ok(loaded)
    }

    /// A module of our specification. A mutating policy without `mutate` is asked by `validate`, as in the original
    /// specification.
    fn own_module(
        &self,
        policy: &Policy,
        module: &Module,
        plane: Plane,
    ) -> Result<Program, LoadErrorKind> {
        let entry_point = match plane {
            Plane::Authentication => "authn",
            Plane::Authorization => "authz",
            Plane::Mutation if module.has_function("mutate") => "mutate",
            Plane::Mutation | Plane::Validation => "validate",
        };
        Ok(Program::Module(OwnModule {
            entry: module.entry(entry_point)?,
            entry_point,
            settings: policy.settings.clone(),
            limits: self.limits(policy, plane),
        }))
    }

    /// The limits of a policy's calls.
    fn limits(&self, policy: &Policy, plane: Plane) -> engine::Limits {
        let share = match plane {
            Plane::Authentication | Plane::Authorization => engine::Share::Whole,
            Plane::Mutation | Plane::Validation => self.admission_share,
        };
        engine::Limits {
            share,
            ..policy.limits.clone()
        }
    }
}

/// By when a policy must have said whether its settings are fine: what it may take, and the time that a first call needs more.
fn deadline_of(policy: &Policy) -> Instant {
    let now = Instant::now();
    now.checked_add(policy.timeout.max(SETTINGS_TIMEOUT_MIN))
        .unwrap_or(now)
}

/// Settings are checked once, on a machine that may be compiling.
const SETTINGS_TIMEOUT_MIN: Duration = Duration::from_secs(5);

/// Who a caller is and what it may do is asked of every request, so that decisions about objects leave places free for that; all
/// places are theirs when nobody else needs one.
fn admission_share(config: &Configuration) -> engine::Share {
    if config.authentication.is_empty() && config.authorization.is_empty() {
        engine::Share::Whole
    } else {
        engine::Share::ThreeQuarters
    }
}

#[cfg(test)]
mod tests;
