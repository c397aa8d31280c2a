//! Tests of the metrics against the dashboard and the alert rules in `deploy/monitoring`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::*;

/// Returns the name of every sample that a scrape can contain.
fn sample_names() -> BTreeSet<String> {
    let metrics = Metrics::new();
    let policy = || Name("p".parse().unwrap());
    metrics
        .decisions
        .get_or_create(&Decision {
            plane: "p",
            verdict: "v",
        })
        .inc();
    metrics
        .decision_duration
        .get_or_create(&Plane { plane: "p" })
        .observe(1.0);
    metrics
        .evaluations
        .get_or_create(&Evaluation {
            plane: "p",
            policy: policy(),
            mode: "m",
            verdict: "v",
        })
        .inc();
    metrics
        .policy_duration
        .get_or_create(&Policy {
            plane: "p",
            policy: policy(),
        })
        .observe(1.0);
    metrics
        .failures
        .get_or_create(&Failure {
            plane: "p",
            policy: policy(),
            mode: "m",
            kind: "k",
        })
        .inc();
    metrics
        .policies
        .get_or_create(&PolicyInfo {
            plane: "p",
            policy: policy(),
            digest: String::new(),
        })
        .inc();
    metrics.record_rejected_request(RejectionReason::NotFound);
    metrics.record_failed_reload();
    metrics.set_engine_usage(&Usage::default());
    let text = metrics.to_text();
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let name = |line: &str| line.split(['{', ' ']).next().unwrap_or_default().to_owned();
    samples.map(name).collect()
}

/// Returns the names of metrics in a file.
fn names_in(file: &str) -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../deploy/monitoring")
        .join(file);
    let text = fs::read_to_string(path).unwrap();
    let words =
        text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    words
        .filter(|word| word.starts_with("k8s_wasm_") || word.starts_with("process_"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_dashboard_and_the_alerts_use_existing_metrics() {
    let existing = sample_names();
    for file in ["dashboard.json", "alerts.yaml"] {
        let used = names_in(file);
        assert!(used.len() > 5, "{file}");
        let unknown: Vec<_> = used.difference(&existing).collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?}, of {existing:#?}");
    }
}

#[test]
fn metrics_have_their_documented_names() {
    let existing = sample_names();
    for name in [
        "decisions_total",
        "decision_duration_seconds_bucket",
        "policy_evaluations_total",
        "policy_duration_seconds_bucket",
        "policy_failures_total",
        "rejected_requests_total",
        "decision_log_dropped_lines_total",
        "trace_dropped_spans_total",
        "build_info",
        "config_reloads_total",
        "config_generation",
        "config_reload_failed",
        "config_last_reload_success_timestamp_seconds",
        "policy_info",
        "certificate_reload_failed",
        "certificate_expiration_timestamp_seconds",
        "calls_running",
        "calls_running_limit",
        "calls_queued",
        "calls_queued_limit",
        "calls_total",
        "queue_wait_seconds_total",
        "call_memory_peak_bytes",
        "modules_compiled_total",
        "module_compile_seconds_total",
        "code_cache_hits_total",
    ] {
        let name = format!("k8s_wasm_{name}");
        assert!(existing.contains(&name), "{name}, of {existing:#?}");
    }
}
