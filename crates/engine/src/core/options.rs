//! Options of an engine, and the errors of creating one.

use std::io;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::thread;

use crate::core::byte_size::ByteSize;

/// Options of an engine. [`Options::default`] defines the defaults.
#[derive(Debug, Clone)]
pub struct Options {
    /// Number of permits: calls that run at the same time, each in one instance of the pool. A call
    /// that waits for its host or for a thread holds its permit, so the default is more than the
    /// number of cores: four per core, from 16 to 256. At most half of the permits are for calls
    /// that may wait for their host ([`HostCalls::may_wait`](crate::HostCalls::may_wait)), and at
    /// most three quarters for calls of [`Share::ThreeQuarters`](crate::Share::ThreeQuarters).
    pub max_concurrent_calls: NonZeroU32,
    /// Length of the queue for permits. When it is full, a call fails at once with
    /// [`CallError::Overloaded`](crate::CallError::Overloaded).
    pub max_queued_calls: u32,
    /// Upper bound of [`Limits::memory`](crate::Limits::memory): the size of a memory in the pool,
    /// from 64 KiB to 4 GiB. The pool reserves address space for it, not memory.
    pub max_memory: ByteSize,
    /// Code cache: the directory that keeps compiled modules between processes. `None` disables it.
    /// The engine executes the code in it, so the directory must be writable only for the current
    /// user; otherwise the engine logs a warning and does not use it.
    pub code_cache: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let concurrent = u32::try_from(cores.saturating_mul(4))
            .unwrap_or(u32::MAX)
            .clamp(16, 256);
        Self {
            max_concurrent_calls: NonZeroU32::new(concurrent).unwrap_or(NonZeroU32::MIN),
            max_queued_calls: 1024,
            max_memory: ByteSize::gib(1),
            code_cache: None,
        }
    }
}

/// An error of creating an engine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NewError {
    /// [`Options::max_memory`] is out of range.
    #[error("the maximum memory of a module must be from 64Ki to 4Gi, not {0}")]
    MaxMemory(ByteSize),
    /// The pool or the code generator could not be created, usually for lack of address space.
    #[error("failed to reserve the pool of instances")]
    Reserve(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The thread that interrupts running modules could not be started.
    #[error("failed to start the thread that enforces deadlines")]
    Ticker(#[source] io::Error),
}
