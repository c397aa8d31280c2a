//! `cargo xtask guests`: compiles the modules of the repository to WebAssembly.
//!
//! A module is a package of the workspace with a `cdylib` target and the metadata
//! `[package.metadata.k8s-wasm] module = true`. The Kubewarden policies in `tests/policies` and the
//! guests of the study are built separately.

mod artifacts;
mod go;
mod policies;
mod study;
mod toolchain;
mod zig;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use self::artifacts::{PROFILE, TARGET, cargo_artifact, install, modules_in};
pub use self::toolchain::check;
use crate::context::Context;
use crate::{metadata, process};

/// Builds the modules and the policies, and lists them with their sizes.
pub fn run(context: &Context) -> Result<()> {
    let modules = build(context)?;
    let policies = build_policies(context)?;
    for folder in [modules, policies] {
        for module in modules_in(&folder)? {
            let name = module.file_stem().unwrap_or_default().to_string_lossy();
            let size = fs::metadata(&module)?.len().div_ceil(1000);
            println!("{name:32} {size:>6} KB");
        }
        println!("in {}", folder.display());
    }
    Ok(())
}

/// Builds the modules and returns their folder, `target/guests` of the repository.
pub fn build(context: &Context) -> Result<PathBuf> {
    let packages = metadata::packages(context)?;
    let modules: Vec<_> = packages
        .iter()
        .filter_map(|package| Some((package.name.as_str(), package.module()?)))
        .collect();
    if !modules.is_empty() {
        compile(context, modules.iter().map(|(package, _)| *package))?;
    }
    let built: Vec<_> = modules
        .iter()
        .map(|(_, library)| cargo_artifact(&context.target_dir, library))
        .collect();
    let folder = context.root.join("target/guests");
    install(&built, &folder)?;
    Ok(folder)
}

/// Builds the policies in `tests/policies` and returns their folder, `target/guests/policies`.
pub fn build_policies(context: &Context) -> Result<PathBuf> {
    policies::build(context)
}

/// Builds the guests of the study and returns their folder, `target/guests/study`.
pub fn build_study(context: &Context) -> Result<PathBuf> {
    study::build(context)
}

/// Reports missing prerequisites of modules and policies before any long build starts.
pub fn check_policies(context: &Context) -> Result<()> {
    check(context)?;
    go::check(context)
}

fn compile<'a>(context: &Context, packages: impl Iterator<Item = &'a str>) -> Result<()> {
    toolchain::prepare(context)?;
    let mut cargo = context.cargo("build");
    cargo.args(["--profile", PROFILE, "--target", TARGET]);
    for package in packages {
        cargo.args(["--package", package]);
    }
    process::run(cargo).context("failed to compile the modules")
}
