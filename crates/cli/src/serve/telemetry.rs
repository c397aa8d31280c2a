//! The flags of the decision log.

use std::path::PathBuf;

use anyhow::Context;
use observe::DecisionLog;
use observe::decision_log::{Options, Redaction, Target};

use crate::outcome::{Failed, OrFailed};

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Decision log")]
#[group(skip)]
pub(super) struct Args {
    /// Write a line of JSON for each decision to this file, or to standard output, with its review but for tokens and the data
    /// of Secrets. `k8s-wasm replay` reads it
    #[arg(long, value_name = "FILE|-")]
    decision_log: Option<PathBuf>,

    /// Which share to write of the decisions in which no policy refused anything or failed, from 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 1.0, value_parser = share, requires = "decision_log")]
    decision_log_sample: f64,

    /// What else to take out of reviews: JSON pointers, in which `*` is every member or element
    #[arg(
        long,
        value_name = "POINTERS",
        value_delimiter = ',',
        requires = "decision_log"
    )]
    decision_log_redact: Vec<String>,
}

impl Args {
    /// Opens the log that is asked for.
    pub(super) fn open(&self) -> Result<Option<DecisionLog>, Failed> {
        let Some(path) = &self.decision_log else {
            return Ok(None);
        };
        let target = if path.as_os_str() == "-" {
            Target::Stdout
        } else {
            Target::File(path.clone())
        };
        let pointers = self.decision_log_redact.iter().map(String::as_str);
        let options = Options {
            target,
            sample: self.decision_log_sample,
            redaction: Redaction::new(pointers)?,
        };
        DecisionLog::open(options)
            .with_context(|| format!("failed to open the decision log `{}`", path.display()))
            .environment()
            .map(Some)
    }
}

/// A number from 0 to 1.
pub(super) fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("a number from 0 to 1 is expected, such as 0.01".to_owned()),
    }
}
