//! Metrics in the format that Prometheus scrapes (OpenMetrics 1.0 text).
//!
//! Label values are bounded: names of configured policies and words of this program, never text
//! that a client sent (S22).

mod engine_usage;
mod labels;
mod process;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use access::trace::{Step, StepOutcome};
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

use crate::decision::DecisionEvent;
use engine_usage::EngineUsage;
pub use labels::RejectionReason;
use labels::{Decision, Evaluation, Failure, Name, Plane, Policy, PolicyInfo, Rejection, Reload};
use process::ProcessCollector;

type Seconds = Gauge<f64, AtomicU64>;
type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// The content type of the metrics.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Prefix of all metrics except the standard ones of the process.
const PREFIX: &str = "k8s_wasm";

/// Bounds of histogram buckets, in seconds: from 25 µs, a small module on an idle machine, to 10 s,
/// the default timeout of admission webhooks.
const BUCKETS: [f64; 17] = [
    0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1,
    0.25, 0.5, 1.0, 2.5, 10.0,
];

/// The metrics of a process.
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use observe::{Metrics, RejectionReason};
///
/// let metrics = Metrics::new();
/// metrics.record_rejected_request(RejectionReason::BadRequest);
/// metrics.set_certificate_expiration(SystemTime::UNIX_EPOCH + Duration::from_secs(7));
///
/// let text = metrics.to_text();
/// assert!(text.contains(r#"k8s_wasm_rejected_requests_total{reason="BadRequest"} 1"#));
/// assert!(text.contains("k8s_wasm_certificate_expiration_timestamp_seconds 7.0"));
/// ```
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    decisions: Family<Decision, Counter>,
    decision_duration: Histograms<Plane>,
    evaluations: Family<Evaluation, Counter>,
    policy_duration: Histograms<Policy>,
    failures: Family<Failure, Counter>,
    rejected_requests: Family<Rejection, Counter>,
    reloads: Family<Reload, Counter>,
    generation: Gauge,
    reload_failed: Gauge,
    last_reload_success: Seconds,
    policies: Family<PolicyInfo, Gauge>,
    certificate_expiration: Seconds,
    certificate_reload_failed: Gauge,
    engine: EngineUsage,
    dropped_lines: Counter,
    dropped_spans: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Creates metrics that are all zero.
    #[must_use]
    pub fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            decisions: Family::default(),
            decision_duration: Family::new_with_constructor(histogram),
            evaluations: Family::default(),
            policy_duration: Family::new_with_constructor(histogram),
            failures: Family::default(),
            rejected_requests: Family::default(),
            reloads: Family::default(),
            generation: Gauge::default(),
            reload_failed: Gauge::default(),
            last_reload_success: Seconds::default(),
            policies: Family::default(),
            certificate_expiration: Seconds::default(),
            certificate_reload_failed: Gauge::default(),
            engine: EngineUsage::default(),
            dropped_lines: Counter::default(),
            dropped_spans: Counter::default(),
        };
        let mut registry = Registry::default();
        let ours = registry.sub_registry_with_prefix(PREFIX);
        metrics.register_decisions(ours);
        metrics.register_configuration(ours);
        metrics.engine.register(ours);
        let process = registry.sub_registry_with_prefix("process");
        process.register_collector(Box::new(ProcessCollector));
        metrics.registry = registry;
        metrics
    }

    fn register_decisions(&self, registry: &mut Registry) {
        registry.register(
            "decisions",
            "Decisions by plane and verdict",
            self.decisions.clone(),
        );
        registry.register_with_unit(
            "decision_duration",
            "Time from the arrival of a review to the response",
            Unit::Seconds,
            self.decision_duration.clone(),
        );
        registry.register(
            "policy_evaluations",
            "Evaluations of policies by verdict; with mode monitor, verdicts without effect",
            self.evaluations.clone(),
        );
        registry.register_with_unit(
            "policy_duration",
            "Time that policies took, including the time in the queue",
            Unit::Seconds,
            self.policy_duration.clone(),
        );
        registry.register(
            "policy_failures",
            "Failed calls of policies by kind of failure",
            self.failures.clone(),
        );
        registry.register(
            "rejected_requests",
            "Requests that were not evaluated, by the reason in the Status of the response",
            self.rejected_requests.clone(),
        );
        registry.register(
            "decision_log_dropped_lines",
            "Lines of the decision log that were dropped",
            self.dropped_lines.clone(),
        );
        registry.register(
            "trace_dropped_spans",
            "Spans that were not exported",
            self.dropped_spans.clone(),
        );
    }

    fn register_configuration(&self, registry: &mut Registry) {
        registry.register(
            "build",
            "Version of the program",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        registry.register(
            "config_reloads",
            "Loads of the configuration and its modules by result",
            self.reloads.clone(),
        );
        registry.register(
            "config_generation",
            "Generation of the policy set: 1 after the start, incremented by each reload",
            self.generation.clone(),
        );
        registry.register(
            "config_reload_failed",
            "1 while the files hold a configuration that does not load",
            self.reload_failed.clone(),
        );
        registry.register_with_unit(
            "config_last_reload_success_timestamp",
            "Unix time at which the policy set was loaded",
            Unit::Seconds,
            self.last_reload_success.clone(),
        );
        registry.register(
            "policy_info",
            "Loaded policies with the digests of their modules; the value is 1",
            self.policies.clone(),
        );
        registry.register(
            "certificate_reload_failed",
            "1 while the files hold a certificate that does not load",
            self.certificate_reload_failed.clone(),
        );
        registry.register_with_unit(
            "certificate_expiration_timestamp",
            "Unix time at which the server certificate expires; 0 without a certificate",
            Unit::Seconds,
            self.certificate_expiration.clone(),
        );
    }

    /// Counts a decision and every step of its trace.
    pub(crate) fn record_decision(&self, event: &DecisionEvent<'_>, elapsed: Duration) {
        let plane = event.origin.as_str();
        let verdict = event.evaluation.verdict().as_str();
        self.decisions
            .get_or_create(&Decision { plane, verdict })
            .inc();
        self.decision_duration
            .get_or_create(&Plane { plane })
            .observe(elapsed.as_secs_f64());
        for step in &event.evaluation.trace.steps {
            self.record_step(plane, step);
        }
    }

    fn record_step(&self, plane: &'static str, step: &Step) {
        let mode = match step.outcome {
            StepOutcome::Skipped(_) => return,
            StepOutcome::Evaluated { .. } => Mode::Protect.as_str(),
            StepOutcome::Monitored { .. } => Mode::Monitor.as_str(),
        };
        let policy = || Name(step.policy.clone());
        if let Some(verdict) = step.verdict() {
            let labels = Evaluation {
                plane,
                policy: policy(),
                mode,
                verdict: verdict.as_str(),
            };
            self.evaluations.get_or_create(&labels).inc();
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
            let labels = Failure {
                plane,
                policy: policy(),
                mode,
                kind: failure.kind.as_str(),
            };
            self.failures.get_or_create(&labels).inc();
        }
    }

    /// Counts a request that was not evaluated.
    pub fn record_rejected_request(&self, reason: RejectionReason) {
        self.rejected_requests
            .get_or_create(&Rejection { reason })
            .inc();
    }

    /// Sets the expiration time of the server certificate.
    pub fn set_certificate_expiration(&self, expiration: SystemTime) {
        self.certificate_expiration.set(unix_seconds(expiration));
    }

    /// Sets whether the files hold a certificate that does not load.
    pub fn set_certificate_reload_failed(&self, is_failed: bool) {
        self.certificate_reload_failed.set(is_failed.into());
    }

    /// Sets the number of dropped lines of the decision log.
    pub(crate) fn set_dropped_lines(&self, lines: u64) {
        set(&self.dropped_lines, lines);
    }

    /// Sets the number of dropped spans.
    pub(crate) fn set_dropped_spans(&self, spans: u64) {
        set(&self.dropped_spans, spans);
    }

    /// Sets the metrics of the engine.
    pub(crate) fn set_engine_usage(&self, usage: &Usage) {
        self.engine.set(usage);
    }

    /// Records that the policies of `host` were loaded.
    pub(crate) fn record_reload(&self, host: &Host, generation: u64) {
        self.policies.clear();
        for policy in host.policies() {
            let labels = PolicyInfo {
                plane: policy.plane.as_str(),
                policy: Name(policy.name.clone()),
                digest: policy
                    .digest
                    .map(|digest| digest.to_string())
                    .unwrap_or_default(),
            };
            self.policies.get_or_create(&labels).set(1);
            self.initialize(policy.plane, &policy.name);
        }
        self.generation
            .set(i64::try_from(generation).unwrap_or(i64::MAX));
        self.reload_failed.set(0);
        self.last_reload_success
            .set(unix_seconds(SystemTime::now()));
        let result = "success";
        self.reloads.get_or_create(&Reload { result }).inc();
    }

    /// Creates the counters that alerts use with the value 0: `increase` does not count the first
    /// value of a counter.
    fn initialize(&self, plane: access::Plane, policy: &PolicyName) {
        let plane = plane.as_str();
        let verdict = Verdict::Failed.as_str();
        drop(self.decisions.get_or_create(&Decision { plane, verdict }));
        for kind in FailureKind::ALL {
            drop(self.failures.get_or_create(&Failure {
                plane,
                policy: Name(policy.clone()),
                mode: Mode::Protect.as_str(),
                kind: kind.as_str(),
            }));
        }
    }

    /// Records that a changed configuration was not loaded.
    pub(crate) fn record_failed_reload(&self) {
        self.reload_failed.set(1);
        let result = "failure";
        self.reloads.get_or_create(&Reload { result }).inc();
    }

    /// Returns all metrics as text of the type [`CONTENT_TYPE`].
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        // Writing to memory cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

fn histogram() -> Histogram {
    Histogram::new(BUCKETS)
}

/// Sets a counter whose total is counted elsewhere.
fn set(counter: &Counter, total: u64) {
    counter.inner().store(total, Ordering::Relaxed);
}

/// Returns 0 for times before 1970.
fn unix_seconds(time: SystemTime) -> f64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}

#[cfg(test)]
mod tests;
