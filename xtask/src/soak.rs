//! `cargo xtask soak`: runs each front end under full load while policies change and fail.

use std::path::{self, PathBuf};

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::apiserver::{self, Profile};
use crate::context::Context;
use crate::setup::Setup;
use crate::{kube, process, setup};

#[derive(Args)]
pub struct Arguments {
    /// Front end to test [default: both, one after the other]
    #[arg(long, value_enum)]
    front_end: Option<FrontEnd>,
    /// Duration of the load for each front end, in minutes
    #[arg(long, default_value_t = 5.0)]
    minutes: f64,
    /// Number of concurrent requests
    #[arg(long, default_value_t = 16)]
    callers: u64,
    /// Number of times that the server is killed after the load
    #[arg(long, default_value_t = 3)]
    kills: u64,
    /// Seed of the random requests and changes
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder in which logs and files are kept
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Use optimized builds, without the assertions of debug builds
    #[arg(long)]
    release: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FrontEnd {
    /// `k8s-wasm serve`, called by a stock kube-apiserver
    Webhook,
    /// The engine inside kube-apiserver
    InProcess,
}

/// Builds everything, then replaces this process with the soak test.
pub fn run(context: &Context, arguments: &Arguments) -> Result<()> {
    setup::check(context)?;
    apiserver::check(context)?;
    let kube = kube::start(context)?;
    let setup = match arguments {
        Arguments { release: true, .. } => Setup::optimized(context, kube)?,
        Arguments {
            front_end: Some(FrontEnd::Webhook),
            ..
        } => Setup::complete(context, kube)?,
        _ => Setup::complete(context, kube)?.with_composed(context, Profile::Debug)?,
    };
    let mut soak = context.command(setup::binary(context, "soak")?);
    soak.args(arguments.to_args());
    if let Some(dir) = &arguments.dir {
        soak.arg("--dir").arg(path::absolute(dir)?);
    }
    setup.apply(&mut soak);
    Err(process::exec(soak))
}

impl Arguments {
    /// Returns the arguments of the soak program.
    fn to_args(&self) -> Vec<String> {
        let front_end = self.front_end.and_then(|it| it.to_possible_value());
        let front_end = front_end.map_or("both".to_owned(), |it| it.get_name().to_owned());
        let options = [
            ("--front-end", front_end),
            ("--minutes", self.minutes.to_string()),
            ("--callers", self.callers.to_string()),
            ("--kills", self.kills.to_string()),
            ("--seed", self.seed.to_string()),
        ];
        let options = options
            .into_iter()
            .flat_map(|(name, value)| [name.to_owned(), value]);
        options.collect()
    }
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

    #[test]
    fn passes_all_options_to_the_program() {
        let words = "soak --front-end in-process --minutes 0.5 --seed 7";
        let cli = Cli::try_parse_from(words.split(' ')).unwrap();
        let passed = cli.arguments.to_args().join(" ");
        let expected = "--front-end in-process --minutes 0.5 --callers 16 --kills 3 --seed 7";
        assert_eq!(passed, expected);
    }
}
