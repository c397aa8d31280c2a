//! The command line of the demo.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

/// What the demo is asked for.
#[derive(Debug, Default)]
pub struct Arguments {
    /// Ends after the story instead of waiting for Ctrl-C.
    pub no_wait: bool,
    /// Where everything is kept; a fresh directory that goes away at the end without it.
    pub directory: Option<PathBuf>,
}

impl Arguments {
    /// Reads the command line.
    ///
    /// # Errors
    /// An argument that is not known.
    pub fn from_command_line() -> Result<Self> {
        let mut found = Self::default();
        let mut arguments = std::env::args_os().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.to_str() {
                Some("--no-wait") => found.no_wait = true,
                Some("--dir") => {
                    let directory = arguments.next().context("`--dir` needs a directory")?;
                    found.directory = Some(directory.into());
                }
                _ => bail!(
                    "unknown argument `{}`; there are `--no-wait` and `--dir DIR`",
                    argument.display()
                ),
            }
        }
        Ok(found)
    }
}
