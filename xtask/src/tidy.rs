//! `cargo xtask tidy`: checks that the compiler cannot make, each a pure function of the repository.

mod comments;
mod documents;
mod edges;
mod examples;
mod finding;
mod language;
mod repository;
mod requirements;
mod rust;
mod sources;
mod statistics;
mod style;
mod vectors;

use anyhow::{Result, bail};
use clap::{Args, CommandFactory};

use self::finding::Finding;
use self::repository::Repository;
use crate::context::Context;
use crate::metadata;

#[derive(Args, Default)]
pub struct Arguments {
    /// Print statistics of the Rust sources instead
    #[arg(long)]
    statistics: bool,
}

/// Prints all findings, and fails if there are any.
pub fn run(context: &Context, arguments: &Arguments) -> Result<()> {
    if arguments.statistics {
        println!("{}", statistics::collect(&Repository::read(&context.root)?));
        return Ok(());
    }
    let findings = findings(context)?;
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => Ok(()),
        1 => bail!("tidy reports 1 finding"),
        count => bail!("tidy reports {count} findings"),
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
        style::check(&repository),
        comments::check(&repository),
        language::check(&repository),
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
}
