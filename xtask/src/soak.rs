//! `cargo xtask soak`: full load while things change and break, at each way from the API server to the policies.

use std::path::{self, PathBuf};

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::apiserver::{self, Profile};
use crate::context::Context;
use crate::setup::Setup;
use crate::{kube, process, setup};

#[derive(Args)]
pub struct Arguments {
    /// The way from the API server to the policies; both, one after the other, when left out
    #[arg(long, value_enum)]
    door: Option<Door>,
    /// How long things change under load at each door
    #[arg(long, default_value_t = 5.0)]
    minutes: f64,
    /// How many requests are under way at once
    #[arg(long, default_value_t = 16)]
    callers: u64,
    /// How often the program that decides is killed afterwards
    #[arg(long, default_value_t = 3)]
    kills: u64,
    /// What requests and changes are drawn from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Keep logs and files here
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Optimized, as one would deploy it, without the checks that a debug build has
    #[arg(long)]
    release: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Door {
    /// `k8s-wasm serve`, asked by a stock kube-apiserver
    Webhook,
    /// The engine inside of a kube-apiserver
    InProcess,
}

/// Prepares everything, then becomes the soak.
pub fn run(context: &Context, arguments: &Arguments) -> Result<()> {
    setup::check(context)?;
    apiserver::check(context)?;
    let kube = kube::start(context)?;
    let setup = match arguments {
        Arguments { release: true, .. } => Setup::optimized(context, kube)?,
        Arguments {
            door: Some(Door::Webhook),
            ..
        } => Setup::complete(context, kube)?,
        _ => Setup::complete(context, kube)?.with_composed(context, Profile::Debug)?,
    };
    let mut soak = context.command(setup::binary(context, "soak")?);
    soak.args(arguments.words());
    if let Some(dir) = &arguments.dir {
        soak.arg("--dir").arg(path::absolute(dir)?);
    }
    setup.apply(&mut soak);
    Err(process::become_program(soak))
}

impl Arguments {
    /// What the program draws and counts by.
    fn words(&self) -> Vec<String> {
        let door = self.door.and_then(|door| door.to_possible_value());
        let door = door.map_or("both".to_owned(), |door| door.get_name().to_owned());
        let options = [
            ("--front-end", door),
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
    fn passes_on_what_the_program_takes() {
        let words = "soak --door in-process --minutes 0.5 --seed 7";
        let cli = Cli::try_parse_from(words.split(' ')).unwrap();
        let passed = cli.arguments.words().join(" ");
        let expected = "--front-end in-process --minutes 0.5 --callers 16 --kills 3 --seed 7";
        assert_eq!(passed, expected);
    }
}
