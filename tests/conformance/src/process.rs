//! One program that we started: whether it is still there, what it said, and its end.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::http::{self, Endpoint};

/// How often a condition is looked at again.
const POLL: Duration = Duration::from_millis(50);

/// How long a server may take to become ready: a kube-apiserver takes 3 to 5 s, and several may start at once on a small
/// machine.
const READY_MAX: Duration = Duration::from_secs(90);

/// What the kernel counts processor time in, on every architecture (`USER_HZ` is 100).
const MILLISECONDS_PER_TICK: u64 = 10;

/// A child in a process group of its own, killed when dropped.
#[derive(Debug)]
pub struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
    pid_file: PathBuf,
}

impl Process {
    pub(crate) fn new(name: &'static str, child: Child, log: PathBuf, pid_file: PathBuf) -> Self {
        Self {
            name,
            child,
            log,
            pid_file,
        }
    }

    /// How much memory it has in RAM, in bytes (`VmRSS` of proc_pid_status(5)).
    ///
    /// # Errors
    /// It has ended.
    pub fn resident(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))
            .with_context(|| format!("{} has ended", self.name))?;
        resident(&status)
    }

    /// Sends SIGHUP.
    pub fn hang_up(&self) {
        self.signal(Signal::HUP);
    }

    /// How much processor time it has taken so far, all threads together; in steps of ten milliseconds.
    ///
    /// # Errors
    /// It has ended.
    pub fn processor_time(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))
            .with_context(|| format!("{} has ended", self.name))?;
        ticks(&stat).map(|ticks| Duration::from_millis(ticks * MILLISECONDS_PER_TICK))
    }

    /// Waits until `GET path` answers with success.
    ///
    /// # Errors
    /// The program ended, or took too long; with the end of its log.
    pub async fn until_ready(&mut self, endpoint: &Endpoint, path: &str) -> Result<()> {
        let client = endpoint.client()?;
        let deadline = Instant::now() + READY_MAX;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status}\n{}", self.name, log_end(&self.log));
            }
            if http::is_ok(&client, path).await {
                return Ok(());
            }
            tokio::time::sleep(POLL).await;
        }
        bail!(
            "{} was not ready within {READY_MAX:?}\n{}",
            self.name,
            log_end(&self.log)
        )
    }

    /// Sends SIGTERM and waits for the end.
    ///
    /// # Errors
    /// The program does not end within `patience`; it is killed then.
    pub async fn stop(self, patience: Duration) -> Result<ExitStatus> {
        self.signal(Signal::TERM);
        self.ended(patience).await
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// As for [`Process::stop`].
    pub async fn ended(mut self, patience: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            ensure!(
                Instant::now() < deadline,
                "{} did not end within {patience:?}",
                self.name
            );
            tokio::time::sleep(POLL).await;
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // It may be gone already.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            self.signal(Signal::KILL);
            let _ = self.child.wait();
        }
        let _ = fs::remove_file(&self.pid_file);
    }
}

/// The last lines of a log, under its name.
pub(crate) fn log_end(log: &Path) -> String {
    /// Enough for the reason, not so much that it hides the story.
    const LINES_MAX: usize = 40;
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let end = &lines[lines.len().saturating_sub(LINES_MAX)..];
    format!("--- the end of {}\n{}\n---", log.display(), end.join("\n"))
}

/// `utime` and `stime` of proc_pid_stat(5), the 14th and 15th field; the second one is a name in parentheses.
fn ticks(stat: &str) -> Result<u64> {
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let mut fields = after_name.split_whitespace().skip(11);
    let mut next = || fields.next().and_then(|field| field.parse::<u64>().ok());
    let (user, system) = (next(), next());
    let sum = user.zip(system).map(|(user, system)| user + system);
    sum.context("the kernel's account of a process reads otherwise")
}

/// `VmRSS:     1234 kB`; a process that has ended and was not waited for has none.
fn resident(status: &str) -> Result<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    let kilobytes = kilobytes.context("the kernel's account of a process has no memory")?;
    Ok(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_in_bytes() {
        let status = "Name:\ta\nVmHWM:\t   99 kB\nVmRSS:\t     12 kB\n";
        assert_eq!(resident(status).unwrap(), 12 * 1024);
        assert!(resident("Name:\tdead\n").is_err());
    }

    #[test]
    fn processor_time_is_read_behind_any_name() {
        let stat = "1234 (a ) name) S 1 1 1 0 -1 4194304 10 0 0 0 250 50 0 0 20 0 1 0 100";
        assert_eq!(ticks(stat).unwrap(), 300);
        assert!(ticks("").is_err());
    }
}
