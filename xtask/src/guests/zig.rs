//! Zig's C compiler: one Python package contains clang, the linker and the C library of WASI.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::context::Context;
use crate::process::{self, Status};

const VERSION: &str = "0.17.1";

/// An unpacked Zig in the cache.
pub struct Zig {
    folder: PathBuf,
}

/// Unpacks Zig into the cache with pip unless it is there. Nothing is installed.
pub fn program(context: &Context, status: &Status) -> Result<Zig> {
    let key = format!("zig/{VERSION}");
    let folder = context.cache.folder(&key, status, |folder| {
        let log = context.cache.log("zig")?;
        let mut pip = context.command("python3");
        pip.args(["-m", "pip", "install", "--no-deps", "--quiet", "--target"])
            .arg(folder)
            .arg(format!("ziglang=={VERSION}"));
        process::run_to_log(pip, &log, status)
    });
    Ok(Zig {
        folder: folder.context("failed to download Zig with pip")?,
    })
}

impl Zig {
    /// Creates a command of the C compiler, which caches its compiled libraries next to itself.
    pub fn cc(&self, context: &Context) -> Command {
        let mut cc = context.command(self.folder.join("ziglang/zig"));
        cc.arg("cc")
            .env("ZIG_GLOBAL_CACHE_DIR", self.folder.join("cache"))
            .env("ZIG_LOCAL_CACHE_DIR", self.folder.join("cache"));
        cc
    }
}
