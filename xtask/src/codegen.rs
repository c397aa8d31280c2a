//! `cargo xtask codegen`: the reference pages of the configuration and the command line, and the header of the C ABI.

mod configuration;
mod header;

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::context::Context;
use crate::{process, setup};

/// The path of the reference of the command line.
const COMMAND_LINE_PATH: &str = "docs/reference/command-line.md";

#[derive(Args)]
pub struct Arguments {
    /// Do not write: fail if a committed file differs from its generated content
    #[arg(long)]
    check: bool,
}

/// Writes or checks all generated files.
pub fn run(context: &Context, arguments: &Arguments) -> Result<()> {
    if arguments.check {
        check(context)
    } else {
        write(context)
    }
}

/// Checks that the committed files are up to date.
///
/// # Errors
/// If a committed file differs from its generated content.
pub fn check(context: &Context) -> Result<()> {
    let mut stale = Vec::new();
    for (path, page) in generate(context)? {
        // A file that cannot be read is stale too.
        if fs::read_to_string(context.root.join(path)).ok() != Some(page) {
            stale.push(path);
        }
    }
    if !stale.is_empty() {
        bail!("stale: {}; run `cargo xtask codegen`", stale.join(", "));
    }
    Ok(())
}

fn write(context: &Context) -> Result<()> {
    for (path, page) in generate(context)? {
        let file = context.root.join(path);
        fs::create_dir_all(file.parent().unwrap_or(Path::new(".")))?;
        fs::write(&file, page).with_context(|| format!("cannot write `{path}`"))?;
        println!("{path}");
    }
    Ok(())
}

fn generate(context: &Context) -> Result<Vec<(&'static str, String)>> {
    let schema = configuration::schema(context)?;
    let k8s_wasm = setup::binary(context, "k8s-wasm")?;
    let mut command = context.command(&k8s_wasm);
    command.args(["reference", "command-line"]);
    Ok(vec![
        (header::PATH, header::generate(&context.root)?),
        (configuration::PAGE_PATH, configuration::page(&schema)?),
        (configuration::SCHEMA_PATH, schema),
        (COMMAND_LINE_PATH, process::output(command)?),
    ])
}
