//! What is counted and measured, in the form that Prometheus scrapes (OpenMetrics 1.0 text).
//!
//! Labels are bounded: names of configured policies and words of this program, never anything that a client sent (S22).

mod labels;
mod process;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use access::trace::StepOutcome;
use access::{FailureKind, Mode, PolicyName};
use engine::Usage;
use host::{Host, Verdict};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::observer::DecisionEvent;
use labels::{Answered, Change, Decision, Failed, Loaded, Plane, Policy, Refused};

type Seconds = Gauge<f64, AtomicU64>;
type TotalSeconds = Counter<f64, AtomicU64>;
type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// The content type of what is scraped.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics of a process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    decisions: Family<Decision, Counter>,
    decision_duration: Histograms<Plane>,
    answers: Family<Answered, Counter>,
    policy_duration: Histograms<Policy>,
    failures: Family<Failed, Counter>,
    refused: Family<Refused, Counter>,
    changes: Family<Change, Counter>,
    generation: Gauge,
    stale: Gauge,
    loaded: Seconds,
    policies: Family<Loaded, Gauge>,
    certificate_expiry: Seconds,
    certificate_stale: Gauge,
    engine: OfEngine,
    lost_lines: Counter,
    lost_spans: Counter,
    process: process::Process,
}

/// What did not get to where it is kept, since the start.
#[derive(Debug, Default)]
pub(crate) struct Lost {
    /// Of the decision log.
    pub(crate) lines: u64,
    /// Of traces.
    pub(crate) spans: u64,
}

/// What the engine tells when somebody asks.
#[derive(Debug, Default)]
struct OfEngine {
    running: Gauge,
    running_max: Gauge,
    waiting: Gauge,
    waiting_max: Gauge,
    calls: Counter,
    waited: TotalSeconds,
    memory_peak: Gauge,
    compiled: Counter,
    compile_time: TotalSeconds,
    cache_hits: Counter,
}

/// From 25 µs, a small module on a warm machine, to 10 s, the longest that an API server waits for admission by default.
const BUCKETS: [f64; 17] = [
    0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1,
    0.25, 0.5, 1.0, 2.5, 10.0,
];

fn histogram() -> Histogram {
    Histogram::new(BUCKETS)
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("k8s_wasm"),
            decisions: Family::default(),
            decision_duration: Family::new_with_constructor(histogram),
            answers: Family::default(),
            policy_duration: Family::new_with_constructor(histogram),
            failures: Family::default(),
            refused: Family::default(),
            changes: Family::default(),
            generation: Gauge::default(),
            stale: Gauge::default(),
            loaded: Seconds::default(),
            policies: Family::default(),
            certificate_expiry: Seconds::default(),
            certificate_stale: Gauge::default(),
            engine: OfEngine::default(),
            lost_lines: Counter::default(),
            lost_spans: Counter::default(),
            process: process::Process::default(),
        };
        metrics.register_decisions();
        metrics.register_configuration();
        metrics.engine.register(&mut metrics.registry);
        metrics.process.register(&mut metrics.registry);
        metrics
    }

    fn register_decisions(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "decisions",
            "Reviews that were decided on, by what was decided",
            self.decisions.clone(),
        );
        registry.register_with_unit(
            "decision_duration",
            "From the arrival of a review to its answer",
            Unit::Seconds,
            self.decision_duration.clone(),
        );
        registry.register(
            "policy_answers",
            "What policies answered; with mode monitor, what would have counted",
            self.answers.clone(),
        );
        registry.register_with_unit(
            "policy_duration",
            "How long policies took, waiting for their turn included",
            Unit::Seconds,
            self.policy_duration.clone(),
        );
        registry.register(
            "policy_failures",
            "Calls that failed, by how",
            self.failures.clone(),
        );
        registry.register(
            "refused_requests",
            "Requests that were no review that could be decided on, or too many, by the reason in the Status",
            self.refused.clone(),
        );
        registry.register(
            "decision_log_lost_lines",
            "Lines that the decision log has lost since the start",
            self.lost_lines.clone(),
        );
        registry.register(
            "traces_lost_spans",
            "Spans that did not reach the collector since the start",
            self.lost_spans.clone(),
        );
    }

    fn register_configuration(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "build",
            "The version that is running",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        registry.register(
            "configuration_changes",
            "Changes of configuration or modules, by whether they are in place",
            self.changes.clone(),
        );
        registry.register(
            "configuration_generation",
            "How often policies were put in place since the start",
            self.generation.clone(),
        );
        registry.register(
            "configuration_stale",
            "1 while the files say something that does not load, so that policies from before decide",
            self.stale.clone(),
        );
        registry.register_with_unit(
            "configuration_loaded_timestamp",
            "When the policies were put in place, Unix time",
            Unit::Seconds,
            self.loaded.clone(),
        );
        registry.register(
            "policy_loaded",
            "1 for each policy that is loaded, with the digest of its module",
            self.policies.clone(),
        );
        registry.register(
            "certificate_stale",
            "1 while the files have a certificate that cannot be used, so that the one from before is shown",
            self.certificate_stale.clone(),
        );
        registry.register_with_unit(
            "certificate_expiry_timestamp",
            "When the server's certificate expires, Unix time; 0 without one",
            Unit::Seconds,
            self.certificate_expiry.clone(),
        );
    }

    /// Counts a decision and everything in its trace.
    pub(crate) fn decided(&self, decided: &DecisionEvent<'_>, elapsed: Duration) {
        let plane = decided.plane_name();
        let verdict = decided.answered.verdict().as_str();
        self.decisions
            .get_or_create(&Decision { plane, verdict })
            .inc();
        self.decision_duration
            .get_or_create(&Plane { plane })
            .observe(elapsed.as_secs_f64());
        for step in &decided.answered.trace.steps {
            let mode = match step.outcome {
                StepOutcome::Skipped(_) => continue,
                StepOutcome::Evaluated { .. } => Mode::Protect,
                StepOutcome::Monitored { .. } => Mode::Monitor,
            };
            let policy = || labels::Name(step.policy.clone());
            if let Some(answer) = step.verdict() {
                let labels = Answered {
                    plane,
                    policy: policy(),
                    mode: mode.as_str(),
                    answer: answer.as_str(),
                };
                self.answers.get_or_create(&labels).inc();
            }
            if let Some(elapsed) = step.duration() {
                let labels = Policy {
                    plane,
                    policy: policy(),
                };
                let histogram = self.policy_duration.get_or_create(&labels);
                histogram.observe(elapsed.as_secs_f64());
            }
            if let Some((failure, _)) = step.failure() {
                let labels = Failed {
                    plane,
                    policy: policy(),
                    mode: mode.as_str(),
                    kind: failure.kind.as_str(),
                };
                self.failures.get_or_create(&labels).inc();
            }
        }
    }

    /// A request could not be answered with a review; `reason` is one of the words that a Status can have.
    pub fn record_rejected_request(&self, reason: &'static str) {
        self.refused.get_or_create(&Refused { reason }).inc();
    }

    /// When the server's certificate expires.
    pub fn set_certificate_expiry(&self, expiry: SystemTime) {
        self.certificate_expiry.set(unix_seconds(expiry));
    }

    /// Whether the files have a certificate that cannot be used, so that the one from before is shown.
    pub fn set_certificate_stale(&self, is_stale: bool) {
        self.certificate_stale.set(is_stale.into());
    }

    /// Policies are in place.
    pub(crate) fn loaded(&self, host: &Host, generation: u64) {
        self.policies.clear();
        for policy in host.policies() {
            let labels = Loaded {
                plane: policy.plane.as_str(),
                policy: labels::Name(policy.name.clone()),
                digest: policy
                    .digest
                    .map(|digest| digest.to_string())
                    .unwrap_or_default(),
            };
            self.policies.get_or_create(&labels).set(1);
            self.begin_at_zero(policy.plane, &policy.name);
        }
        self.generation
            .set(i64::try_from(generation).unwrap_or(i64::MAX));
        self.stale.set(0);
        self.loaded.set(unix_seconds(SystemTime::now()));
        let result = "loaded";
        self.changes.get_or_create(&Change { result }).inc();
    }

    /// What alerts look at is there before it happens for the first time: a rate sees no rise from nothing to one.
    fn begin_at_zero(&self, plane: access::Plane, policy: &PolicyName) {
        let plane = plane.as_str();
        let verdict = Verdict::Failed.as_str();
        drop(self.decisions.get_or_create(&Decision { plane, verdict }));
        for kind in FailureKind::ALL {
            drop(self.failures.get_or_create(&Failed {
                plane,
                policy: labels::Name(policy.clone()),
                mode: Mode::Protect.as_str(),
                kind: kind.as_str(),
            }));
        }
    }

    /// A change is not in place.
    pub(crate) fn refused_change(&self) {
        self.stale.set(1);
        let result = "refused";
        self.changes.get_or_create(&Change { result }).inc();
    }

    /// Everything as text, with what the engine says now.
    #[must_use]
    pub(crate) fn to_text(&self, usage: &Usage, lost: &Lost) -> String {
        self.engine.set(usage);
        set(&self.lost_lines, lost.lines);
        set(&self.lost_spans, lost.spans);
        self.process.look();
        let mut text = String::new();
        // Writing to memory cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

impl OfEngine {
    fn register(&self, registry: &mut Registry) {
        let mut plain = |name: &str, help: &str, metric: &Gauge| {
            registry.register(name, help, metric.clone());
        };
        plain("calls_running", "Instances that run now", &self.running);
        plain(
            "calls_running_limit",
            "Instances that may run at once",
            &self.running_max,
        );
        plain(
            "calls_waiting",
            "Calls that wait for their turn now",
            &self.waiting,
        );
        plain(
            "calls_waiting_limit",
            "Calls that may wait at once; further ones fail as busy",
            &self.waiting_max,
        );
        let mut total = |name: &str, help: &str, metric: &Counter| {
            registry.register(name, help, metric.clone());
        };
        total("calls", "Calls that have run to their end", &self.calls);
        total(
            "modules_compiled",
            "Modules that were compiled",
            &self.compiled,
        );
        total(
            "code_cache_hits",
            "Modules that needed no compiling",
            &self.cache_hits,
        );
        registry.register_with_unit(
            "call_memory_peak",
            "The most memory that any call had since the engine was set up",
            Unit::Bytes,
            self.memory_peak.clone(),
        );
        registry.register_with_unit(
            "calls_waited",
            "What all calls together waited for their turn",
            Unit::Seconds,
            self.waited.clone(),
        );
        registry.register_with_unit(
            "modules_compile_time",
            "What compiling took",
            Unit::Seconds,
            self.compile_time.clone(),
        );
    }

    fn set(&self, usage: &Usage) {
        self.running.set(usage.running.into());
        self.running_max.set(usage.running_max.into());
        self.waiting.set(usage.waiting.into());
        self.waiting_max.set(usage.waiting_max.into());
        set(&self.calls, usage.calls);
        set_seconds(&self.waited, usage.waited.as_secs_f64());
        self.memory_peak.set(gauge(usage.memory_peak.bytes()));
        set(&self.compiled, usage.compiled);
        set_seconds(&self.compile_time, usage.compile_time.as_secs_f64());
        set(&self.cache_hits, usage.cache_hits);
    }
}

/// Takes over a total that somebody else counts.
fn set(counter: &Counter, total: u64) {
    counter.inner().store(total, Ordering::Relaxed);
}

fn set_seconds(counter: &TotalSeconds, total: f64) {
    counter.inner().store(total.to_bits(), Ordering::Relaxed);
}

fn gauge(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Negative before 1970, which no certificate is.
fn unix_seconds(time: SystemTime) -> f64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}

#[cfg(test)]
mod tests;
