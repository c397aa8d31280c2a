//! Paths that all tasks use: the repository, the cache, and cargo's target directory.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::cache::Cache;

/// The paths and the environment of a task.
#[derive(Clone)]
pub struct Context {
    /// The root of the repository.
    pub root: PathBuf,
    /// The user's cache directory, shared between clones.
    pub cache: Cache,
    /// `CARGO_TARGET_DIR` if it is set; otherwise a folder of the cache, so that a second clone
    /// reuses compiled dependencies.
    pub target_dir: PathBuf,
}

impl Context {
    /// Finds the repository and opens the cache.
    pub fn new() -> Result<Self> {
        let manifest_dir = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
        let root = manifest_dir
            .parent()
            .context("the folder of xtask has no parent folder")?
            .to_path_buf();
        let cache = Cache::open()?;
        let target_dir = match env::var_os("CARGO_TARGET_DIR") {
            Some(directory) => env::current_dir()?.join(directory),
            None => cache.path("target"),
        };
        Ok(Self {
            root,
            cache,
            target_dir,
        })
    }

    /// Creates the command `cargo <verb> --locked`, run at the root of the repository.
    pub fn cargo(&self, verb: &str) -> Command {
        let mut cargo = self.command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        // Some build scripts depend on the variables that `cargo run` sets for xtask. Left in, they
        // would cause long rebuilds whenever cargo is called directly and through xtask by turns.
        for (name, _) in env::vars_os() {
            let describes_xtask = name.to_str().is_some_and(|name| {
                name == "CARGO_MANIFEST_DIR"
                    || name == "CARGO_MANIFEST_PATH"
                    || name.starts_with("CARGO_PKG_")
            });
            if describes_xtask {
                cargo.env_remove(name);
            }
        }
        cargo
            .args([verb, "--locked"])
            .env("CARGO_TARGET_DIR", &self.target_dir);
        cargo
    }

    /// Creates a command that runs at the root of the repository.
    pub fn command(&self, program: impl Into<std::ffi::OsString>) -> Command {
        let mut command = Command::new(program.into());
        command.current_dir(&self.root);
        command
    }
}
