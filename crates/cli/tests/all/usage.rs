//! Help, usage errors, completions and the reference page.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::test_dir::TestDir;

#[test]
fn prints_help() {
    let dir = TestDir::new();
    dir.prints("help", &["--help"]);
    dir.prints("help-run", &["run", "--help"]);
}

#[test]
fn reports_usage_errors() {
    let dir = TestDir::new();
    dir.prints("usage-unknown-command", &["server"]);
    dir.prints(
        "usage-serve-without-tls",
        &["serve", "--config", "policies.yaml"],
    );
    dir.prints(
        "usage-two-kinds-of-tls",
        &["serve", "--dev-certs", "certs", "--insecure-plaintext"],
    );
    dir.prints(
        "usage-bad-timeout",
        &["run", "a.wasm", "-r", "token.json", "--timeout", "10"],
    );
}

#[test]
fn generates_completions_for_every_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = TestDir::new()
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
fn succeeds_when_the_reader_of_stdout_is_gone() {
    let dir = TestDir::new();
    let mut command = dir.command(&["completions", "bash"]);
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
fn respects_the_variables_for_colors() {
    let dir = TestDir::new();
    let errors_with = |variables: &[(&str, &str)]| {
        let mut command = dir.command(&["check"]);
        command.envs(variables.iter().copied());
        String::from_utf8(command.output().unwrap().stderr).unwrap()
    };
    let red = "\u{1b}[31merror:\u{1b}[0m";
    assert!(errors_with(&[]).starts_with("error:"));
    assert!(errors_with(&[("CLICOLOR_FORCE", "1")]).starts_with(red));
    assert!(errors_with(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]).starts_with("error:"));
}

#[test]
fn reference_page_is_up_to_date() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/command-line.md");
    let output = TestDir::new()
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
