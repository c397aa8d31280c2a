//! The guests of the study: the same programs in Rust, Go and C.
//!
//! Nothing is cached here, since the compilers cache their own results.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::artifacts::{PROFILE, TARGET, cargo_artifact, update};
use super::{toolchain, zig};
use crate::context::Context;
use crate::process::{self, Pending, Status};

const SOURCES: &str = "study/guests";

/// The programs, by package name.
const RUST: [&str; 3] = ["upper", "token-value", "token-typed"];
const GO: [&str; 2] = ["upper", "token"];
const C: [&str; 2] = ["upper", "token"];

/// The kinds of output, as file name suffix and Rust feature or C macro: a core module, the core of
/// a component, and a module with the entry points of k8s-wasm.
const RUST_KINDS: [(&str, &str); 3] = [
    ("wasm", "default"),
    ("component.wasm", "component"),
    ("own.wasm", "own"),
];
const C_KINDS: [(&str, &str); 2] = [("wasm", "-UCOMPONENT"), ("component.wasm", "-DCOMPONENT")];

/// Builds the guests and returns their folder, `target/guests/study`.
///
/// If the C compiler is missing, a file contains the reason, and the study shows it in its tables.
pub fn build(context: &Context) -> Result<PathBuf> {
    let folder = context.root.join("target/guests/study");
    fs::create_dir_all(&folder)?;
    let (others, output) = (context.clone(), folder.clone());
    // In parallel with cargo.
    let others = Pending::start("compiling guests in Go and C", move |status| {
        build_go(&others, &output, status)?;
        build_c(&others, &output, status)
    });
    build_rust(context, &folder)?;
    others.wait()?;
    Ok(folder)
}

fn build_rust(context: &Context, folder: &Path) -> Result<()> {
    toolchain::prepare(context)?;
    for (suffix, feature) in RUST_KINDS {
        // A target directory for each kind, because a change of features recompiles everything.
        let target_dir = context.target_dir.join("study").join(suffix);
        let mut cargo = context.cargo("build");
        cargo.args(["--profile", PROFILE, "--target", TARGET, "--manifest-path"]);
        cargo.arg(format!("{SOURCES}/rust/Cargo.toml"));
        cargo.env("CARGO_TARGET_DIR", &target_dir);
        cargo.args(["--features", feature]);
        for package in RUST {
            cargo.args(["--package", package]);
        }
        process::run(cargo).context("failed to compile the guests in Rust")?;
        for package in RUST {
            let name = package.replace('-', "_");
            let installed = folder.join(format!("rust_{name}.{suffix}"));
            update(&cargo_artifact(&target_dir, &name), &installed)?;
        }
    }
    Ok(())
}

/// Builds reactors (`c-shared`), because a command that has exited cannot be called again.
fn build_go(context: &Context, folder: &Path, status: &Status) -> Result<()> {
    let log = context.cache.log("study-go")?;
    for name in GO {
        let mut go = context.command("go");
        go.current_dir(context.root.join(SOURCES).join("go"))
            .args(["build", "-buildmode=c-shared", "-trimpath"])
            .args(["-buildvcs=false", "-ldflags", "-s -w", "-o"])
            .arg(folder.join(format!("go_{name}.wasm")))
            .arg(format!("./{name}"))
            .env("GOOS", "wasip1")
            .env("GOARCH", "wasm");
        process::run_to_log(go, &log, status)
            .context("failed to compile the guests in Go, which require Go 1.24 or newer")?;
    }
    Ok(())
}

fn build_c(context: &Context, folder: &Path, status: &Status) -> Result<()> {
    let missing = folder.join("c.missing");
    let zig = match zig::program(context, status) {
        Ok(zig) => zig,
        Err(error) => {
            let reason = format!("no C compiler: {error}");
            return fs::write(&missing, reason)
                .with_context(|| format!("cannot write `{}`", missing.display()));
        }
    };
    if missing.exists() {
        fs::remove_file(missing)?;
    }
    let log = context.cache.log("study-c")?;
    for name in C {
        for (suffix, macro_argument) in C_KINDS {
            let mut cc = zig.cc(context);
            cc.current_dir(context.root.join(SOURCES).join("c"))
                .args([
                    "-target",
                    "wasm32-wasi",
                    "-mexec-model=reactor",
                    "-O3",
                    "-s",
                ])
                // The stack size of Rust. Zig's default of 16 MiB would be part of each instance.
                .args(["-Wl,-z,stack-size=1048576", "-Wall", "-Wextra", "-Werror"])
                .args([macro_argument, "conventions.c", &format!("{name}.c"), "-o"])
                .arg(folder.join(format!("c_{name}.{suffix}")));
            process::run_to_log(cc, &log, status).context("failed to compile the guests in C")?;
        }
    }
    Ok(())
}
