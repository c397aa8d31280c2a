//! `cargo xtask bench`: the measurements of the workspace in `bench/`.

use anyhow::Result;
use clap::Args;

use crate::context::Context;
use crate::{guests, process};

#[derive(Args)]
pub struct Arguments {
    /// Passed on to the benchmark; `cargo xtask bench -- --help` lists what it takes
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Builds the modules, then becomes the benchmark.
pub fn run(context: &Context, arguments: &Arguments) -> Result<()> {
    let guests = guests::build(context)?;
    guests::build_policies(context)?;
    let mut cargo = context.cargo("run");
    cargo.args(["--release", "--manifest-path", "bench/Cargo.toml", "--"]);
    cargo
        .args(&arguments.arguments)
        .env("K8S_WASM_GUESTS", guests);
    Err(process::become_program(cargo))
}
