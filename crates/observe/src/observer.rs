//! The one place that is told of each decision, and tells whoever wants to know.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use access::Plane;
use engine::Engine;
use host::{Evaluation, Host};

use crate::decision_log::DecisionLog;
use crate::metrics::{Lost, Metrics};
use crate::recent::Recent;
use crate::record::Record;
use crate::traces::{Parent, Traces};

/// Is told of each decision, and keeps what is asked for later. Shared by all who decide.
#[derive(Debug)]
pub struct Observer {
    metrics: Metrics,
    recent: Recent,
    log: Option<DecisionLog>,
    traces: Option<Traces>,
    /// Numbers the decisions.
    decided: AtomicU64,
    generation: AtomicU64,
    /// What runs the modules of the policies that decide now.
    engine: Mutex<Engine>,
}

/// A decision that was made.
#[derive(Debug, Clone, Copy)]
pub struct DecisionEvent<'a> {
    /// What was asked; a raw review is of none.
    pub plane: Option<Plane>,
    /// The one policy that was asked, when it was named.
    pub policy: Option<&'a str>,
    /// The review as it was posted.
    pub review: &'a [u8],
    /// What came of it.
    pub answered: &'a Evaluation,
    /// The number that the client is answered with, where the door has such.
    pub status: Option<u16>,
    /// When the review was there.
    pub arrival: Instant,
    /// The span of whoever asks, where the door is told.
    pub parent: Option<Parent>,
}

impl DecisionEvent<'_> {
    /// What was asked, in one word for labels and logs.
    #[must_use]
    pub fn plane_name(&self) -> &'static str {
        self.plane.map_or("raw", Plane::as_str)
    }
}

impl Observer {
    /// An observer of the decisions of `host`, with a decision log where one is wanted.
    #[must_use]
    pub fn new(host: &Host, log: Option<DecisionLog>) -> Self {
        let observer = Self {
            metrics: Metrics::new(),
            recent: Recent::default(),
            log,
            traces: None,
            decided: AtomicU64::new(0),
            generation: AtomicU64::new(0),
            engine: Mutex::new(host.engine().clone()),
        };
        observer.record_reload(host);
        observer
    }

    /// The same, which sends traces.
    #[must_use]
    pub fn with_traces(mut self, traces: Option<Traces>) -> Self {
        self.traces = traces;
        self
    }

    /// A decision was made: what is logged of it, counted and kept.
    pub fn record(&self, decided: &DecisionEvent<'_>) {
        let elapsed = decided.arrival.elapsed();
        host::log::decision(
            decided.plane_name(),
            decided.answered,
            decided.status,
            decided.arrival,
        );
        self.metrics.decided(decided, elapsed);
        self.keep(decided, elapsed);
    }

    fn keep(&self, decided: &DecisionEvent<'_>, elapsed: Duration) {
        let record = Record {
            sequence: self
                .decided
                .fetch_add(1, Ordering::Relaxed)
                .saturating_add(1),
            generation: self.generation.load(Ordering::Relaxed),
            ..Record::of(decided, elapsed)
        };
        let Some(line) = record.to_json() else {
            return;
        };
        if let Some(log) = &self.log {
            log.write(&record, &line, decided.review);
        }
        self.recent.push(record.sequence, line);
        if let Some(traces) = &self.traces {
            traces.take(decided, record, elapsed);
        }
    }

    /// Other policies decide from now on.
    pub fn record_reload(&self, host: &Host) {
        *self.engine() = host.engine().clone();
        let generation = self.generation.fetch_add(1, Ordering::Relaxed);
        self.metrics.loaded(host, generation.saturating_add(1));
    }

    /// A change could not be put in place.
    pub fn record_failed_reload(&self) {
        self.metrics.refused_change();
    }

    /// How often policies were put in place: 1 at first.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// Writes and sends what has not left the process yet, before it ends. Takes a few seconds at most.
    pub fn finish(&self) {
        if let Some(log) = &self.log {
            log.flush();
        }
        if let Some(traces) = &self.traces {
            traces.flush();
        }
    }

    /// What is counted by others than decisions.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// All metrics, as [`crate::metrics::CONTENT_TYPE`].
    #[must_use]
    pub fn metrics_text(&self) -> String {
        let usage = self.engine().usage();
        let lost = Lost {
            lines: self.log.as_ref().map_or(0, DecisionLog::lost),
            spans: self.traces.as_ref().map_or(0, Traces::lost),
        };
        self.metrics.to_text(&usage, &lost)
    }

    /// The last decisions.
    #[must_use]
    pub fn recent(&self) -> &Recent {
        &self.recent
    }

    fn engine(&self) -> MutexGuard<'_, Engine> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
