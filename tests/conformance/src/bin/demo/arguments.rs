//! The command line of the demo.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

/// The command line.
#[derive(Debug, Default)]
pub struct Arguments {
    /// True to end after the story instead of waiting for Ctrl-C.
    pub no_wait: bool,
    /// The directory of all files; by default a temporary one.
    pub directory: Option<PathBuf>,
}

impl Arguments {
    /// Reads the command line.
    ///
    /// # Errors
    /// If an argument is unknown.
    pub fn from_command_line() -> Result<Self> {
        let mut parsed = Self::default();
        let mut arguments = std::env::args_os().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.to_str() {
                Some("--no-wait") => parsed.no_wait = true,
                Some("--dir") => {
                    let directory = arguments.next().context("`--dir` requires a directory")?;
                    parsed.directory = Some(directory.into());
                }
                _ => bail!(
                    "unknown argument `{}`; expected `--no-wait` or `--dir DIR`",
                    argument.display()
                ),
            }
        }
        Ok(parsed)
    }
}
