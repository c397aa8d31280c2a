//! The one place where errors are shown: what went wrong, why, and what to do about it.

use std::io::{self, Write};

use host::config::ConfigErrors;
use host::live::LiveError;
use host::load::{LoadError, LoadErrorKind, LoadErrors};
use preflight::LockedOut;

use crate::exit::Exit;
use crate::paint::Paint;

/// A command that did not do what was asked. Any error converts into one, as a mistake of the user's.
#[derive(Debug)]
pub(crate) struct Failed {
    /// What the program exits with.
    pub(crate) exit: Exit,
    error: anyhow::Error,
    hint: Option<String>,
}

/// `Result` in which a command tells how it ended.
pub(crate) type Outcome = Result<Exit, Failed>;

impl<E: Into<anyhow::Error>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self {
            exit: Exit::Usage,
            error: error.into(),
            hint: None,
        }
    }
}

impl Failed {
    /// With what the user can do about it.
    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// The error itself, when it is of this type.
    pub(crate) fn cause<E: std::error::Error + Send + Sync + 'static>(&self) -> Option<&E> {
        self.error.downcast_ref()
    }

    /// The reader of our output went away, as `head` does: no error, but nothing more to do either.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        let io = self.error.downcast_ref::<io::Error>().map(io::Error::kind);
        let json = || {
            self.error
                .downcast_ref::<serde_json::Error>()?
                .io_error_kind()
        };
        io.or_else(json) == Some(io::ErrorKind::BrokenPipe)
    }

    /// Shows it, every error of a list with its own causes and hint.
    pub(crate) fn show(&self, out: &mut dyn Write, paint: Paint) -> io::Result<()> {
        for entry in self.entries() {
            writeln!(out, "{} {}", paint.red("error:"), entry.message)?;
            for line in entry.snippet.iter().flat_map(|snippet| snippet.lines()) {
                writeln!(out, "  {line}")?;
            }
            for cause in entry.causes {
                writeln!(out, "  cause: {cause}")?;
            }
            if let Some(hint) = entry.hint.or_else(|| self.hint.clone()) {
                writeln!(out, "  {}  {hint}", paint.cyan("hint:"))?;
            }
        }
        Ok(())
    }

    fn entries(&self) -> Vec<Entry> {
        let live = self.error.downcast_ref::<LiveError>();
        let configuration = match live {
            Some(LiveError::Configuration(errors)) => Some(errors),
            _ => self.error.downcast_ref(),
        };
        if let Some(errors) = configuration {
            let errors: &ConfigErrors = errors;
            let entry = |error: &host::config::ConfigError| Entry {
                message: error.to_string(),
                causes: Vec::new(),
                hint: error.hint.clone(),
                snippet: error.snippet.as_ref().map(ToString::to_string),
            };
            return errors.iter().map(entry).collect();
        }
        let policies = match live {
            Some(LiveError::Policies(errors)) => Some(errors),
            _ => self.error.downcast_ref(),
        };
        if let Some(LoadErrors(errors)) = policies {
            return errors.iter().map(Entry::of_load_error).collect();
        }
        let locked_out = match live {
            Some(LiveError::Gate(error)) => error.downcast_ref(),
            _ => self.error.downcast_ref(),
        };
        if let Some(locked_out) = locked_out {
            return Entry::of_locked_out(locked_out);
        }
        let causes = self
            .error
            .chain()
            .skip(1)
            .map(ToString::to_string)
            .collect();
        vec![Entry {
            message: self.error.to_string(),
            causes,
            hint: None,
            snippet: None,
        }]
    }
}

struct Entry {
    message: String,
    snippet: Option<String>,
    causes: Vec<String>,
    hint: Option<String>,
}

impl Entry {
    fn of_load_error(error: &LoadError) -> Self {
        let first = std::error::Error::source(error);
        let causes = std::iter::successors(first, |cause| cause.source());
        let hint = match &error.kind {
            LoadErrorKind::Module(_) | LoadErrorKind::EntryPoint(_) => Some(format!(
                "`k8s-wasm inspect {}` lists what the module exports and imports",
                error.module.display()
            )),
            _ => None,
        };
        Self {
            message: error.to_string(),
            causes: causes.map(ToString::to_string).collect(),
            hint,
            snippet: None,
        }
    }
}

impl Entry {
    /// Each need that is refused, and what to do about all of them.
    fn of_locked_out(locked_out: &LockedOut) -> Vec<Self> {
        let refusals = locked_out.iter().map(|refusal| Self {
            message: refusal.to_string(),
            causes: vec![refusal.operation.reason.to_owned()],
            hint: None,
            snippet: None,
        });
        let together = Self {
            message: locked_out.summary().to_owned(),
            causes: Vec::new(),
            hint: Some(locked_out.advice()),
            snippet: None,
        };
        refusals.chain([together]).collect()
    }
}

/// Adds to an error what is known where it happens.
pub(crate) trait OrFailed<T> {
    /// What the user can do about it.
    fn hint(self, hint: impl Into<String>) -> Result<T, Failed>;

    /// It is the machine's doing, not a mistake in what was written.
    fn environment(self) -> Result<T, Failed>;
}

impl<T, E: Into<Failed>> OrFailed<T> for Result<T, E> {
    fn hint(self, hint: impl Into<String>) -> Result<T, Failed> {
        self.map_err(|error| Failed {
            hint: Some(hint.into()),
            ..error.into()
        })
    }

    fn environment(self) -> Result<T, Failed> {
        self.map_err(|error| Failed {
            exit: Exit::Failed,
            ..error.into()
        })
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    fn shown(failed: &Failed) -> String {
        let mut out = Vec::new();
        failed.show(&mut out, Paint::Plain).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn shows_the_chain_of_causes_and_the_hint() {
        let missing: Result<(), _> = Err(io::Error::other("no such file"));
        let failed = missing
            .context("failed to read `x.json`")
            .hint("`-` reads stdin")
            .unwrap_err();
        assert_eq!(
            shown(&failed),
            "error: failed to read `x.json`\n  cause: no such file\n  hint:  `-` reads stdin\n"
        );
        assert_eq!(failed.exit, Exit::Usage);
    }

    #[test]
    fn the_machines_doing_has_an_exit_code_of_its_own() {
        let refused: Result<(), _> = Err(io::Error::other("address in use"));
        assert_eq!(refused.environment().unwrap_err().exit, Exit::Failed);
    }
}
