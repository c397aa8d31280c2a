//! A finding: the place of a problem in the repository, and its solution.

use std::fmt;

/// A problem in a file, with the action that solves it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    path: String,
    /// Line number from 1; `None` if the problem concerns the whole file.
    line: Option<usize>,
    problem: String,
}

impl Finding {
    /// Creates a finding about a whole file or folder.
    pub fn file(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            line: None,
            problem: problem.into(),
        }
    }

    /// Creates a finding about a line.
    pub fn line(path: impl Into<String>, line: usize, problem: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            line: Some(line),
            problem: problem.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.path, self.problem),
            None => write!(f, "{}: {}", self.path, self.problem),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn displays_file_and_line() {
        assert_eq!(
            Finding::line("README.md", 3, "unknown verb").to_string(),
            "README.md:3: unknown verb"
        );
        assert_eq!(
            Finding::file("docs", "is empty").to_string(),
            "docs: is empty"
        );
    }
}
