//! The flags of the decision log and of traces.

use std::path::PathBuf;

use anyhow::Context;
use observe::decision_log::{self, Redaction, Target};
use observe::traces::{self, Endpoint, parse_pairs};
use observe::{DecisionLog, Traces};

use crate::env;
use crate::outcome::{CommandError, Exit, ResultExt};

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Decision log")]
#[group(skip)]
pub(super) struct DecisionLogArgs {
    /// File to which each decision is appended as a line of JSON, or `-` for standard output. Lines
    /// contain the review without tokens and without the data of Secrets. `k8s-wasm replay` reads
    /// them
    #[arg(long, value_name = "FILE|-")]
    decision_log: Option<PathBuf>,

    /// Fraction of decisions to log, from 0 to 1. Denials, rejections and failures are always
    /// logged, including those of monitored policies
    #[arg(long, value_name = "RATE", default_value_t = 1.0, value_parser = parse_rate, requires = "decision_log")]
    decision_log_sample_rate: f64,

    /// JSON pointers to further parts of reviews to remove; `*` matches every member or element
    #[arg(
        long,
        value_name = "POINTERS",
        value_delimiter = ',',
        requires = "decision_log"
    )]
    decision_log_redact: Vec<String>,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Traces")]
#[group(skip)]
pub(super) struct TraceArgs {
    /// URL of an OpenTelemetry collector (OTLP/HTTP with JSON; `/v1/traces` is appended). Each
    /// review is a span, a child of kube-apiserver's span, with a child span for each policy.
    /// Request headers are read from OTEL_EXPORTER_OTLP_HEADERS, resource attributes from
    /// OTEL_RESOURCE_ATTRIBUTES
    #[arg(long, value_name = "URL")]
    otlp_endpoint: Option<Endpoint>,

    /// Fraction of reviews to trace, from 0 to 1. A `traceparent` header with its sampled flag
    /// takes precedence
    #[arg(long, value_name = "RATE", default_value_t = 0.01, value_parser = parse_rate, requires = "otlp_endpoint")]
    otlp_sample_rate: f64,
}

impl DecisionLogArgs {
    /// Opens the decision log, if there is one.
    pub(super) fn open(&self) -> Result<Option<DecisionLog>, CommandError> {
        let Some(path) = &self.decision_log else {
            return Ok(None);
        };
        let target = if path.as_os_str() == "-" {
            Target::Stdout
        } else {
            Target::File(path.clone())
        };
        let pointers = self.decision_log_redact.iter().map(String::as_str);
        let options = decision_log::Options {
            target,
            sample_rate: self.decision_log_sample_rate,
            redaction: Redaction::new(pointers)?,
        };
        DecisionLog::open(options)
            .with_context(|| format!("failed to open the decision log `{}`", path.display()))
            .with_exit(Exit::Failure)
            .map(Some)
    }
}

impl TraceArgs {
    /// Starts the exporter, if there is a collector.
    pub(super) fn open(&self) -> Result<Option<Traces>, CommandError> {
        let Some(endpoint) = &self.otlp_endpoint else {
            return Ok(None);
        };
        let options = traces::Options {
            endpoint: endpoint.clone(),
            headers: environment_pairs(env::OTLP_HEADERS)?,
            resource: environment_pairs(env::OTLP_RESOURCE)?,
            sample_rate: self.otlp_sample_rate,
        };
        let traces = Traces::open(&options).context("failed to start the trace exporter")?;
        Ok(Some(traces))
    }
}

/// Reads key-value pairs from an environment variable.
fn environment_pairs(name: &str) -> Result<Vec<(String, String)>, CommandError> {
    let pairs = parse_pairs(&env::opentelemetry(name))
        .with_context(|| format!("invalid environment variable {name}"))?;
    Ok(pairs)
}

fn parse_rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if (0.0..=1.0).contains(&rate) => Ok(rate),
        _ => Err("expected a number from 0 to 1, such as 0.01".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_rates_from_zero_to_one() {
        assert_eq!(parse_rate("0"), Ok(0.0));
        assert_eq!(parse_rate("0.01"), Ok(0.01));
        for text in ["1.1", "-0.1", "NaN", "half", ""] {
            assert!(parse_rate(text).is_err(), "{text}");
        }
    }
}
