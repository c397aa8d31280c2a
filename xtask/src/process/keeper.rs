//! A companion process that ends what this one started, however this one ends.
//!
//! Each program runs in a process group of its own, so a `kill` of xtask reaches none of them. The keeper reads from a pipe
//! which groups are alive. The pipe closes when xtask returns, is interrupted or is killed outright; the keeper
//! then ends the groups that are left. Nothing else in xtask handles signals.

use std::collections::BTreeSet;
use std::io::{self, BufRead, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

/// How long a program may take to end by itself after SIGTERM; a kube-apiserver takes a second or two.
const GRACE: Duration = Duration::from_secs(5);

static PIPE: OnceLock<Mutex<ChildStdin>> = OnceLock::new();

/// Starts the keeper of this process unless it runs already.
pub fn start() -> Result<()> {
    if PIPE.get().is_some() {
        return Ok(());
    }
    let program = std::env::current_exe()?;
    let mut keeper =
        spawn(Command::new(program).arg("keeper")).context("cannot start the keeper")?;
    let pipe = keeper.stdin.take().context("the keeper has no pipe")?;
    // A second keeper, started by a thread that raced us here, sees its pipe close and ends.
    let _ = PIPE.set(Mutex::new(pipe));
    Ok(())
}

/// The process group `group` is to end with this process.
pub fn guard(group: u32) {
    tell(&format!("guard {group}\n"));
}

/// The process group `group` is gone.
pub fn release(group: u32) {
    tell(&format!("release {group}\n"));
}

/// The keeper itself: follows the pipe until it closes, then ends the groups that are left.
pub fn keep() -> Result<()> {
    let mut groups = BTreeSet::new();
    for line in io::stdin().lock().lines() {
        match line?.split_once(' ') {
            Some(("guard", group)) => groups.extend(parse(group)),
            Some((_, group)) => groups.retain(|guarded| Some(*guarded) != parse(group)),
            None => {}
        }
    }
    end(&groups
        .into_iter()
        .filter_map(Pid::from_raw)
        .collect::<Vec<_>>());
    Ok(())
}

fn spawn(command: &mut Command) -> io::Result<Child> {
    // A group of its own, so that the Ctrl-C that ends xtask does not end the keeper; no output, so that it never
    // keeps a pipeline open.
    command
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

fn tell(line: &str) {
    if let Some(pipe) = PIPE.get() {
        // Without its keeper xtask still works; only a kill would leave programs behind.
        let _ = pipe
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .write_all(line.as_bytes());
    }
}

/// A process id above 1: neither "my own group" (0) nor init.
fn parse(group: &str) -> Option<i32> {
    group.parse().ok().filter(|group| *group > 1)
}

fn end(groups: &[Pid]) {
    let signal = |signal| {
        for group in groups {
            // Fails only when the group is gone.
            let _ = kill_process_group(*group, signal);
        }
    };
    signal(Signal::TERM);
    let deadline = Instant::now() + GRACE;
    while Instant::now() < deadline
        && groups
            .iter()
            .any(|group| test_kill_process_group(*group).is_ok())
    {
        thread::sleep(Duration::from_millis(50));
    }
    signal(Signal::KILL);
}
