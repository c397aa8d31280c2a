//! The flags of traces.

use anyhow::Context;
use observe::Traces;
use observe::traces::{Endpoint, Options, pairs};

use super::telemetry::share;
use crate::env;
use crate::outcome::Failed;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Traces")]
#[group(skip)]
pub(super) struct Args {
    /// Send traces to the collector at this URL, by OTLP over HTTP in JSON, below `/v1/traces`: a span for each review, a child of
    /// kube-apiserver's, and one for each call of a policy. Headers, such as a credential, are read from
    /// OTEL_EXPORTER_OTLP_HEADERS, what to tell of the process from OTEL_RESOURCE_ATTRIBUTES
    #[arg(long, value_name = "URL")]
    otlp_endpoint: Option<Endpoint>,

    /// Which share to trace of the reviews that come without a `traceparent`, from 0 to 1. With one, its flag says
    #[arg(long, value_name = "SHARE", default_value_t = 0.01, value_parser = share, requires = "otlp_endpoint")]
    otlp_sample: f64,
}

impl Args {
    /// Starts to send, if that is asked for.
    pub(super) fn open(&self) -> Result<Option<Traces>, Failed> {
        let Some(endpoint) = &self.otlp_endpoint else {
            return Ok(None);
        };
        let options = Options {
            endpoint: endpoint.clone(),
            headers: given(env::OTLP_HEADERS)?,
            resource: given(env::OTLP_RESOURCE)?,
            sample: self.otlp_sample,
        };
        let traces = Traces::open(&options).context("failed to begin to send traces")?;
        Ok(Some(traces))
    }
}

/// The pairs in an environment variable.
fn given(name: &str) -> Result<Vec<(String, String)>, Failed> {
    let pairs = pairs(&env::opentelemetry(name))
        .with_context(|| format!("failed to read the environment variable {name}"))?;
    Ok(pairs)
}
