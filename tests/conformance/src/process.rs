//! A program that the harness started: its readiness, resources, log and end.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::http::{self, Endpoint};

/// The interval at which conditions are checked.
const POLL: Duration = Duration::from_millis(50);

/// The time that a server may take to become ready. A kube-apiserver takes 3 to 5 s, and several
/// may start at once on a small machine.
const READY_TIMEOUT: Duration = Duration::from_secs(90);

/// The unit in which the kernel reports processor time, on every architecture (`USER_HZ` is 100).
const MILLISECONDS_PER_TICK: u64 = 10;

/// A child in a process group of its own. Dropping it kills the group.
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

    /// Returns its resident memory in bytes (`VmRSS` of proc_pid_status(5)).
    ///
    /// # Errors
    /// If it has ended.
    pub fn resident(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))
            .with_context(|| format!("{} has ended", self.name))?;
        parse_resident(&status)
    }

    /// Sends SIGHUP.
    pub fn hang_up(&self) {
        self.signal(Signal::HUP);
    }

    /// Returns the processor time of all its threads so far, in steps of ten milliseconds.
    ///
    /// # Errors
    /// If it has ended.
    pub fn processor_time(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))
            .with_context(|| format!("{} has ended", self.name))?;
        parse_ticks(&stat).map(|ticks| Duration::from_millis(ticks * MILLISECONDS_PER_TICK))
    }

    /// Waits until `GET path` succeeds.
    ///
    /// # Errors
    /// If the program ends or takes too long; with the end of its log.
    pub async fn until_ready(&mut self, endpoint: &Endpoint, path: &str) -> Result<()> {
        let client = endpoint.client()?;
        let deadline = Instant::now() + READY_TIMEOUT;
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
            "{} was not ready within {READY_TIMEOUT:?}\n{}",
            self.name,
            log_end(&self.log)
        )
    }

    /// Sends SIGTERM and waits for the end.
    ///
    /// # Errors
    /// If the program does not end within `timeout`; it is killed then.
    pub async fn stop(self, timeout: Duration) -> Result<ExitStatus> {
        self.signal(Signal::TERM);
        self.ended(timeout).await
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// As for [`Process::stop`].
    pub async fn ended(mut self, timeout: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            ensure!(
                Instant::now() < deadline,
                "{} did not end within {timeout:?}",
                self.name
            );
            tokio::time::sleep(POLL).await;
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // It may have ended already.
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

/// Returns the last lines of a log, with its path.
pub(crate) fn log_end(log: &Path) -> String {
    /// Enough to show the reason of a failure.
    const MAX_LINES: usize = 40;
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let end = &lines[lines.len().saturating_sub(MAX_LINES)..];
    format!("--- end of {}\n{}\n---", log.display(), end.join("\n"))
}

/// Returns the sum of `utime` and `stime` of proc_pid_stat(5), the 14th and 15th field. The second
/// field is a name in parentheses.
fn parse_ticks(stat: &str) -> Result<u64> {
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let mut fields = after_name.split_whitespace().skip(11);
    let mut next = || fields.next().and_then(|field| field.parse::<u64>().ok());
    let (user, system) = (next(), next());
    let sum = user.zip(system).map(|(user, system)| user + system);
    sum.context("/proc/PID/stat does not contain processor times")
}

/// Parses `VmRSS:     1234 kB`, which is missing for a process that has ended but was not waited
/// for.
fn parse_resident(status: &str) -> Result<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    let kilobytes = kilobytes.context("/proc/PID/status does not contain the resident memory")?;
    Ok(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_in_bytes() {
        let status = "Name:\ta\nVmHWM:\t   99 kB\nVmRSS:\t     12 kB\n";
        assert_eq!(parse_resident(status).unwrap(), 12 * 1024);
        assert!(parse_resident("Name:\tdead\n").is_err());
    }

    #[test]
    fn parses_processor_time_after_any_name() {
        let stat = "1234 (a ) name) S 1 1 1 0 -1 4194304 10 0 0 0 250 50 0 0 20 0 1 0 100";
        assert_eq!(parse_ticks(stat).unwrap(), 300);
        assert!(parse_ticks("").is_err());
    }
}
