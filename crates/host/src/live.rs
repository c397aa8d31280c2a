//! A set of policies that follows its files: when one of them changes, all are loaded anew and take the place of the others.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{fmt, io};

use arc_swap::ArcSwap;
use capabilities::Capabilities;
use engine::Engine;

use crate::config::{ConfigErrors, Source};
use crate::footprint::Footprint;
use crate::{Configuration, Host, LoadErrors, LockedOut, ModuleSource, lockout};

/// What a set of policies is made of.
pub struct Parts {
    /// Where it is configured.
    pub sources: Vec<Source>,
    /// Where the bytes of modules come from.
    pub modules: Box<dyn ModuleSource + Send + Sync>,
    /// Who answers the calls of policies.
    pub capabilities: Capabilities,
    /// Where compiled code is kept, see [`engine::Options::code_cache`].
    pub code_cache: Option<PathBuf>,
}

/// A [`Host`] that is replaced when its files change. The last good one goes on when the new files cannot be loaded.
pub struct Live {
    parts: Parts,
    current: ArcSwap<Set>,
    loaded: Mutex<Loaded>,
}

/// What answers, and what it was made from.
#[derive(Debug)]
pub struct Set {
    /// As it was read.
    pub configuration: Configuration,
    /// The policies.
    pub host: Arc<Host>,
}

/// How soon files are loaded again that did not load because of the moment; every further time it takes twice as long.
const AGAIN_FIRST: Duration = Duration::from_secs(5);

/// But no longer than this.
const AGAIN_LAST: Duration = Duration::from_mins(1);

/// What came of looking for changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reload {
    /// Files had changed, and what they say now is in place.
    Changed,
    /// No file has changed since they were last loaded, or failed to be.
    Unchanged,
}

/// When files that did not load because of the moment are loaded again.
#[derive(Debug, Clone, Copy)]
struct Again {
    at: Instant,
    pause: Duration,
}

/// What was loaded last, and whether it is still what the files say.
struct Loaded {
    footprint: Footprint,
    engine: Dimensioned,
    again: Option<Again>,
}

/// An engine, and the options that it was set up with.
#[derive(Clone)]
struct Dimensioned {
    options: engine::Options,
    engine: Engine,
}

impl Live {
    /// Loads everything. Compiles, so this blocks for milliseconds to seconds per module.
    ///
    /// # Errors
    /// When something cannot be loaded; all that is wrong is told.
    pub fn open(parts: Parts) -> Result<Self, LiveError> {
        let footprint = Footprint::default();
        let (set, engine) = parts.load(&footprint, None)?;
        let loaded = Loaded {
            footprint,
            engine,
            again: None,
        };
        Ok(Self {
            parts,
            current: ArcSwap::from_pointee(set),
            loaded: Mutex::new(loaded),
        })
    }

    /// The policies that answer now. Whoever holds them keeps them, whatever is loaded meanwhile.
    #[must_use]
    pub fn current(&self) -> Arc<Host> {
        Arc::clone(&self.current.load().host)
    }

    /// The same with the configuration.
    #[must_use]
    pub fn set(&self) -> Arc<Set> {
        self.current.load_full()
    }

    /// Looks whether a file has changed, which is cheap enough for every second, and loads everything if one has.
    ///
    /// What did not load because of the moment ([`LiveError::is_transient`]) is loaded again although no file has changed: after
    /// five seconds, then after twice as long each time, at last every minute.
    ///
    /// # Errors
    /// When what the files say now cannot be loaded; the policies stay as they were. It is told once: the next call is an
    /// error again only if a file has changed again, or another try has failed.
    pub fn reload(&self) -> Result<Reload, LiveError> {
        self.reload_at(Instant::now())
    }

    /// Loads everything, whether a file has changed or not.
    ///
    /// # Errors
    /// As [`Self::reload`].
    pub fn reload_now(&self) -> Result<(), LiveError> {
        self.replace(&mut self.lock(), None)
    }

    fn reload_at(&self, now: Instant) -> Result<Reload, LiveError> {
        let mut loaded = self.lock();
        let before = if loaded.footprint.is_stale() {
            None
        } else {
            match loaded.again {
                Some(again) if again.at <= now => Some(again),
                Some(_) | None => return Ok(Reload::Unchanged),
            }
        };
        self.replace(&mut loaded, before)?;
        Ok(Reload::Changed)
    }

    /// Loads everything; `before` is the try that this one repeats.
    fn replace(&self, loaded: &mut Loaded, before: Option<Again>) -> Result<(), LiveError> {
        loaded.footprint = Footprint::default();
        loaded.again = None;
        let (set, engine) = self
            .parts
            .load(&loaded.footprint, Some(&loaded.engine))
            .inspect_err(|error| {
                loaded.again = error.is_transient().then(|| Again::after(before));
            })?;
        loaded.engine = engine;
        self.current.store(Arc::new(set));
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Loaded> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Again {
    /// Counted from when the last try was over.
    fn after(before: Option<Self>) -> Self {
        let doubled = |before: Self| before.pause.saturating_mul(2).min(AGAIN_LAST);
        let pause = before.map_or(AGAIN_FIRST, doubled);
        let now = Instant::now();
        Self {
            at: now.checked_add(pause).unwrap_or(now),
            pause,
        }
    }
}

impl Parts {
    /// Loads everything, with the engine that there is if it is dimensioned as the configuration wants it, and refuses what would
    /// lock a cluster out.
    fn load(
        &self,
        footprint: &Footprint,
        engine: Option<&Dimensioned>,
    ) -> Result<(Set, Dimensioned), LiveError> {
        let configuration = Configuration::load_noting(&self.sources, footprint)?;
        let options = engine::Options {
            code_cache: self.code_cache.clone(),
            ..configuration.engine
        };
        let engine = match engine {
            Some(engine) if is_same(&engine.options, &options) => engine.clone(),
            _ => Dimensioned {
                engine: Engine::new(options.clone())?,
                options,
            },
        };
        let modules = Noting {
            modules: &*self.modules,
            footprint,
        };
        let host = Host::load_with(&configuration, &modules, &engine.engine, &self.capabilities)?;
        let passed = lockout::check(&configuration, &host)?;
        if passed.not_asked > 0 {
            tracing::warn!(
                not_asked = passed.not_asked,
                "the policies are so slow that the lock-out guard could not ask everything"
            );
        }
        let set = Set {
            configuration,
            host: Arc::new(host),
        };
        Ok((set, engine))
    }
}

fn is_same(one: &engine::Options, other: &engine::Options) -> bool {
    // Taken apart so that a new option cannot be forgotten here.
    let engine::Options {
        concurrent_calls,
        waiting_calls,
        memory_max,
        code_cache,
    } = one;
    *concurrent_calls == other.concurrent_calls
        && *waiting_calls == other.waiting_calls
        && *memory_max == other.memory_max
        && *code_cache == other.code_cache
}

/// Modules from elsewhere, whose files are remembered before they are read.
struct Noting<'a> {
    modules: &'a dyn ModuleSource,
    footprint: &'a Footprint,
}

impl ModuleSource for Noting<'_> {
    fn read(&self, module: &Path) -> io::Result<Vec<u8>> {
        self.footprint.add(module);
        self.modules.read(module)
    }
}

/// A set of policies cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// The configuration is not valid.
    #[error(transparent)]
    Configuration(#[from] ConfigErrors),
    /// The engine cannot be set up as the configuration says.
    #[error("failed to set up the engine")]
    Engine(#[from] engine::NewError),
    /// Policies cannot be loaded.
    #[error(transparent)]
    Policies(#[from] LoadErrors),
    /// The policies would lock the cluster out.
    #[error(transparent)]
    LockedOut(#[from] LockedOut),
}

impl LiveError {
    /// Whether the same files may load when they are loaded again.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::LockedOut(locked_out) if locked_out.is_transient())
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Live")
            .field("sources", &self.parts.sources)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
