//! The observer, which passes each decision to the log, the metrics, the recent decisions, the
//! decision log and the traces.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use engine::Engine;
use host::Host;
use parking_lot::Mutex;

use crate::decision::DecisionEvent;
use crate::decision_line;
use crate::decision_log::DecisionLog;
use crate::metrics::{Metrics, RejectionReason};
use crate::recent::Recent;
use crate::record::Record;
use crate::traces::Traces;

/// The records of all decisions of a process. Front ends share one observer.
///
/// ```
/// use observe::Observer;
///
/// fn reload(observer: &Observer, host: &host::Host) {
///     observer.record_reload(host);
///     assert!(observer.metrics_text().contains("k8s_wasm_config_reload_failed 0"));
/// }
/// ```
#[derive(Debug)]
pub struct Observer {
    metrics: Metrics,
    recent: Recent,
    log: Option<DecisionLog>,
    traces: Option<Traces>,
    /// The number of recorded decisions.
    decisions: AtomicU64,
    generation: AtomicU64,
    /// The engine of the current policy set.
    engine: Mutex<Engine>,
}

impl Observer {
    /// Creates an observer of the decisions of `host`, which writes a decision log if there is one.
    #[must_use]
    pub fn new(host: &Host, log: Option<DecisionLog>) -> Self {
        let observer = Self {
            metrics: Metrics::new(),
            recent: Recent::default(),
            log,
            traces: None,
            decisions: AtomicU64::new(0),
            generation: AtomicU64::new(0),
            engine: Mutex::new(host.engine().clone()),
        };
        observer.record_reload(host);
        observer
    }

    /// Adds traces, if there are any.
    #[must_use]
    pub fn with_traces(mut self, traces: Option<Traces>) -> Self {
        self.traces = traces;
        self
    }

    /// Records a decision: writes its log lines, counts it and keeps it.
    pub fn record(&self, event: &DecisionEvent<'_>) {
        let elapsed = event.arrival.elapsed();
        decision_line::log_decision(event, elapsed);
        self.metrics.record_decision(event, elapsed);
        let earlier = self.decisions.fetch_add(1, Ordering::Relaxed);
        let record = Arc::new(Record {
            sequence: earlier.saturating_add(1),
            generation: self.generation(),
            ..Record::new(event, elapsed)
        });
        if let Some(log) = &self.log {
            log.write(&record, event.review);
        }
        if let Some(traces) = &self.traces {
            traces.send(event, &record, elapsed);
        }
        self.recent.push(record);
    }

    /// Records that `host` holds the current policy set.
    pub fn record_reload(&self, host: &Host) {
        *self.engine.lock() = host.engine().clone();
        let earlier = self.generation.fetch_add(1, Ordering::Relaxed);
        self.metrics.record_reload(host, earlier.saturating_add(1));
    }

    /// Records that a changed configuration was not loaded.
    pub fn record_failed_reload(&self) {
        self.metrics.record_failed_reload();
    }

    /// Records a request that was not evaluated.
    pub fn record_rejected_request(&self, reason: RejectionReason) {
        self.metrics.record_rejected_request(reason);
    }

    /// Returns the generation of the current policy set: 1 for the first, incremented by each
    /// reload.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// Writes and sends what is buffered, before the process ends. Blocks for at most 10 s.
    pub fn finish(&self) {
        if let Some(log) = &self.log {
            log.flush();
        }
        if let Some(traces) = &self.traces {
            traces.flush();
        }
    }

    /// Returns the metrics, to set those that do not come from decisions.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Returns all metrics as text of the type [`crate::metrics::CONTENT_TYPE`].
    #[must_use]
    pub fn metrics_text(&self) -> String {
        let usage = self.engine.lock().usage();
        self.metrics.set_engine_usage(&usage);
        if let Some(log) = &self.log {
            self.metrics.set_dropped_lines(log.dropped_lines());
        }
        if let Some(traces) = &self.traces {
            self.metrics.set_dropped_spans(traces.dropped_spans());
        }
        self.metrics.to_text()
    }

    /// Returns the recent decisions.
    #[must_use]
    pub fn recent(&self) -> &Recent {
        &self.recent
    }
}
