//! The machine and the versions of a run.

use std::fs;
use std::process::Command;

use crate::results::Fact;

/// The lock file, which contains the versions of the compiled runtimes.
const LOCK: &str = include_str!("../Cargo.lock");
const GO_MOD: &str = include_str!("../wazero/go.mod");

/// Collects date, machine and versions. Unknown facts are omitted.
pub fn facts() -> Vec<Fact> {
    let crates = ["wasmtime", "wasmer", "wasmi"];
    let versions = crates
        .into_iter()
        .map(|name| (name, locked(name)))
        .chain([("wazero", required("github.com/tetratelabs/wazero"))]);
    let found = [
        ("date", output("date", &["--utc", "+%Y-%m-%d"])),
        ("processor", processor()),
        ("cores", output("nproc", &[])),
        ("kernel", output("uname", &["-sr"])),
        ("rust", output("rustc", &["--version"])),
        ("go", output("go", &["env", "GOVERSION"])),
        ("load at the beginning", load()),
    ];
    found
        .into_iter()
        .chain(versions)
        .filter_map(|(name, value)| {
            Some(Fact {
                name: name.to_owned(),
                value: value?,
            })
        })
        .collect()
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split(':').nth(1)?.trim().to_owned())
}

/// Returns the load average of the last minute.
fn load() -> Option<String> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    Some(text.split(' ').next()?.to_owned())
}

fn locked(name: &str) -> Option<String> {
    let entry = format!("name = \"{name}\"\nversion = \"");
    let rest = LOCK.split(&entry).nth(1)?;
    Some(rest.split('"').next()?.to_owned())
}

fn required(module: &str) -> Option<String> {
    let rest = GO_MOD.split(module).nth(1)?;
    Some(
        rest.split_whitespace()
            .next()?
            .trim_start_matches('v')
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_versions() {
        assert!(locked("wasmtime").is_some_and(|version| version.starts_with("48.")));
        assert!(
            required("github.com/tetratelabs/wazero")
                .is_some_and(|version| version.starts_with("1."))
        );
    }
}
