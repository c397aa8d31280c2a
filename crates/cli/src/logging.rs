//! What the program logs, to standard error.

use std::io;

use anyhow::Context;
use tracing_subscriber::EnvFilter;

use crate::paint::Paint;
use crate::outcome::Failed;

/// How much is logged, and how it looks.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Logging")]
pub(crate) struct LogArgs {
    /// How log lines look
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,

    /// How much is logged: error, warn, info, debug or trace; for a part only as in `info,engine=debug`.
    /// Tokens, Secrets and objects are never logged at info
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log_level: String,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl LogArgs {
    /// Logs as the flags say, from here on.
    pub(crate) fn init(&self) -> Result<(), Failed> {
        let filter = EnvFilter::try_new(&self.log_level)
            .with_context(|| format!("`--log-level {}` cannot be read", self.log_level))?;
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(io::stderr);
        match self.log_format {
            LogFormat::Text => subscriber
                .with_ansi(Paint::of(&io::stderr()).is_coloured())
                .init(),
            LogFormat::Json => subscriber.json().flatten_event(true).init(),
        }
        Ok(())
    }
}

/// Logs warnings only: for commands whose output is what they print.
pub(crate) fn init_quietly() {
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("warn"))
        .with_writer(io::stderr)
        .with_ansi(Paint::of(&io::stderr()).is_coloured())
        .without_time()
        .with_target(false)
        .init();
}
