//! That what is deployed beside the program asks for metrics that the program has.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::*;

/// Every name that a scrape can have.
fn names() -> BTreeSet<String> {
    let metrics = Metrics::new();
    let policy = || labels::Name("p".parse().unwrap());
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
        .answers
        .get_or_create(&Answered {
            plane: "p",
            policy: policy(),
            mode: "m",
            answer: "a",
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
        .get_or_create(&Failed {
            plane: "p",
            policy: policy(),
            mode: "m",
            kind: "k",
        })
        .inc();
    metrics
        .policies
        .get_or_create(&Loaded {
            plane: "p",
            policy: policy(),
            digest: String::new(),
        })
        .inc();
    metrics.record_rejected_request("r");
    metrics.refused_change();
    let text = metrics.to_text(&Usage::default(), &Lost::default());
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let name = |line: &str| line.split(['{', ' ']).next().unwrap_or_default().to_owned();
    samples.map(name).collect()
}

/// The names in a file.
fn asked_for(file: &str) -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../deploy/monitoring")
        .join(file);
    let text = fs::read_to_string(path).unwrap();
    let words =
        text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    words
        .filter(|word| word.starts_with("k8s_wasm_"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_dashboard_and_the_alerts_ask_for_metrics_that_there_are() {
    let names = names();
    for file in ["dashboard.json", "alerts.yaml"] {
        let asked_for = asked_for(file);
        assert!(asked_for.len() > 5, "{file}");
        let unknown: Vec<_> = asked_for.difference(&names).collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?}, of {names:#?}");
    }
}
