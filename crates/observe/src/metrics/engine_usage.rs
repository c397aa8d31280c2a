//! Metrics of the engine: calls, the queue, memory and compilation.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use engine::Usage;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

type TotalSeconds = Counter<f64, AtomicU64>;

/// The usage of the engine at the time of a scrape.
#[derive(Debug, Default)]
pub(super) struct EngineUsage {
    running: Gauge,
    running_limit: Gauge,
    queued: Gauge,
    queued_limit: Gauge,
    calls: Counter,
    queue_wait: TotalSeconds,
    memory_peak: Gauge,
    compiled: Counter,
    compile_time: TotalSeconds,
    cache_hits: Counter,
}

impl EngineUsage {
    pub(super) fn register(&self, registry: &mut Registry) {
        let gauges = [
            ("calls_running", "Running calls", &self.running),
            (
                "calls_running_limit",
                "Maximum number of running calls",
                &self.running_limit,
            ),
            ("calls_queued", "Queued calls", &self.queued),
            (
                "calls_queued_limit",
                "Maximum number of queued calls; further calls fail as overloaded",
                &self.queued_limit,
            ),
        ];
        for (name, help, gauge) in gauges {
            registry.register(name, help, gauge.clone());
        }
        let counters = [
            ("calls", "Completed calls", &self.calls),
            ("modules_compiled", "Compiled modules", &self.compiled),
            (
                "code_cache_hits",
                "Modules that were loaded from the code cache",
                &self.cache_hits,
            ),
        ];
        for (name, help, counter) in counters {
            registry.register(name, help, counter.clone());
        }
        registry.register_with_unit(
            "call_memory_peak",
            "Maximum memory of a call since the engine was created",
            Unit::Bytes,
            self.memory_peak.clone(),
        );
        registry.register_with_unit(
            "queue_wait",
            "Time that calls spent in the queue",
            Unit::Seconds,
            self.queue_wait.clone(),
        );
        registry.register_with_unit(
            "module_compile",
            "Time spent compiling modules",
            Unit::Seconds,
            self.compile_time.clone(),
        );
    }

    pub(super) fn set(&self, usage: &Usage) {
        self.running.set(usage.running.into());
        self.running_limit.set(usage.running_limit.into());
        self.queued.set(usage.queued.into());
        self.queued_limit.set(usage.queued_limit.into());
        set(&self.calls, usage.calls);
        set_seconds(&self.queue_wait, usage.queue_wait);
        let peak = usage.memory_peak.bytes();
        self.memory_peak
            .set(i64::try_from(peak).unwrap_or(i64::MAX));
        set(&self.compiled, usage.modules_compiled);
        set_seconds(&self.compile_time, usage.compile_time);
        set(&self.cache_hits, usage.code_cache_hits);
    }
}

fn set(counter: &Counter, total: u64) {
    counter.inner().store(total, Ordering::Relaxed);
}

fn set_seconds(counter: &TotalSeconds, total: Duration) {
    let bits = total.as_secs_f64().to_bits();
    counter.inner().store(bits, Ordering::Relaxed);
}
