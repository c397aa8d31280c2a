//! Which compiler builds for `wasm32-wasip1`: the installed one, one that rustup completes, or Debian's in the cache.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, anyhow, bail};
use clap::ValueEnum;

use super::{TARGET, debian};
use crate::context::Context;
use crate::process::{self, Pending};

/// A way to come by a compiler, in the order they are tried: what costs nothing first.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Way {
    /// The Rust on the path, when it has the standard library for wasm32-wasip1
    Installed,
    /// The same after `rustup target add wasm32-wasip1`
    Rustup,
    /// Debian's Rust, unpacked into the cache directory by debootstrap
    Debian,
}

/// A compiler that builds for `wasm32-wasip1`.
pub enum Toolchain {
    /// What cargo takes by itself.
    Default,
    /// Debian's compiler and linker.
    Debian(debian::Programs),
}

impl Toolchain {
    /// The first way that works, or the one asked for. The error says what stands in the way of each.
    pub fn find(context: &Context, only: Option<Way>) -> Result<Self> {
        let ways = match only {
            Some(way) => vec![way],
            // Asking rustup again and again for what it could not fetch would cost seconds each time.
            None if debian::is_unpacked(context) => vec![Way::Installed, Way::Debian],
            None => Way::value_variants().to_vec(),
        };
        let mut obstacles = Vec::new();
        for way in ways {
            match way.prepare(context) {
                Ok(toolchain) => return Ok(toolchain),
                Err(error) => obstacles.push(format!("  {}: {error:#}", way.title())),
            }
        }
        bail!("no Rust compiler for {TARGET}:\n{}", obstacles.join("\n"))
    }

    /// Makes `cargo` use this compiler for the modules and for their build scripts.
    pub fn apply(&self, cargo: &mut Command) {
        if let Self::Debian(programs) = self {
            cargo
                .env("RUSTC", &programs.rustc)
                .env("CARGO_TARGET_WASM32_WASIP1_LINKER", &programs.wasm_ld);
        }
    }
}

/// Says what the user has to install, before anything long starts.
pub fn check(context: &Context) -> Result<()> {
    if installed(context).is_ok() || process::output(rustup("--version")).is_ok() {
        return Ok(());
    }
    debian::check(context).map_err(|error| {
        let advice = "install rustup (https://rustup.rs)";
        anyhow!("modules need a Rust compiler for {TARGET}: {advice}; without it, {error}")
    })
}

impl Way {
    fn title(self) -> &'static str {
        match self {
            Self::Installed => "the installed Rust",
            Self::Rustup => "rustup",
            Self::Debian => "Debian's Rust",
        }
    }

    fn prepare(self, context: &Context) -> Result<Toolchain> {
        match self {
            Self::Installed => installed(context)?,
            Self::Rustup => {
                let log = context.cache.log("rustup")?;
                let add = rustup(&format!("target add {TARGET}"));
                Pending::start("adding the target to rustup", move |status| {
                    process::run_to_log(add, &log, status)
                })
                .wait()?;
                installed(context)?;
            }
            Self::Debian => return Ok(Toolchain::Debian(debian::programs(context)?)),
        }
        Ok(Toolchain::Default)
    }
}

fn installed(context: &Context) -> Result<()> {
    let mut rustc = context.command("rustc");
    rustc.args(["--print", "target-libdir", "--target", TARGET]);
    let libraries = process::output(rustc)?;
    if !Path::new(libraries.trim()).is_dir() {
        bail!(
            "it lacks the standard library for {TARGET}; `rustup target add {TARGET}` installs it"
        );
    }
    Ok(())
}

/// rustup with little patience for a server that cannot be reached: there is another way.
fn rustup(arguments: &str) -> Command {
    let mut rustup = Command::new("rustup");
    rustup
        .args(arguments.split(' '))
        .env("RUSTUP_MAX_RETRIES", "1");
    rustup
}
