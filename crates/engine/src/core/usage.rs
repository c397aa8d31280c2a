//! What an engine is doing and has done: numbers for its operator.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::ByteSize;
use crate::call::Stats;

/// What an engine is doing, and what it has done since it was set up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Instances that run now.
    pub running: u32,
    /// Instances that may run at once, [`Options::concurrent_calls`](crate::Options::concurrent_calls).
    pub running_max: u32,
    /// Calls that wait for their turn now.
    pub waiting: u32,
    /// Calls that may wait, [`Options::waiting_calls`](crate::Options::waiting_calls).
    pub waiting_max: u32,
    /// Calls that have run to their end, whichever it was.
    pub calls: u64,
    /// What they waited for their turn, together.
    pub waited: Duration,
    /// The most memory that one of them had.
    pub memory_peak: ByteSize,
    /// Modules that were compiled.
    pub compiled: u64,
    /// What that took.
    pub compile_time: Duration,
    /// Modules whose compiled code was found in the code cache.
    pub cache_hits: u64,
}

/// Keeps the numbers.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    running: AtomicU32,
    waiting: AtomicU32,
    calls: AtomicU64,
    waited_nanos: AtomicU64,
    memory_peak: AtomicU64,
    compiled: AtomicU64,
    compile_nanos: AtomicU64,
    cache_hits: AtomicU64,
}

/// Something that is going on until this is dropped.
pub(crate) struct Ongoing<'a>(&'a AtomicU32);

impl<'a> Ongoing<'a> {
    fn begin(count: &'a AtomicU32) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Ongoing<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Meter {
    /// A call waits for its turn.
    pub(crate) fn waits(&self) -> Ongoing<'_> {
        Ongoing::begin(&self.waiting)
    }

    /// A call runs.
    pub(crate) fn runs(&self) -> Ongoing<'_> {
        Ongoing::begin(&self.running)
    }

    /// A call has ended.
    pub(crate) fn ended(&self, stats: &Stats) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.waited_nanos
            .fetch_add(nanos(stats.waited), Ordering::Relaxed);
        self.memory_peak
            .fetch_max(stats.memory_peak.bytes(), Ordering::Relaxed);
    }

    /// A module was compiled.
    pub(crate) fn compiled(&self, took: Duration) {
        self.compiled.fetch_add(1, Ordering::Relaxed);
        self.compile_nanos.fetch_add(nanos(took), Ordering::Relaxed);
    }

    /// A module was found compiled.
    pub(crate) fn found(&self) {
        self.cache_hits.fetch_add(1, Ordering::Relaxed);
    }

    /// The numbers now, of an engine with these places.
    pub(crate) fn usage(&self, running_max: u32, waiting_max: u32) -> Usage {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Usage {
            running: self.running.load(Ordering::Relaxed),
            running_max,
            waiting: self.waiting.load(Ordering::Relaxed),
            waiting_max,
            calls: count(&self.calls),
            waited: Duration::from_nanos(count(&self.waited_nanos)),
            memory_peak: ByteSize::from_bytes(count(&self.memory_peak)),
            compiled: count(&self.compiled),
            compile_time: Duration::from_nanos(count(&self.compile_nanos)),
            cache_hits: count(&self.cache_hits),
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
