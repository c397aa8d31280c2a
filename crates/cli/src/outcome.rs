//! The end of a command: its exit code, or an error with its causes and a hint.

use std::error::Error;
use std::io::{self, Write};
use std::iter;
use std::process::ExitCode;

use host::config::{ConfigError, ConfigErrors};
use host::live::LiveError;
use host::load::{LoadError, LoadErrorKind, LoadErrors};
use preflight::LockedOut;

use crate::terminal::Styles;

/// The exit codes, as text for `--help`.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  success; the review was authenticated, allowed or accepted
  1  the review was not authenticated, was denied or rejected, or no policy has an opinion
  2  the command line, a file or the configuration is invalid
  3  a policy failed and no decision was made, or the operating system reported an error";

/// The exit code of a command. Scripts rely on the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The command succeeded; a review was authenticated, allowed or accepted.
    Success = 0,
    /// A review was not authenticated, was denied or rejected, or no policy has an opinion.
    Negative = 1,
    /// The command line, a file or the configuration is invalid. `clap` exits with the same code.
    Usage = 2,
    /// A policy failed and no decision was made, or the operating system reported an error, such as
    /// an address in use or a full disk.
    Failure = 3,
}

/// The result of a command.
pub(crate) type Outcome = Result<Exit, CommandError>;

/// An error that ends a command. Any error converts into one, with [`Exit::Usage`].
#[derive(Debug)]
pub(crate) struct CommandError {
    /// The exit code of the program.
    pub(crate) exit: Exit,
    error: anyhow::Error,
    hint: Option<String>,
}

/// One error as it is printed.
#[derive(Debug)]
struct Diagnostic {
    message: String,
    /// The lines of the configuration file at the error.
    snippet: Option<String>,
    causes: Vec<String>,
    hint: Option<String>,
}

/// Adds an exit code or a hint to an error.
pub(crate) trait ResultExt<T> {
    /// Sets the exit code.
    fn with_exit(self, exit: Exit) -> Result<T, CommandError>;

    /// Adds a suggestion for the user.
    fn with_hint(self, hint: impl Into<String>) -> Result<T, CommandError>;
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl<E: Into<anyhow::Error>> From<E> for CommandError {
    fn from(error: E) -> Self {
        Self {
            exit: Exit::Usage,
            error: error.into(),
            hint: None,
        }
    }
}

impl<T, E: Into<CommandError>> ResultExt<T> for Result<T, E> {
    fn with_exit(self, exit: Exit) -> Result<T, CommandError> {
        self.map_err(|error| CommandError {
            exit,
            ..error.into()
        })
    }

    fn with_hint(self, hint: impl Into<String>) -> Result<T, CommandError> {
        self.map_err(|error| error.into().with_hint(hint))
    }
}

impl CommandError {
    /// Adds a suggestion for the user.
    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// Returns true if the reader of stdout is gone, as after `| head`. This is not a failure.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        let io = self.error.downcast_ref::<io::Error>().map(io::Error::kind);
        let json = || {
            let error = self.error.downcast_ref::<serde_json::Error>()?;
            error.io_error_kind()
        };
        io.or_else(json) == Some(io::ErrorKind::BrokenPipe)
    }

    /// Writes the error; of a list of errors, each with its own causes and hint.
    pub(crate) fn write(&self, out: &mut dyn Write, styles: Styles) -> io::Result<()> {
        let Styles { error, hint, .. } = styles;
        for diagnostic in self.diagnostics() {
            writeln!(out, "{error}error:{error:#} {}", diagnostic.message)?;
            for line in diagnostic
                .snippet
                .iter()
                .flat_map(|snippet| snippet.lines())
            {
                writeln!(out, "  {line}")?;
            }
            for cause in diagnostic.causes {
                writeln!(out, "  cause: {cause}")?;
            }
            if let Some(text) = diagnostic.hint.or_else(|| self.hint.clone()) {
                writeln!(out, "  {hint}hint:{hint:#}  {text}")?;
            }
        }
        Ok(())
    }

    fn diagnostics(&self) -> Vec<Diagnostic> {
        if let Some(errors) = self.find::<ConfigErrors>() {
            return errors.iter().map(Diagnostic::from_config_error).collect();
        }
        if let Some(errors) = self.find::<LoadErrors>() {
            return errors
                .as_slice()
                .iter()
                .map(Diagnostic::from_load_error)
                .collect();
        }
        if let Some(locked_out) = self.find::<LockedOut>() {
            return Diagnostic::from_locked_out(locked_out);
        }
        vec![Diagnostic::from_error(self.error.as_ref())]
    }

    /// Returns the error, or the one that a [`LiveError`] contains, if it has this type.
    pub(crate) fn find<E: Error + Send + Sync + 'static>(&self) -> Option<&E> {
        let inner: &(dyn Error + 'static) = match self.error.downcast_ref::<LiveError>() {
            Some(LiveError::Configuration(errors)) => errors,
            Some(LiveError::Policies(errors)) => errors,
            Some(LiveError::Gate(error)) => return error.downcast_ref(),
            Some(LiveError::Engine(_)) | None => return self.error.downcast_ref(),
        };
        inner.downcast_ref()
    }
}

impl Diagnostic {
    fn from_error(error: &(dyn Error + 'static)) -> Self {
        let causes = iter::successors(error.source(), |&cause| cause.source());
        Self {
            message: error.to_string(),
            snippet: None,
            causes: causes.map(ToString::to_string).collect(),
            hint: None,
        }
    }

    fn from_config_error(error: &ConfigError) -> Self {
        Self {
            hint: error.hint.clone(),
            snippet: error.snippet.as_ref().map(ToString::to_string),
            causes: Vec::new(),
            message: error.to_string(),
        }
    }

    fn from_load_error(error: &LoadError) -> Self {
        let hint = match &error.kind {
            LoadErrorKind::Module(_) | LoadErrorKind::EntryPoint(_) => Some(format!(
                "`k8s-wasm inspect {}` lists the exports and imports of the module",
                error.module.display()
            )),
            _ => None,
        };
        Self {
            hint,
            ..Self::from_error(error)
        }
    }

    /// Returns a diagnostic for each blocked operation, and a last one with the hint for all of
    /// them.
    fn from_locked_out(locked_out: &LockedOut) -> Vec<Self> {
        let blocked = locked_out.iter().map(|operation| Self {
            message: operation.to_string(),
            snippet: None,
            causes: vec![operation.operation.reason.to_owned()],
            hint: None,
        });
        let summary = Self {
            message: locked_out.summary().to_owned(),
            snippet: None,
            causes: Vec::new(),
            hint: Some(locked_out.advice()),
        };
        blocked.chain([summary]).collect()
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn writes_the_chain_of_causes_and_the_hint() {
        let missing: Result<(), _> = Err(io::Error::other("no such file"));
        let error = missing
            .context("failed to read `x.json`")
            .with_hint("`-` reads stdin")
            .unwrap_err();
        let mut out = Vec::new();
        error.write(&mut out, Styles::default()).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "error: failed to read `x.json`\n  cause: no such file\n  hint:  `-` reads stdin\n"
        );
        assert_eq!(error.exit, Exit::Usage);
    }

    #[test]
    fn sets_the_exit_code() {
        let refused: Result<(), _> = Err(io::Error::other("address in use"));
        assert_eq!(
            refused.with_exit(Exit::Failure).unwrap_err().exit,
            Exit::Failure
        );
    }
}
