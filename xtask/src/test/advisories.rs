//! Checks of dependencies against licence rules and vulnerability databases.
//!
//! The programs and their data come from the network. A step is skipped if they cannot be had; only
//! a finding is a failure.

use anyhow::{Result, bail};

use crate::context::Context;
use crate::golang::Module;
use crate::process::{self, Pending};

/// The outcome of a step that did not fail.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    Passed,
    /// The step, or a part of it, did not run; contains the reason.
    Skipped(String),
}

/// The version of govulncheck, which is built from source into the cache.
const GOVULNCHECK: &str = "golang.org/x/vuln/cmd/govulncheck@v1.1.4";

/// The exit code with which govulncheck reports vulnerabilities, as opposed to errors.
const VULNERABLE: i32 = 3;

/// Checks the Rust dependencies with cargo-deny, as `deny.toml` configures it.
pub fn cargo_deny(context: &Context) -> Result<Outcome> {
    let cargo = |arguments: &[&str]| {
        let mut cargo = context.command("cargo");
        cargo.args(arguments);
        cargo
    };
    if process::output(cargo(&["deny", "--version"])).is_err() {
        let reason = "cargo-deny is not installed: `cargo install --locked cargo-deny`";
        return Ok(Outcome::Skipped(reason.to_owned()));
    }
    if process::output(cargo(&["fetch", "--locked"])).is_err() {
        let reason = "the dependencies of all targets cannot be downloaded";
        return Ok(Outcome::Skipped(reason.to_owned()));
    }
    process::run(cargo(&["deny", "check", "bans", "licenses", "sources"]))?;
    if process::output(cargo(&["deny", "fetch", "db"])).is_err() {
        let reason = "advisories were not checked: the RustSec database cannot be downloaded";
        return Ok(Outcome::Skipped(reason.to_owned()));
    }
    process::run(cargo(&["deny", "check", "--disable-fetch", "advisories"]))?;
    Ok(Outcome::Passed)
}

/// Checks the Go dependencies of the API servers with govulncheck.
pub fn govulncheck(context: &Context) -> Result<Outcome> {
    let builder = context.clone();
    let building = Pending::start("building govulncheck", move |status| {
        let version = GOVULNCHECK.rsplit('@').next().unwrap_or_default();
        let key = format!("govulncheck/{version}");
        builder.cache.folder(&key, status, |folder| {
            let mut go = builder.command("go");
            go.args(["install", GOVULNCHECK]).env("GOBIN", folder);
            process::run_to_log(go, &builder.cache.log("govulncheck")?, status)
        })
    });
    let folder = match building.wait() {
        Ok(folder) => folder,
        Err(error) => {
            let reason = format!("govulncheck cannot be built: {error}");
            return Ok(Outcome::Skipped(reason));
        }
    };
    let program = folder.join("govulncheck").display().to_string();
    let mut command = Module::APISERVER.command(context, &program);
    command.arg("./...");
    let output = process::capture(&mut command)?;
    let text = String::from_utf8_lossy(&output.stdout);
    match output.status.code() {
        Some(0) => Ok(Outcome::Passed),
        Some(VULNERABLE) => {
            println!("{text}");
            bail!("govulncheck found vulnerabilities; update the dependencies in apiserver/go.mod")
        }
        _ => {
            let error = String::from_utf8_lossy(&output.stderr);
            let last = error.trim().lines().last().unwrap_or("no output");
            Ok(Outcome::Skipped(format!("govulncheck cannot run: {last}")))
        }
    }
}
