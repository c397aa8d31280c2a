//! Where things are: the repository, the cache, the folder that cargo builds into.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::cache::Cache;

/// The places that every chore works with.
#[derive(Clone)]
pub struct Context {
    /// The root of the repository.
    pub root: PathBuf,
    /// What takes minutes, kept for the next clone.
    pub cache: Cache,
    /// `CARGO_TARGET_DIR` when the user set it; otherwise a folder of the cache, so that a second clone finds
    /// the dependencies compiled.
    pub target_dir: PathBuf,
}

impl Context {
    /// Finds the repository and opens the cache.
    pub fn new() -> Result<Self> {
        let manifest_dir = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
        let root = manifest_dir
            .parent()
            .context("xtask lies at the root of its file system")?
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

    /// `cargo <verb>` at the root of the repository, with `Cargo.lock` as committed.
    pub fn cargo(&self, verb: &str) -> Command {
        let mut cargo = self.command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        // Build scripts ask for what `cargo run` sets for this program, and would run again, and minutes of crates with them,
        // whenever plain cargo and the chores take turns.
        for (name, _) in env::vars_os() {
            let described = name.to_str().is_some_and(|name| {
                name == "CARGO_MANIFEST_DIR"
                    || name == "CARGO_MANIFEST_PATH"
                    || name.starts_with("CARGO_PKG_")
            });
            if described {
                cargo.env_remove(name);
            }
        }
        cargo
            .args([verb, "--locked"])
            .env("CARGO_TARGET_DIR", &self.target_dir);
        cargo
    }

    /// Any program, started at the root of the repository.
    pub fn command(&self, program: impl Into<std::ffi::OsString>) -> Command {
        let mut command = Command::new(program.into());
        command.current_dir(&self.root);
        command
    }
}
