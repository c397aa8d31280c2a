//! `cargo xtask codegen`: the reference pages that the binary prints about itself, and the header of the C ABI.

mod header;

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::context::Context;
use crate::{process, setup};

/// A committed file, and what `k8s-wasm reference` is asked to print for it.
const PAGES: [(&str, &str); 3] = [
    (
        "docs/reference/configuration.schema.json",
        "configuration-schema",
    ),
    ("docs/reference/configuration.md", "configuration"),
    ("docs/reference/command-line.md", "command-line"),
];

#[derive(Args)]
pub struct Arguments {
    /// Only compare: fail when a committed file differs from what would be written
    #[arg(long)]
    check: bool,
}

/// Writes or checks every file.
pub fn run(context: &Context, arguments: &Arguments) -> Result<()> {
    if arguments.check {
        check(context)
    } else {
        write(context)
    }
}

/// Fails when a committed file differs from what would be written.
pub fn check(context: &Context) -> Result<()> {
    let mut stale = Vec::new();
    for (path, page) in generate(context)? {
        // A file that cannot be read is as stale as one that differs.
        if fs::read_to_string(context.root.join(path)).ok() != Some(page) {
            stale.push(path);
        }
    }
    if !stale.is_empty() {
        bail!(
            "stale: {}; `cargo xtask codegen` writes them anew",
            stale.join(", ")
        );
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
    let k8s_wasm = setup::binary(context, "k8s-wasm")?;
    let print = |page| {
        let mut command = context.command(&k8s_wasm);
        command.args(["reference", page]);
        process::output(command)
    };
    let mut files = vec![(header::PATH, header::generate(&context.root)?)];
    for (path, page) in PAGES {
        files.push((path, print(page)?));
    }
    Ok(files)
}
