//! Errors in configuration files, each with its file, line and field.

use std::fmt;
use std::path::PathBuf;

/// A position in a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The path of the file, as the caller gave it.
    pub file: PathBuf,
    /// The line and the column, both counted from 1; absent if the whole file is meant.
    pub line: Option<(u32, u32)>,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        match self.line {
            Some((line, column)) => write!(f, ":{line}:{column}"),
            None => Ok(()),
        }
    }
}

/// One error in a configuration.
///
/// `Display` prints one line with position, field and message, so that logs can contain it. The
/// hint and the snippet are separate, for programs that print to a terminal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{position}: {}{message}", FieldPrefix(field))]
pub struct ConfigError {
    /// The position of the wrong value.
    pub position: Position,
    /// The path of the field, such as `admission.modules[0].rules[0].operations`; empty if the
    /// whole file is meant.
    pub field: String,
    /// The description of the error.
    pub message: String,
    /// A suggestion for the user, if there is one.
    pub hint: Option<String>,
    /// The line of the file; absent if the position is unknown or the line is long.
    pub snippet: Option<Box<Snippet>>,
}

impl ConfigError {
    pub(crate) fn with_hint(self, hint: Option<String>) -> Self {
        Self { hint, ..self }
    }
}

struct FieldPrefix<'a>(&'a str);

impl fmt::Display for FieldPrefix<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            Ok(())
        } else {
            write!(f, "{}: ", self.0)
        }
    }
}

/// A line of a file, printed with a caret below the column of an error:
///
/// ```text
///   |
/// 6 |     mutatin: true
///   |     ^
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snippet {
    line: u32,
    /// The number of characters before the caret.
    indent: usize,
    text: String,
}

/// The longest line that becomes a [`Snippet`], in bytes: it fits on a screen.
const MAX_SNIPPET: usize = 200;

impl Snippet {
    /// Creates a snippet of a line, with the caret at a column that counts from 1.
    ///
    /// Returns `None` if the line is too long.
    pub(crate) fn new(line: u32, column: u32, text: &str) -> Option<Self> {
        let printable = |letter: char| if letter.is_control() { ' ' } else { letter };
        let text = text.trim_end();
        (text.len() <= MAX_SNIPPET).then(|| Self {
            line,
            indent: usize::try_from(column.saturating_sub(1))
                .unwrap_or(MAX_SNIPPET)
                .min(MAX_SNIPPET),
            text: text.chars().map(printable).collect(),
        })
    }
}

impl fmt::Display for Snippet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, text) = (self.line.to_string(), &self.text);
        let (margin, indent) = (line.len(), self.indent);
        write!(
            f,
            "{0:margin$} |\n{line} | {text}\n{0:margin$} | {0:indent$}^",
            ""
        )
    }
}

/// All errors of a configuration, in the order of the files. There is at least one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigErrors {
    /// Never empty: only [`From<ConfigError>`] and [`Diagnostics::finish`] create the type.
    errors: Vec<ConfigError>,
}

impl ConfigErrors {
    /// Returns the errors, in the order of the files.
    pub fn iter(&self) -> std::slice::Iter<'_, ConfigError> {
        self.errors.iter()
    }
}

impl<'a> IntoIterator for &'a ConfigErrors {
    type Item = &'a ConfigError;
    type IntoIter = std::slice::Iter<'a, ConfigError>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.iter().enumerate() {
            let separator = if index > 0 { "\n" } else { "" };
            write!(f, "{separator}{error}")?;
            if let Some(hint) = &error.hint {
                write!(f, " ({hint})")?;
            }
        }
        Ok(())
    }
}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self {
            errors: vec![error],
        }
    }
}

/// A collector of errors, so that one run reports all of them.
#[derive(Debug, Default)]
pub(crate) struct Diagnostics {
    errors: Vec<ConfigError>,
}

impl Diagnostics {
    /// Returns the value, or collects the errors.
    pub(crate) fn take<T>(&mut self, result: Result<T, impl Into<ConfigErrors>>) -> Option<T> {
        result
            .map_err(|errors| self.errors.extend(errors.into().errors))
            .ok()
    }

    /// Returns the value if no errors were collected.
    ///
    /// # Errors
    /// The collected errors, if there are any.
    pub(crate) fn finish<T>(self, value: T) -> Result<T, ConfigErrors> {
        if self.errors.is_empty() {
            Ok(value)
        } else {
            Err(ConfigErrors {
                errors: self.errors,
            })
        }
    }
}

/// Returns both values, or the errors of both.
pub(crate) fn both<A, B>(
    first: Result<A, impl Into<ConfigErrors>>,
    second: Result<B, impl Into<ConfigErrors>>,
) -> Result<(A, B), ConfigErrors> {
    match (first.map_err(Into::into), second.map_err(Into::into)) {
        (Ok(first), Ok(second)) => Ok((first, second)),
        (Err(mut errors), Err(more)) => {
            errors.errors.extend(more.errors);
            Err(errors)
        }
        (Err(errors), Ok(_)) | (Ok(_), Err(errors)) => Err(errors),
    }
}

/// Returns the known name that is most similar to a written one, if any is similar enough to be a
/// likely intention.
pub(crate) fn nearest<'a>(
    written: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let distance =
        |name: &str| strsim::damerau_levenshtein(&written.to_lowercase(), &name.to_lowercase());
    known
        .into_iter()
        .map(|name| (distance(name), name))
        .filter(|(distance, name)| *distance <= name.len().div_ceil(4))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snippet_has_a_caret_below_the_column() {
        let snippet = Snippet::new(12, 5, "    mutatin: true\r").unwrap();
        assert_eq!(
            snippet.to_string(),
            "   |\n12 |     mutatin: true\n   |     ^"
        );
    }

    #[test]
    fn a_snippet_has_no_control_characters() {
        let snippet = Snippet::new(1, 2, "\ta: \u{1b}[31m").unwrap();
        assert_eq!(snippet.to_string(), "  |\n1 |  a:  [31m\n  |  ^");
    }

    #[test]
    fn long_lines_are_not_shown() {
        assert_eq!(Snippet::new(1, 1, &"x".repeat(201)), None);
    }
}
