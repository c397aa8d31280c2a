//! The guests of `bench/study`: the same programs in Rust, Go and C, by the compilers that each language brings.
//!
//! The compilers themselves keep what has not changed, so nothing here does.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::toolchain::Toolchain;
use super::{PROFILE, TARGET, compiled, update, zig};
use crate::context::Context;
use crate::process::{self, Pending, Status};

const SOURCES: &str = "bench/study/guests";

/// The programs, by the names of their packages.
const RUST: [&str; 3] = ["upper", "token-value", "token-typed"];
const GO: [&str; 2] = ["upper", "token"];
const C: [&str; 2] = ["upper", "token"];

/// What a program is built as, by the end of its file's name: a core module, what a component is made from, and a module
/// with the entry points of k8s-wasm. In Rust a feature says which, in C a macro.
const RUST_KINDS: [(&str, &str); 3] = [
    ("wasm", "default"),
    ("component.wasm", "component"),
    ("own.wasm", "own"),
];
const C_KINDS: [(&str, &str); 2] = [("wasm", "-UCOMPONENT"), ("component.wasm", "-DCOMPONENT")];

/// Builds the guests and returns the folder they are in: `target/guests/study`.
///
/// Where there is no compiler for C, a file says why, and the study says it in its tables.
pub fn build(context: &Context) -> Result<PathBuf> {
    let folder = context.root.join("target/guests/study");
    fs::create_dir_all(&folder)?;
    let (others, output) = (context.clone(), folder.clone());
    // Beside cargo, so that no core waits.
    let others = Pending::start("compiling guests in Go and C", move |status| {
        build_go(&others, &output, status)?;
        build_c(&others, &output, status)
    });
    build_rust(context, &folder)?;
    others.wait()?;
    Ok(folder)
}

fn build_rust(context: &Context, folder: &Path) -> Result<()> {
    let toolchain = Toolchain::find(context, None)?;
    for (suffix, feature) in RUST_KINDS {
        // A folder for each kind: cargo would otherwise compile everything anew at each change of a feature.
        let target_dir = context.target_dir.join("study").join(suffix);
        let mut cargo = context.cargo("build");
        cargo.args(["--profile", PROFILE, "--target", TARGET, "--manifest-path"]);
        cargo.arg(format!("{SOURCES}/rust/Cargo.toml"));
        cargo.env("CARGO_TARGET_DIR", &target_dir);
        cargo.args(["--features", feature]);
        for package in RUST {
            cargo.args(["--package", package]);
        }
        toolchain.apply(&mut cargo);
        process::run(cargo).context("the guests in Rust do not compile")?;
        for package in RUST {
            let name = package.replace('-', "_");
            let installed = folder.join(format!("rust_{name}.{suffix}"));
            update(&compiled(&target_dir, &name), &installed)?;
        }
    }
    Ok(())
}

/// Libraries with exports (`c-shared`), since a program that ends cannot be asked twice.
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
        process::run_to_log(go, &log, status).context("guests in Go need Go 1.24 or newer")?;
    }
    Ok(())
}

fn build_c(context: &Context, folder: &Path, status: &Status) -> Result<()> {
    let missing = folder.join("c.missing");
    let zig = match zig::program(context, status) {
        Ok(zig) => zig,
        Err(error) => {
            let reason = format!("no compiler for C: {error}");
            return fs::write(missing, reason).context("the reason cannot be kept");
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
                // As large as Rust's. Zig's own choice of 16 MiB would be part of each instance.
                .args(["-Wl,-z,stack-size=1048576", "-Wall", "-Wextra", "-Werror"])
                .args([macro_argument, "ways.c", &format!("{name}.c"), "-o"])
                .arg(folder.join(format!("c_{name}.{suffix}")));
            process::run_to_log(cc, &log, status).context("the guests in C do not compile")?;
        }
    }
    Ok(())
}
