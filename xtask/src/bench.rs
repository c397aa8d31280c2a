//! `cargo xtask bench`: the measurements of the workspace in `bench/`, and the study in `bench/study/`.

mod study;

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::context::Context;
use crate::setup::Setup;
use crate::{guests, kube, process};

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    part: Option<Part>,
    /// Passed on to the benchmark; `cargo xtask bench -- --help` lists what it takes
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

#[derive(Subcommand)]
enum Part {
    /// Compare runtimes and ways to hand data to a module; see bench/STUDY.md
    Study(study::Arguments),
}

impl Arguments {
    /// Whether `doors` is measured: by its name, or with everything.
    fn need_cluster(&self) -> bool {
        const WITHOUT: [&str; 3] = ["call", "load", "start"];
        let only_others = WITHOUT
            .iter()
            .any(|part| self.arguments.iter().any(|word| word == part));
        !only_others
    }
}

/// Builds the modules, then becomes the benchmark.
pub fn run(context: &Context, arguments: &Arguments) -> Result<()> {
    if let Some(Part::Study(arguments)) = &arguments.part {
        return study::run(context, arguments);
    }
    let guests = guests::build(context)?;
    guests::build_policies(context)?;
    let mut cargo = context.cargo("run");
    cargo.args(["--release", "--manifest-path", "bench/Cargo.toml", "--"]);
    cargo
        .args(&arguments.arguments)
        .env("K8S_WASM_GUESTS", guests);
    if arguments.need_cluster() {
        Setup::optimized(context, kube::start(context)?)?.apply(&mut cargo);
    }
    Err(process::become_program(cargo))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn parsed(words: &str) -> Arguments {
        let words = ["bench"].into_iter().chain(words.split(' '));
        Cli::try_parse_from(words).map(|cli| cli.arguments).unwrap()
    }

    #[test]
    fn only_the_doors_need_a_cluster() {
        assert!(parsed("-- doors --requests 10").need_cluster());
        assert!(parsed("-- --rounds 1").need_cluster());
        assert!(!parsed("-- --rounds 1 load").need_cluster());
    }

    #[test]
    fn passes_everything_on_but_the_study() {
        for words in ["-- call --rounds 3", "-- load --only /validate"] {
            let arguments = parsed(words);
            assert!(arguments.part.is_none());
            assert_eq!(format!("-- {}", arguments.arguments.join(" ")), words);
        }
        assert!(parsed("study --quick").part.is_some());
        assert!(parsed("study --only wasmi/stdio").part.is_some());
    }
}
