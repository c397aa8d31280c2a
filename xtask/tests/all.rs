//! The program as a whole: its help and its reaper.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use std::io::Write;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};

fn xtask() -> Command {
    Command::new(env!("CARGO_BIN_EXE_xtask"))
}

/// Starts a process that never exits, in its own process group.
fn endless() -> Child {
    Command::new("sleep")
        .arg("1000")
        .process_group(0)
        .spawn()
        .unwrap()
}

#[test]
fn lists_the_verbs_without_arguments() {
    let output = xtask().output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    for verb in [
        "demo", "test", "guests", "kube", "bench", "study", "codegen", "tidy",
    ] {
        assert!(
            text.lines().any(|line| line.trim_start().starts_with(verb)),
            "{verb} in\n{text}"
        );
    }
    assert!(!text.contains("reaper"), "{text}");
}

#[test]
fn terminates_guarded_groups_when_xtask_exits() {
    let mut reaper = xtask().arg("reaper").stdin(Stdio::piped()).spawn().unwrap();
    let (mut guarded, mut released) = (endless(), endless());
    let mut pipe = reaper.stdin.take().unwrap();
    writeln!(
        pipe,
        "guard {}\nguard {}\nrelease {}",
        guarded.id(),
        released.id(),
        released.id()
    )
    .unwrap();
    drop(pipe);

    assert!(guarded.wait().unwrap().signal().is_some());
    assert!(reaper.wait().unwrap().success());
    assert!(
        released.try_wait().unwrap().is_none(),
        "a released group must not be terminated"
    );
    released.kill().unwrap();
    released.wait().unwrap();
}

#[test]
fn ignores_its_own_group_init_and_malformed_groups() {
    let mut reaper = xtask()
        .arg("reaper")
        .process_group(0)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = reaper.stdin.take().unwrap();
    writeln!(pipe, "guard 0\nguard 1\nguard -1\nguard x\n").unwrap();
    drop(pipe);
    assert!(reaper.wait().unwrap().success());
}
