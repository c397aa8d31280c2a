//! `cargo xtask tidy`: what the compiler cannot check. Each check is a pure function of the files of the repository.

mod documents;
mod edges;
mod examples;
mod repository;
mod requirements;
mod sources;
mod vectors;

use std::fmt;

use anyhow::{Result, bail};
use clap::CommandFactory;

use self::repository::Repository;
use crate::context::Context;
use crate::metadata;

/// Something out of order, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    path: String,
    /// Counted from 1; `None` when the file as a whole is meant.
    line: Option<usize>,
    problem: String,
}

impl Finding {
    fn file(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            line: None,
            problem: problem.into(),
        }
    }

    fn line(path: impl Into<String>, line: usize, problem: impl Into<String>) -> Self {
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

/// Prints every finding, and fails when there is one.
pub fn run(context: &Context) -> Result<()> {
    let findings = findings(context)?;
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => Ok(()),
        1 => bail!("tidy found 1 thing to put in order"),
        count => bail!("tidy found {count} things to put in order"),
    }
}

fn findings(context: &Context) -> Result<Vec<Finding>> {
    let repository = Repository::read(&context.root)?;
    let packages = metadata::packages(context)?;
    let verbs: Vec<_> = crate::Cli::command()
        .get_subcommands()
        .map(|verb| verb.get_name().to_owned())
        .collect();
    let modules: Vec<_> = packages
        .iter()
        .filter_map(|package| package.module())
        .collect();
    let mut findings = [
        edges::check(&packages, &context.root),
        sources::check(&repository),
        documents::check(&repository, &verbs),
        examples::check(&repository),
        requirements::check(&repository),
        vectors::check(&repository, &modules),
    ]
    .concat();
    findings.sort();
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_tidy() {
        let findings = findings(&Context::new().unwrap()).unwrap();
        let lines: Vec<_> = findings.iter().map(Finding::to_string).collect();
        assert!(findings.is_empty(), "\n{}", lines.join("\n"));
    }

    #[test]
    fn a_finding_names_file_and_line() {
        assert_eq!(
            Finding::line("README.md", 3, "no such verb").to_string(),
            "README.md:3: no such verb"
        );
        assert_eq!(
            Finding::file("docs", "is empty").to_string(),
            "docs: is empty"
        );
    }
}
