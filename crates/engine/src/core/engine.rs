//! The engine: what all modules of a process share.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::{fmt, io};

use thiserror::Error;
use wasmtime::Linker;

use crate::cache::CodeCache;
use crate::module::{LoadError, Module};
use crate::slots::Slots;
use crate::state::State;
use crate::ticker::Ticker;
use crate::usage::{Meter, Usage};
use crate::{ByteSize, imports};

mod config;

/// Compiles modules and runs them: the code generator, the pool of instances, the ticker and the
/// admission control of calls. Cheap to clone; clones are the same engine. Modules keep their
/// engine alive.
///
/// Modules that must not share a pool (those that see raw tokens, and those of strangers) belong
/// into different engines.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

/// What an engine and its modules share.
pub(crate) struct Shared {
    pub(crate) wasmtime: wasmtime::Engine,
    pub(crate) linker: Linker<State>,
    pub(crate) slots: Slots,
    pub(crate) ticker: Ticker,
    pub(crate) cache: Option<CodeCache>,
    pub(crate) memory_max: ByteSize,
    pub(crate) meter: Meter,
    concurrent_calls: u32,
    waiting_calls: u32,
}

/// How an engine is set up. [`Options::default`] is the table of defaults.
#[derive(Clone, Debug)]
pub struct Options {
    /// Calls that run at the same time; each has one instance of the pool. A call that waits for
    /// the host or for its turn on a thread counts, so there are more than cores. Half of them at
    /// most are for calls that may wait for their host ([`HostCalls::may_wait`](crate::HostCalls::may_wait)),
    /// three quarters for calls of that share ([`Share`](crate::Share)).
    pub concurrent_calls: NonZeroU32,
    /// Calls that wait for one of those places. Beyond them a call fails at once as busy.
    pub waiting_calls: u32,
    /// The largest [`Limits::memory`](crate::Limits::memory) that any call may have: the size of a
    /// place in the pool, at most 4 GiB. Only address space is reserved for it, not memory.
    pub memory_max: ByteSize,
    /// The directory in which compiled code is kept from one process to the next; none: everything
    /// is compiled again. What is in it is run, so it must belong to this user alone; otherwise a
    /// warning is logged and it is not used.
    pub code_cache: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let concurrent = u32::try_from(cores.saturating_mul(4))
            .unwrap_or(u32::MAX)
            .clamp(16, 256);
        Self {
            concurrent_calls: NonZeroU32::new(concurrent).unwrap_or(NonZeroU32::MIN),
            waiting_calls: 1024,
            memory_max: ByteSize::gib(1),
            code_cache: None,
        }
    }
}

impl Engine {
    /// Sets an engine up. Reserves address space (4 GiB for each concurrent call) and starts one
    /// thread.
    ///
    /// # Errors
    /// When the operating system refuses either, or an option is out of range.
    pub fn new(options: Options) -> Result<Self, NewError> {
        let wasmtime = wasmtime_engine(&options)?;
        let linker = imports::linker(&wasmtime).map_err(|error| NewError::Reserve(error.into()))?;
        let ticker = Ticker::start(wasmtime.weak()).map_err(NewError::Ticker)?;
        let cache = options
            .code_cache
            .and_then(|directory| CodeCache::open(directory, &wasmtime));
        let slots = Slots::new(options.concurrent_calls, options.waiting_calls);
        let memory_max = options.memory_max;
        Ok(Self {
            shared: Arc::new(Shared {
                wasmtime,
                linker,
                slots,
                ticker,
                cache,
                memory_max,
                meter: Meter::default(),
                concurrent_calls: options.concurrent_calls.get(),
                waiting_calls: options.waiting_calls,
            }),
        })
    }

    /// Validates, compiles (or takes from the code cache) and links a module. It blocks for as long
    /// as compiling takes: milliseconds for a small module, seconds for a large one.
    ///
    /// # Errors
    /// When the bytes are not a module that can run here; the error names the import, export or
    /// size that is wrong.
    pub fn load(&self, wasm: &[u8]) -> Result<Module, LoadError> {
        Module::load(Arc::clone(&self.shared), wasm)
    }

    /// The largest memory that a call may have; [`Limits::memory`](crate::Limits::memory) beyond it
    /// counts as this.
    pub fn memory_max(&self) -> ByteSize {
        self.shared.memory_max
    }

    /// What it is doing and has done.
    pub fn usage(&self) -> Usage {
        let shared = &self.shared;
        shared
            .meter
            .usage(shared.concurrent_calls, shared.waiting_calls)
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Engine")
            .field(&self.usage())
            .finish()
    }
}

/// The engine underneath: accepted WebAssembly and the pool of instances.
pub(crate) fn wasmtime_engine(options: &Options) -> Result<wasmtime::Engine, NewError> {
    let config = config::config(options)?;
    wasmtime::Engine::new(&config).map_err(|error| NewError::Reserve(error.into()))
}

/// An engine could not be set up.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NewError {
    /// [`Options::memory_max`] is not possible.
    #[error("the largest memory of a module must be from 64Ki to 4Gi, not {0}")]
    MemoryMax(ByteSize),
    /// The pool or the code generator could not be set up, most likely for want of address space.
    #[error("the pool of instances could not be reserved")]
    Reserve(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The thread that watches deadlines could not be started.
    #[error("the thread that watches deadlines could not be started")]
    Ticker(#[source] io::Error),
}
