//! The Rust target of modules, which rustup installs if it is missing.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use super::artifacts::TARGET;
use crate::context::Context;
use crate::process::{self, Pending};

/// Checks that the target is installed, or that rustup is there to install it.
pub fn check(context: &Context) -> Result<()> {
    if is_installed(context)? {
        return Ok(());
    }
    let mut rustup = context.command("rustup");
    rustup.arg("--version");
    process::output(rustup).map(drop).with_context(|| {
        format!(
            "modules are compiled for {TARGET}: install rustup (https://rustup.rs), or the standard library of that target"
        )
    })
}

/// Installs the target with rustup unless it is installed.
pub fn prepare(context: &Context) -> Result<()> {
    if is_installed(context)? {
        return Ok(());
    }
    let log = context.cache.log("rustup")?;
    let mut rustup = context.command("rustup");
    rustup.args(["target", "add", TARGET]);
    let title = format!("installing the target {TARGET}");
    Pending::start(&title, move |status| {
        process::run_to_log(rustup, &log, status)
    })
    .wait()?;
    ensure!(
        is_installed(context)?,
        "rustc has no standard library for {TARGET} after `rustup target add {TARGET}`"
    );
    Ok(())
}

fn is_installed(context: &Context) -> Result<bool> {
    let mut rustc = context.command("rustc");
    rustc.args(["--print", "target-libdir", "--target", TARGET]);
    let libraries = process::output(rustc)?;
    Ok(Path::new(libraries.trim()).is_dir())
}
