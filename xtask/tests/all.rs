//! The program as a whole: what it leaves behind, and what it says without a verb.

use std::io::Write;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};

fn xtask() -> Command {
    Command::new(env!("CARGO_BIN_EXE_xtask"))
}

/// A program that ends only when somebody ends it, in a process group of its own.
fn endless() -> Child {
    Command::new("sleep")
        .arg("1000")
        .process_group(0)
        .spawn()
        .unwrap()
}

#[test]
fn lists_the_verbs_when_given_none() {
    let output = xtask().output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    for verb in ["demo", "test", "guests", "kube", "bench", "codegen", "tidy"] {
        assert!(
            text.lines().any(|line| line.trim_start().starts_with(verb)),
            "{verb} in\n{text}"
        );
    }
    assert!(!text.contains("keeper"), "{text}");
}

#[test]
fn ends_what_is_left_when_xtask_is_gone() {
    let mut keeper = xtask().arg("keeper").stdin(Stdio::piped()).spawn().unwrap();
    let (mut left, mut done) = (endless(), endless());
    let mut pipe = keeper.stdin.take().unwrap();
    writeln!(
        pipe,
        "guard {}\nguard {}\nrelease {}",
        left.id(),
        done.id(),
        done.id()
    )
    .unwrap();
    drop(pipe);

    assert!(left.wait().unwrap().signal().is_some());
    assert!(keeper.wait().unwrap().success());
    assert!(
        done.try_wait().unwrap().is_none(),
        "a released group is not ours to end"
    );
    done.kill().unwrap();
    done.wait().unwrap();
}

#[test]
fn guards_neither_its_own_group_nor_everything() {
    let mut keeper = xtask()
        .arg("keeper")
        .process_group(0)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = keeper.stdin.take().unwrap();
    writeln!(pipe, "guard 0\nguard 1\nguard -1\nguard x\n").unwrap();
    drop(pipe);
    assert!(keeper.wait().unwrap().success());
}
