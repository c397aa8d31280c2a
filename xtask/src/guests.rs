//! `cargo xtask guests`: every module of the repository, compiled to WebAssembly.
//!
//! A module is a package of the workspace with a `cdylib` and the mark `[package.metadata.k8s-wasm] module = true`.

mod debian;
mod toolchain;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
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

/// Builds the modules and lists them with their sizes.
pub fn run(context: &Context, arguments: &Arguments) -> Result<()> {
    let folder = build_with(context, arguments.toolchain)?;
    for module in modules_in(&folder)? {
        let name = module.file_stem().unwrap_or_default().to_string_lossy();
        println!(
            "{name:32} {:>6} KB",
            fs::metadata(&module)?.len().div_ceil(1000)
        );
    }
    println!("in {}", folder.display());
    Ok(())
}

/// Builds the modules and returns the folder they are in: `target/guests` of the repository.
pub fn build(context: &Context) -> Result<PathBuf> {
    build_with(context, None)
}

fn build_with(context: &Context, way: Option<Way>) -> Result<PathBuf> {
    let packages = metadata::packages(context)?;
    let modules: Vec<_> = packages
        .iter()
        .filter_map(|package| Some((package.name.as_str(), package.module()?)))
        .collect();
    let folder = context.root.join("target/guests");
    fs::create_dir_all(&folder)?;
    if !modules.is_empty() {
        let toolchain = Toolchain::find(context, way)?;
        compile(
            context,
            &toolchain,
            modules.iter().map(|(package, _)| *package),
        )?;
    }
    let built = context.target_dir.join(TARGET).join(PROFILE);
    let mut current = Vec::new();
    for (_, library) in modules {
        let file = format!("{library}.wasm");
        update(&built.join(&file), &folder.join(&file))?;
        current.push(folder.join(file));
    }
    for stale in modules_in(&folder)?
        .into_iter()
        .filter(|path| !current.contains(path))
    {
        fs::remove_file(stale)?;
    }
    Ok(folder)
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
