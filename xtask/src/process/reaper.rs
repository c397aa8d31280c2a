//! The reaper: a companion process that terminates the children of xtask, however xtask exits.
//!
//! Each child runs in its own process group, so that a `kill` of xtask does not reach it. Through a
//! pipe the reaper learns which groups are alive. The pipe closes when xtask returns, is interrupted
//! or is killed; the reaper then terminates the remaining groups. No other part of xtask handles
//! signals.

use std::collections::BTreeSet;
use std::io::{self, BufRead, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

/// The time between SIGTERM and SIGKILL; a kube-apiserver takes a second or two to exit.
const GRACE_PERIOD: Duration = Duration::from_secs(5);

static PIPE: OnceLock<Mutex<ChildStdin>> = OnceLock::new();

/// Starts the reaper of this process unless it is running.
pub fn start() -> Result<()> {
    if PIPE.get().is_some() {
        return Ok(());
    }
    let program = std::env::current_exe()?;
    let mut reaper =
        spawn(Command::new(program).arg("reaper")).context("cannot start the reaper")?;
    let pipe = reaper.stdin.take().context("the reaper has no pipe")?;
    // If two threads race, the pipe of the second reaper closes here, and that reaper exits.
    let _ = PIPE.set(Mutex::new(pipe));
    Ok(())
}

/// Registers the process group `group` for termination.
pub fn guard(group: u32) {
    send(&format!("guard {group}\n"));
}

/// Removes the process group `group`, which has exited.
pub fn release(group: u32) {
    send(&format!("release {group}\n"));
}

/// Runs the reaper: reads the pipe until it closes, then terminates the remaining groups.
pub fn run() -> Result<()> {
    let mut groups = BTreeSet::new();
    for line in io::stdin().lock().lines() {
        match line?.split_once(' ') {
            Some(("guard", group)) => groups.extend(parse(group)),
            Some((_, group)) => groups.retain(|guarded| Some(*guarded) != parse(group)),
            None => {}
        }
    }
    terminate(
        &groups
            .into_iter()
            .filter_map(Pid::from_raw)
            .collect::<Vec<_>>(),
    );
    Ok(())
}

fn spawn(command: &mut Command) -> io::Result<Child> {
    // Its own group, so that Ctrl-C does not reach the reaper; no output, so that the reaper does
    // not keep a pipeline open.
    command
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

fn send(line: &str) {
    if let Some(pipe) = PIPE.get() {
        // Without the reaper xtask still works; only a kill of xtask would leave children behind.
        let _ = pipe
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .write_all(line.as_bytes());
    }
}

/// Parses a process group above 1, since 0 is the caller's own group and 1 is init.
fn parse(group: &str) -> Option<i32> {
    group.parse().ok().filter(|group| *group > 1)
}

fn terminate(groups: &[Pid]) {
    let signal = |signal| {
        for group in groups {
            // Fails only if the group has exited.
            let _ = kill_process_group(*group, signal);
        }
    };
    signal(Signal::TERM);
    let deadline = Instant::now() + GRACE_PERIOD;
    while Instant::now() < deadline
        && groups
            .iter()
            .any(|group| test_kill_process_group(*group).is_ok())
    {
        thread::sleep(Duration::from_millis(50));
    }
    signal(Signal::KILL);
}
