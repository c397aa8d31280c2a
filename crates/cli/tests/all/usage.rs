//! The command line itself: help, mistakes, completions and the reference page.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::test_dir::Place;

#[test]
fn explains_itself() {
    let place = Place::new();
    place.prints("help", &["--help"]);
    place.prints("help-run", &["run", "--help"]);
}

#[test]
fn says_what_is_wrong_with_a_command() {
    let place = Place::new();
    place.prints("usage-unknown-command", &["server"]);
    place.prints(
        "usage-serve-without-tls",
        &["serve", "--config", "policies.yaml"],
    );
    place.prints(
        "usage-two-kinds-of-tls",
        &["serve", "--dev-certs", "certs", "--insecure-plaintext"],
    );
    place.prints(
        "usage-bad-timeout",
        &["run", "a.wasm", "-r", "token.json", "--timeout", "10"],
    );
}

#[test]
fn completes_in_every_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = Place::new()
            .command(&["completions", shell])
            .output()
            .unwrap();
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success() && script.contains("manifests"),
            "{shell}"
        );
    }
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let place = Place::new();
    let mut command = place.command(&["completions", "bash"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
}

#[test]
fn the_reference_page_is_fresh() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/command-line.md");
    let output = Place::new()
        .command(&["reference", "command-line"])
        .output()
        .unwrap();
    let generated = String::from_utf8(output.stdout).unwrap();
    let committed = fs::read_to_string(page).unwrap_or_default();
    assert!(
        generated == committed,
        "docs/reference/command-line.md is stale: run `cargo xtask codegen`"
    );
}
