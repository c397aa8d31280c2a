//! Logging to standard error.

use std::io;

use anyhow::Context;
use tracing_subscriber::EnvFilter;

use crate::outcome::CommandError;
use crate::terminal;

/// The flags of logging.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Logging")]
pub(crate) struct LogArgs {
    /// Format of log lines
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,

    /// Log level: error, warn, info, debug or trace; per component as in `info,engine=debug`.
    /// Tokens, Secrets and objects are never logged at info
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log_level: String,
}

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// Human-readable text
    Text,
    /// One JSON object per line
    Json,
}

impl LogArgs {
    /// Installs the logger that the flags describe.
    pub(crate) fn init(&self) -> Result<(), CommandError> {
        let filter = EnvFilter::try_new(&self.log_level)
            .with_context(|| format!("invalid `--log-level {}`", self.log_level))?;
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(io::stderr);
        match self.log_format {
            LogFormat::Text => subscriber
                .with_ansi(terminal::has_colors(&io::stderr()))
                .init(),
            LogFormat::Json => subscriber.json().flatten_event(true).init(),
        }
        Ok(())
    }
}

/// Installs a logger for warnings and errors only, for commands with output of their own.
pub(crate) fn init_for_warnings() {
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("warn"))
        .with_writer(io::stderr)
        .with_ansi(terminal::has_colors(&io::stderr()))
        .without_time()
        .with_target(false)
        .init();
}
