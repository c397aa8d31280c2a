//! The policies of `tests/policies`, compiled from Rust, Go and Rego; `tests/policies/README.md` lists them.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use super::toolchain::{Toolchain, Way};
use super::{PROFILE, TARGET, compiled, folders_with, go, install};
use crate::context::Context;
use crate::process;

/// The policies in Rust: a workspace of its own, each of its folders a policy of that name.
const RUST: &str = "tests/policies/rust";

/// Builds what has changed and returns the folder with all policies.
pub fn build(context: &Context, way: Option<Way>) -> Result<PathBuf> {
    go::check(context)?;
    // Beside cargo, so that no core waits.
    let others = go::start(context);
    let mut built = rust(context, way)?;
    built.extend(others.wait()?);
    let folder = context.root.join("target/guests/policies");
    install(&built, &folder)?;
    Ok(folder)
}

/// Compiles the policies in Rust. They have a target directory of their own: their names need not differ from the modules'.
fn rust(context: &Context, way: Option<Way>) -> Result<Vec<PathBuf>> {
    let toolchain = Toolchain::find(context, way)?;
    let target_dir = context.target_dir.join("policies");
    let mut cargo = context.cargo("build");
    cargo
        .args(["--profile", PROFILE, "--target", TARGET, "--manifest-path"])
        .arg(format!("{RUST}/Cargo.toml"))
        .env("CARGO_TARGET_DIR", &target_dir);
    toolchain.apply(&mut cargo);
    process::run(cargo).context("the policies in Rust do not compile")?;
    let names = folders_with(&context.root.join(RUST), "Cargo.toml")?;
    Ok(names
        .iter()
        .map(|name| compiled(&target_dir, &name.replace('-', "_")))
        .collect())
}
