//! What the exit code of the program means. Scripts rely on it.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It did what was asked; a review was authenticated, allowed or accepted.
    Yes = 0,
    /// A review was answered with no: not authenticated, denied, no opinion, rejected.
    No = 1,
    /// The command line, a file or the configuration is wrong. Also what `clap` exits with.
    Usage = 2,
    /// A policy failed so that there is no decision, or the machine refused something (an address in use, a full disk).
    Failed = 3,
}

/// The table for help texts.
pub(crate) const HELP: &str = "\
Exit codes:
  0  done; a review was authenticated, allowed or accepted
  1  a review was not authenticated, was denied or rejected, or nobody has an opinion
  2  the command line, a file or the configuration is wrong
  3  a policy failed so that there is no decision, or the machine refused something";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
