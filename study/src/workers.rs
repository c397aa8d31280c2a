//! The worker processes, one for each runtime, which are restarted after a crash.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use serde::de::DeserializeOwned;

use crate::protocol::{Reply, Request};
use crate::runtimes::Name;

/// The time after which a worker is killed. Compiling the largest guest takes seconds.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// The workers by runtime.
pub struct Workers {
    /// Path of the worker for wazero.
    wazero: PathBuf,
    running: BTreeMap<Name, Worker>,
}

impl Workers {
    /// Creates the set without starting workers.
    pub fn new(wazero: PathBuf) -> Self {
        Self {
            wazero,
            running: BTreeMap::new(),
        }
    }

    /// Sends a request to the worker of a runtime, and starts the worker first if necessary.
    pub fn request<T: DeserializeOwned>(
        &mut self,
        runtime: Name,
        request: &Request,
        timeout: Duration,
    ) -> Result<T> {
        let mut worker = match self.running.remove(&runtime) {
            Some(worker) => worker,
            None => self.start(runtime)?,
        };
        let line = worker.request(request, timeout)?;
        // After a failure the worker is dropped.
        self.running.insert(runtime, worker);
        match serde_json::from_str(&line)? {
            Reply::Ok(figures) => Ok(figures),
            Reply::Error(error) => bail!(error),
        }
    }

    /// Stops all workers, so that the next requests start new processes.
    pub fn stop(&mut self) {
        self.running.clear();
    }

    fn start(&self, runtime: Name) -> Result<Worker> {
        let command = if runtime.is_go() {
            let mut command = Command::new(&self.wazero);
            command.arg(runtime.name());
            command
        } else {
            let mut command = Command::new(std::env::current_exe()?);
            command.args(["worker", runtime.name()]);
            command
        };
        Worker::start(command)
    }
}

struct Worker {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Worker {
    fn start(mut command: Command) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot start `{}`", command.get_program().display()))?;
        let input = child.stdin.take().context("no standard input")?;
        let output = BufReader::new(child.stdout.take().context("no standard output")?);
        let (sender, lines) = channel();
        // A thread, because reading a pipe has no timeout. It ends with the worker.
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self {
            child,
            input,
            lines,
        })
    }

    fn request(&mut self, request: &Request, timeout: Duration) -> Result<String> {
        // If the worker has crashed, writing fails, and no reply arrives.
        let _ = writeln!(self.input, "{}", serde_json::to_string(request)?);
        match self.lines.recv_timeout(timeout) {
            Ok(line) => Ok(line),
            Err(RecvTimeoutError::Timeout) => {
                bail!("no response after {} s; killed", timeout.as_secs())
            }
            Err(RecvTimeoutError::Disconnected) => {
                let status = self.child.wait()?;
                Err(anyhow!("the process exited: {status}"))
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
