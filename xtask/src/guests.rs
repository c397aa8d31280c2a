//! `cargo xtask guests`: every module of the repository, compiled to WebAssembly.
//!
//! A module is a package of the workspace with a `cdylib` and the mark `[package.metadata.k8s-wasm] module = true`.
//! The policies of `tests/policies`, which are of another dialect, are built apart from them.

mod debian;
mod go;
mod policies;
mod study;
mod toolchain;
mod zig;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use clap::Args;

pub use self::toolchain::check;
use self::toolchain::{Toolchain, Way};
use crate::context::Context;
use crate::{metadata, process};

/// The target that modules are built for, and the folder of the target directory that cargo names after it.
const TARGET: &str = "wasm32-wasip1";

/// The profile in the root `Cargo.toml`: small, and fast to instantiate.
const PROFILE: &str = "guest";

#[derive(Args, Default)]
pub struct Arguments {
    /// Where the compiler comes from; by default the first way that works on this machine
    #[arg(long, value_enum)]
    toolchain: Option<Way>,
}

/// Builds the modules and the policies, and lists them with their sizes.
pub fn run(context: &Context, arguments: &Arguments) -> Result<()> {
    let modules = build_with(context, arguments.toolchain)?;
    let policies = policies::build(context, arguments.toolchain)?;
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

/// Builds the modules and returns the folder they are in: `target/guests` of the repository.
pub fn build(context: &Context) -> Result<PathBuf> {
    build_with(context, None)
}

/// Builds the policies of `tests/policies` and returns the folder they are in: `target/guests/policies`.
pub fn build_policies(context: &Context) -> Result<PathBuf> {
    policies::build(context, None)
}

/// Builds the guests of the study and returns the folder they are in: `target/guests/study`.
pub fn build_study(context: &Context) -> Result<PathBuf> {
    study::build(context)
}

/// Says what the policies need beyond the modules, before anything long starts.
pub fn check_policies(context: &Context) -> Result<()> {
    check(context)?;
    go::check(context)
}

fn build_with(context: &Context, way: Option<Way>) -> Result<PathBuf> {
    let packages = metadata::packages(context)?;
    let modules: Vec<_> = packages
        .iter()
        .filter_map(|package| Some((package.name.as_str(), package.module()?)))
        .collect();
    if !modules.is_empty() {
        let toolchain = Toolchain::find(context, way)?;
        compile(
            context,
            &toolchain,
            modules.iter().map(|(package, _)| *package),
        )?;
    }
    let built: Vec<_> = modules
        .iter()
        .map(|(_, library)| compiled(&context.target_dir, library))
        .collect();
    let folder = context.root.join("target/guests");
    install(&built, &folder)?;
    Ok(folder)
}

/// Where cargo puts the module of a library.
fn compiled(target_dir: &Path, library: &str) -> PathBuf {
    let folder = target_dir.join(TARGET).join(PROFILE);
    folder.join(format!("{library}.wasm"))
}

fn compile<'a>(
    context: &Context,
    toolchain: &Toolchain,
    packages: impl Iterator<Item = &'a str>,
) -> Result<()> {
    let mut cargo = context.cargo("build");
    cargo.args(["--profile", PROFILE, "--target", TARGET]);
    for package in packages {
        cargo.args(["--package", package]);
    }
    toolchain.apply(&mut cargo);
    process::run(cargo).context("the modules do not compile")
}

/// Makes the modules of `folder` exactly those that were built.
fn install(built: &[PathBuf], folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let mut current = Vec::new();
    for module in built {
        let installed = folder.join(module.file_name().unwrap_or_default());
        ensure!(
            !current.contains(&installed),
            "two modules would become `{}`",
            installed.display()
        );
        update(module, &installed)?;
        current.push(installed);
    }
    for stale in modules_in(folder)?
        .into_iter()
        .filter(|path| !current.contains(path))
    {
        fs::remove_file(stale)?;
    }
    Ok(())
}

/// Copies a module unless it is there already, so that its time of change means something.
fn update(from: &Path, to: &Path) -> Result<()> {
    let built = fs::read(from).with_context(|| format!("cannot read `{}`", from.display()))?;
    if fs::read(to).is_ok_and(|present| present == built) {
        return Ok(());
    }
    fs::write(to, built).with_context(|| format!("cannot write `{}`", to.display()))
}

fn modules_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut modules: Vec<_> = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    modules.retain(|path| path.extension() == Some(OsStr::new("wasm")));
    modules.sort();
    Ok(modules)
}

/// The names of the folders in `folder` that have a file of this name, sorted.
fn folders_with(folder: &Path, file: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read `{}`", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        if entry.path().join(file).is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_a_folder_with_a_manifest() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["deny-names", "add-labels", "target"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        for manifest in [
            "Cargo.toml",
            "deny-names/Cargo.toml",
            "add-labels/Cargo.toml",
        ] {
            fs::write(folder.path().join(manifest), "").unwrap();
        }
        let names = folders_with(folder.path(), "Cargo.toml").unwrap();
        assert_eq!(names, ["add-labels", "deny-names"]);
    }
}
