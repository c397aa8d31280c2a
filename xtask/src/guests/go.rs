//! The policies that are compiled with Go: those written in Go, and those in Rego, since OPA's
//! compiler is a Go program.
//!
//! The cache keeps them under a hash of their sources, so that unchanged policies are not rebuilt.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::artifacts::{folders_with, modules_in};
use crate::context::Context;
use crate::process::{self, Pending, Status};

/// Version of the build steps; increased when they change, so that older cache entries are ignored.
const REVISION: u32 = 1;

const LANGUAGES: [Language; 2] = [
    Language {
        name: "go",
        folder: "tests/policies/go",
        build: build_go,
    },
    Language {
        name: "rego",
        folder: "tests/policies/rego",
        build: build_rego,
    },
];

/// A policy language and its build function.
struct Language {
    name: &'static str,
    folder: &'static str,
    /// Builder that compiles the policies in the first folder into the second one.
    build: fn(&Go<'_>, &Path, &Path) -> Result<()>,
}

/// Checks that Go is installed.
pub fn check(context: &Context) -> Result<()> {
    version(context).map(drop)
}

/// Starts to build changed policies; the outcome lists the files of all policies.
pub fn start(context: &Context) -> Pending<Vec<PathBuf>> {
    let context = context.clone();
    Pending::start("compiling policies in Go and Rego", move |status| {
        let mut built = Vec::new();
        for language in LANGUAGES {
            built.extend(language.policies(&context, status)?);
        }
        Ok(built)
    })
}

impl Language {
    fn policies(&self, context: &Context, status: &Status) -> Result<Vec<PathBuf>> {
        let Self {
            name,
            folder,
            build,
        } = self;
        let sources = context.root.join(folder);
        let hash = hash_sources(&sources, &version(context)?)?;
        let key = format!("policies/{name}-{REVISION}-{hash}");
        let built = context.cache.folder(&key, status, |output| {
            let log = context.cache.log(&format!("policies-{name}"))?;
            let go = Go {
                context,
                log,
                status,
            };
            build(&go, &sources, output).with_context(|| format!("failed to compile `{folder}`"))
        })?;
        modules_in(&built)
    }
}

/// The Go command, with the log file and the status for its output.
struct Go<'a> {
    context: &'a Context,
    log: PathBuf,
    status: &'a Status,
}

impl Go<'_> {
    fn run(&self, folder: &Path, adapt: impl FnOnce(&mut Command)) -> Result<()> {
        let mut go = self.context.command("go");
        go.current_dir(folder);
        adapt(&mut go);
        process::run_to_log(go, &self.log, self.status)
    }
}

/// Compiles each folder to a WASI program of the same name.
fn build_go(go: &Go<'_>, sources: &Path, output: &Path) -> Result<()> {
    for name in folders_with(sources, "main.go")? {
        go.run(sources, |command| {
            command
                .args(["build", "-mod=readonly", "-trimpath", "-buildvcs=false"])
                .args(["-ldflags", "-s -w", "-o"])
                .arg(output.join(format!("{}.wasm", name.replace('-', "_"))))
                .arg(format!("./{name}"))
                .env("GOOS", "wasip1")
                .env("GOARCH", "wasm");
        })?;
    }
    Ok(())
}

/// Runs the Go program in the folder, which compiles the policies next to it.
fn build_rego(go: &Go<'_>, sources: &Path, output: &Path) -> Result<()> {
    go.run(sources, |command| {
        command.args(["run", "-mod=readonly", "."]).arg(output);
    })
}

fn version(context: &Context) -> Result<String> {
    let mut go = context.command("go");
    go.args(["env", "GOVERSION"]);
    process::output(go).context("compiling policies requires Go: install it (https://go.dev/dl)")
}

/// Returns a hash of the sources and the compiler version, in hexadecimal.
fn hash_sources(sources: &Path, compiler: &str) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    compiler.trim().hash(&mut hasher);
    hash_folder(sources, &mut hasher)?;
    Ok(format!("{:016x}", hasher.finish()))
}

/// Hashes all files below `folder` except the test cases, which do not affect the build.
fn hash_folder(folder: &Path, hasher: &mut DefaultHasher) -> Result<()> {
    let context = || format!("cannot read `{}`", folder.display());
    let mut entries = fs::read_dir(folder)
        .with_context(context)?
        .collect::<Result<Vec<_>, _>>()
        .with_context(context)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (name, path) = (entry.file_name(), entry.path());
        if name == "cases" {
            continue;
        }
        name.hash(hasher);
        if path.is_dir() {
            hash_folder(&path, hasher)?;
        } else {
            fs::read(&path).with_context(context)?.hash(hasher);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_covers_sources_and_compiler_but_not_cases() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let hash = |compiler| hash_sources(folder.path(), compiler).unwrap();
        write("policy/main.go", "package main");
        let before = hash("go1.24");
        assert_eq!(before, hash("go1.24\n"));
        assert_ne!(before, hash("go1.25"));

        write("policy/cases/accepts.json", "{}");
        assert_eq!(before, hash("go1.24"));
        write("policy/main.go", "package  main");
        assert_ne!(before, hash("go1.24"));
    }
}
