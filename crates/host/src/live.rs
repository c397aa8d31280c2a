//! A policy set that follows its files: when one of them changes, the whole set is loaded again.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fmt, io};

use arc_swap::ArcSwap;
use capabilities::Capabilities;
use config::{ConfigErrors, Source};
use engine::Engine;
use parking_lot::Mutex;

use crate::fingerprints::FileFingerprints;
use crate::{Configuration, Host, LoadErrors, ModuleSource};

/// Options of [`Live::open`].
pub struct LiveOptions {
    /// The configuration.
    pub sources: Vec<Source>,
    /// The source of the modules.
    pub modules: Box<dyn ModuleSource + Send + Sync>,
    /// The services behind the host calls of policies.
    pub capabilities: Capabilities,
    /// The directory for compiled code, see [`engine::Options::code_cache`].
    pub code_cache: Option<PathBuf>,
    /// The check that a policy set must pass before it serves.
    pub gate: Box<dyn Gate + Send + Sync>,
}

/// A check that a loaded policy set must pass before it serves.
pub trait Gate {
    /// Checks a policy set.
    ///
    /// # Errors
    /// If the set must not serve.
    fn check(&self, configuration: &Configuration, host: &Host) -> Result<(), GateError>;
}

/// The reason for which a policy set did not pass its [`Gate`].
#[derive(Debug)]
pub struct GateError {
    error: Box<dyn Error + Send + Sync>,
    is_transient: bool,
}

impl GateError {
    /// Creates an error. If it is transient, the same files are loaded again later.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>, is_transient: bool) -> Self {
        Self {
            error: error.into(),
            is_transient,
        }
    }

    /// Returns the error of the gate, if it has this type.
    #[must_use]
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        self.error.downcast_ref()
    }
}

impl fmt::Display for GateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl Error for GateError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}

/// A [`Host`] that is replaced when its files change. If the changed files do not load, the previous
/// policy set continues to serve.
///
/// ```
/// use capabilities::Capabilities;
/// use config::{Configuration, Format, Source};
/// use host::live::{Gate, GateError, LiveOptions};
/// use host::{FileModules, Host, Live, Reload};
///
/// /// A gate for tests. Servers use the lock-out guard of the crate `preflight`.
/// struct Open;
///
/// impl Gate for Open {
///     fn check(&self, _: &Configuration, _: &Host) -> Result<(), GateError> {
///         Ok(())
///     }
/// }
///
/// let text = "{apiVersion: k8s-wasm/v1alpha1, kind: Configuration}";
/// let live = Live::open(LiveOptions {
///     sources: vec![Source::text(Format::Configuration, "policies.yaml", text.into())],
///     modules: Box::new(FileModules),
///     capabilities: Capabilities::none(),
///     code_cache: None,
///     gate: Box::new(Open),
/// })?;
/// assert_eq!(live.current().policies().count(), 0);
/// assert_eq!(live.reload()?, Reload::Unchanged);
/// # Ok::<(), host::LiveError>(())
/// ```
pub struct Live {
    options: LiveOptions,
    current: ArcSwap<PolicySet>,
    loaded: Mutex<Loaded>,
}

/// A loaded policy set and its configuration.
#[derive(Debug)]
pub struct PolicySet {
    /// The configuration that the set was loaded from.
    pub configuration: Configuration,
    /// The policies.
    pub host: Arc<Host>,
}

/// The delay of the first retry after a transient error; it doubles with each further retry.
const FIRST_RETRY: Duration = Duration::from_secs(5);

/// The maximum delay of a retry.
const MAX_RETRY: Duration = Duration::from_mins(1);

/// The result of [`Live::reload`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reload {
    /// A file had changed, and the new policy set serves.
    Changed,
    /// No file has changed since the last attempt to load them.
    Unchanged,
}

/// The next attempt to load files after a transient error.
#[derive(Debug, Clone, Copy)]
struct Retry {
    at: Instant,
    delay: Duration,
}

/// The state of the last attempt to load the files.
struct Loaded {
    fingerprints: FileFingerprints,
    engine: EngineWithOptions,
    retry: Option<Retry>,
}

/// An engine and the options that it was created with.
#[derive(Clone)]
struct EngineWithOptions {
    options: engine::Options,
    engine: Engine,
}

impl Live {
    /// Loads a policy set. Blocks while it compiles: milliseconds to seconds per module.
    ///
    /// # Errors
    /// If something cannot be loaded; the error contains all problems of its kind.
    pub fn open(options: LiveOptions) -> Result<Self, LiveError> {
        let fingerprints = FileFingerprints::default();
        let (set, engine) = options.load(&fingerprints, None)?;
        let loaded = Loaded {
            fingerprints,
            engine,
            retry: None,
        };
        Ok(Self {
            options,
            current: ArcSwap::from_pointee(set),
            loaded: Mutex::new(loaded),
        })
    }

    /// Returns the policies that serve now. They stay usable after a reload.
    #[must_use]
    pub fn current(&self) -> Arc<Host> {
        Arc::clone(&self.current.load().host)
    }

    /// Returns the policies that serve now, with their configuration.
    #[must_use]
    pub fn set(&self) -> Arc<PolicySet> {
        self.current.load_full()
    }

    /// Loads the policy set again if a file has changed. Cheap enough to be called every second.
    ///
    /// After a transient error ([`LiveError::is_transient`]), the files are also loaded again if
    /// they have not changed: after five seconds, then with twice the delay each time, up to a
    /// minute.
    ///
    /// # Errors
    /// If the files do not load; the previous policies stay in place. Each error is returned once:
    /// the next call returns an error only if a file has changed again, or a retry has failed.
    pub fn reload(&self) -> Result<Reload, LiveError> {
        self.reload_at(Instant::now())
    }

    /// Loads the policy set again, even if no file has changed.
    ///
    /// # Errors
    /// As [`Self::reload`].
    pub fn reload_now(&self) -> Result<(), LiveError> {
        self.replace(&mut self.loaded.lock(), None)
    }

    fn reload_at(&self, now: Instant) -> Result<Reload, LiveError> {
        let mut loaded = self.loaded.lock();
        let previous = if loaded.fingerprints.are_stale() {
            None
        } else {
            match loaded.retry {
                Some(retry) if retry.at <= now => Some(retry),
                Some(_) | None => return Ok(Reload::Unchanged),
            }
        };
        self.replace(&mut loaded, previous)?;
        Ok(Reload::Changed)
    }

    /// Loads the policy set; `previous` is the attempt that this one repeats.
    fn replace(&self, loaded: &mut Loaded, previous: Option<Retry>) -> Result<(), LiveError> {
        loaded.fingerprints = FileFingerprints::default();
        loaded.retry = None;
        let (set, engine) = self
            .options
            .load(&loaded.fingerprints, Some(&loaded.engine))
            .inspect_err(|error| {
                loaded.retry = error.is_transient().then(|| Retry::after(previous));
            })?;
        loaded.engine = engine;
        self.current.store(Arc::new(set));
        Ok(())
    }
}

impl Retry {
    /// Schedules a retry, counted from the end of the failed attempt.
    fn after(previous: Option<Self>) -> Self {
        let doubled = |retry: Self| retry.delay.saturating_mul(2).min(MAX_RETRY);
        let delay = previous.map_or(FIRST_RETRY, doubled);
        let now = Instant::now();
        Self {
            at: now.checked_add(delay).unwrap_or(now),
            delay,
        }
    }
}

impl LiveOptions {
    /// Loads a policy set and checks it with the gate. Reuses `engine` if the configuration does not
    /// change its options.
    fn load(
        &self,
        fingerprints: &FileFingerprints,
        engine: Option<&EngineWithOptions>,
    ) -> Result<(PolicySet, EngineWithOptions), LiveError> {
        let configuration =
            Configuration::load_with(&self.sources, &|path| fingerprints.record(path))?;
        let options = configuration.engine_options(self.code_cache.clone());
        let engine = match engine {
            Some(engine) if is_same(&engine.options, &options) => engine.clone(),
            _ => EngineWithOptions {
                engine: Engine::new(options.clone())?,
                options,
            },
        };
        let modules = RecordingSource {
            modules: &*self.modules,
            fingerprints,
        };
        let host = Host::load_with(&configuration, &modules, &engine.engine, &self.capabilities)?;
        self.gate.check(&configuration, &host)?;
        let set = PolicySet {
            configuration,
            host: Arc::new(host),
        };
        Ok((set, engine))
    }
}

fn is_same(one: &engine::Options, other: &engine::Options) -> bool {
    // Destructured, so that a new option cannot be forgotten here.
    let engine::Options {
        max_concurrent_calls,
        max_queued_calls,
        max_memory,
        code_cache,
    } = one;
    *max_concurrent_calls == other.max_concurrent_calls
        && *max_queued_calls == other.max_queued_calls
        && *max_memory == other.max_memory
        && *code_cache == other.code_cache
}

/// A source of modules that records each file before it is read.
struct RecordingSource<'a> {
    modules: &'a dyn ModuleSource,
    fingerprints: &'a FileFingerprints,
}

impl ModuleSource for RecordingSource<'_> {
    fn read(&self, module: &Path) -> io::Result<Vec<u8>> {
        self.fingerprints.record(module);
        self.modules.read(module)
    }
}

/// An error of [`Live`].
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// The configuration is not valid.
    #[error(transparent)]
    Configuration(#[from] ConfigErrors),
    /// The engine cannot be created with the configured options.
    #[error("failed to set up the engine")]
    Engine(#[from] engine::NewError),
    /// Policies cannot be loaded.
    #[error(transparent)]
    Policies(#[from] LoadErrors),
    /// The policy set did not pass the gate.
    #[error(transparent)]
    Gate(#[from] GateError),
}

impl LiveError {
    /// Returns true if the same files may load when they are loaded again.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Gate(error) if error.is_transient)
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live")
            .field("sources", &self.options.sources)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
