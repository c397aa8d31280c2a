//! `cargo xtask bench`: builds the modules and runs the benchmarks in `bench/`.

use anyhow::Result;
use clap::Args;

use crate::context::Context;
use crate::setup::Setup;
use crate::{guests, kube, process};

#[derive(Args)]
pub struct Arguments {
    /// Arguments of the benchmark; `cargo xtask bench -- --help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

impl Arguments {
    /// Returns whether the part `front-ends` runs: selected by name, or because no part is.
    fn needs_cluster(&self) -> bool {
        const OTHERS: [&str; 3] = ["call", "load", "start"];
        !self
            .arguments
            .iter()
            .any(|argument| OTHERS.contains(&argument.as_str()))
    }
}

/// Builds the modules, then replaces this process with the benchmark.
pub fn run(context: &Context, arguments: &Arguments) -> Result<()> {
    let guests = guests::build(context)?;
    guests::build_policies(context)?;
    let mut cargo = context.cargo("run");
    cargo.args(["--release", "--manifest-path", "bench/Cargo.toml", "--"]);
    cargo
        .args(&arguments.arguments)
        .env("K8S_WASM_GUESTS", guests);
    if arguments.needs_cluster() {
        Setup::optimized(context, kube::start(context)?)?.apply(&mut cargo);
    }
    Err(process::exec(cargo))
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

    fn parse(words: &str) -> Arguments {
        let words = ["bench"].into_iter().chain(words.split(' '));
        Cli::try_parse_from(words).map(|cli| cli.arguments).unwrap()
    }

    #[test]
    fn only_front_ends_need_a_cluster() {
        assert!(parse("-- front-ends --requests 10").needs_cluster());
        assert!(parse("-- --rounds 1").needs_cluster());
        assert!(!parse("-- --rounds 1 load").needs_cluster());
    }

    #[test]
    fn passes_arguments_to_the_benchmark() {
        for words in ["-- call --rounds 3", "-- load --only /validate"] {
            assert_eq!(format!("-- {}", parse(words).arguments.join(" ")), words);
        }
    }
}
