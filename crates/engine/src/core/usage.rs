//! Statistics of calls, and counters of an engine for its operator.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::core::byte_size::ByteSize;

/// Statistics of one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Time in the queue.
    pub queue_wait: Duration,
    /// Time from the creation of the instance to the end of the call.
    pub run_time: Duration,
    /// Peak memory of the instance.
    pub memory_peak: ByteSize,
}

/// Current load of an engine, and totals since it was created.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Calls that are running.
    pub running: u32,
    /// Maximum of `running`:
    /// [`Options::max_concurrent_calls`](crate::Options::max_concurrent_calls).
    pub running_limit: u32,
    /// Calls that are queued.
    pub queued: u32,
    /// Maximum of `queued`: [`Options::max_queued_calls`](crate::Options::max_queued_calls).
    pub queued_limit: u32,
    /// Calls that have ended, with or without a failure.
    pub calls: u64,
    /// Total time that these calls spent in the queue.
    pub queue_wait: Duration,
    /// Highest peak memory of these calls.
    pub memory_peak: ByteSize,
    /// Modules that were compiled.
    pub modules_compiled: u64,
    /// Total time spent on compiling.
    pub compile_time: Duration,
    /// Modules whose compiled code was found in the code cache.
    pub code_cache_hits: u64,
}

/// The counters behind [`Usage`].
#[derive(Debug, Default)]
pub(crate) struct Meter {
    running: AtomicU32,
    queued: AtomicU32,
    calls: AtomicU64,
    queue_wait_nanos: AtomicU64,
    memory_peak: AtomicU64,
    modules_compiled: AtomicU64,
    compile_nanos: AtomicU64,
    code_cache_hits: AtomicU64,
}

/// An increment of a gauge that is undone on drop.
pub(crate) struct GaugeGuard<'a>(&'a AtomicU32);

impl<'a> GaugeGuard<'a> {
    fn new(gauge: &'a AtomicU32) -> Self {
        gauge.fetch_add(1, Ordering::Relaxed);
        Self(gauge)
    }
}

impl Drop for GaugeGuard<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Meter {
    /// Counts a queued call until the guard is dropped.
    pub(crate) fn queued(&self) -> GaugeGuard<'_> {
        GaugeGuard::new(&self.queued)
    }

    /// Counts a running call until the guard is dropped.
    pub(crate) fn running(&self) -> GaugeGuard<'_> {
        GaugeGuard::new(&self.running)
    }

    /// Records a call that has ended.
    pub(crate) fn record_call(&self, stats: &Stats) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.queue_wait_nanos
            .fetch_add(nanos(stats.queue_wait), Ordering::Relaxed);
        self.memory_peak
            .fetch_max(stats.memory_peak.bytes(), Ordering::Relaxed);
    }

    /// Records a module that was compiled in `elapsed`.
    pub(crate) fn record_compilation(&self, elapsed: Duration) {
        self.modules_compiled.fetch_add(1, Ordering::Relaxed);
        self.compile_nanos
            .fetch_add(nanos(elapsed), Ordering::Relaxed);
    }

    /// Records a module that was found in the code cache.
    pub(crate) fn record_cache_hit(&self) {
        self.code_cache_hits.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the current values, for an engine with these limits.
    pub(crate) fn usage(&self, running_limit: u32, queued_limit: u32) -> Usage {
        let value = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Usage {
            running: self.running.load(Ordering::Relaxed),
            running_limit,
            queued: self.queued.load(Ordering::Relaxed),
            queued_limit,
            calls: value(&self.calls),
            queue_wait: Duration::from_nanos(value(&self.queue_wait_nanos)),
            memory_peak: ByteSize::from_bytes(value(&self.memory_peak)),
            modules_compiled: value(&self.modules_compiled),
            compile_time: Duration::from_nanos(value(&self.compile_nanos)),
            code_cache_hits: value(&self.code_cache_hits),
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
