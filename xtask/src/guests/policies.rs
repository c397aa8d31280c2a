//! The Kubewarden policies in `tests/policies`, compiled from Rust, Go and Rego.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use super::artifacts::{PROFILE, TARGET, cargo_artifact, folders_with, install};
use super::{go, toolchain};
use crate::context::Context;
use crate::process;

/// The workspace of the policies in Rust; each of its folders is a policy.
const RUST: &str = "tests/policies/rust";

/// Builds changed policies and returns the folder of all policies.
pub fn build(context: &Context) -> Result<PathBuf> {
    go::check(context)?;
    // In parallel with cargo.
    let others = go::start(context);
    let mut built = build_rust(context)?;
    built.extend(others.wait()?);
    let folder = context.root.join("target/guests/policies");
    install(&built, &folder)?;
    Ok(folder)
}

/// Compiles the policies in Rust, in a separate target directory, because a policy and a module may
/// have the same name.
fn build_rust(context: &Context) -> Result<Vec<PathBuf>> {
    toolchain::prepare(context)?;
    let target_dir = context.target_dir.join("policies");
    let mut cargo = context.cargo("build");
    cargo
        .args(["--profile", PROFILE, "--target", TARGET, "--manifest-path"])
        .arg(format!("{RUST}/Cargo.toml"))
        .env("CARGO_TARGET_DIR", &target_dir);
    process::run(cargo).context("failed to compile the policies in Rust")?;
    let names = folders_with(&context.root.join(RUST), "Cargo.toml")?;
    Ok(names
        .iter()
        .map(|name| cargo_artifact(&target_dir, &name.replace('-', "_")))
        .collect())
}
