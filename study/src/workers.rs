//! The processes that the study asks, one for each runtime, started again when one has died.

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

/// How long an answer may take before the process is ended. Compiling the largest guest takes seconds.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Workers by their runtime.
pub struct Workers {
    /// The program that runs wazero.
    wazero: PathBuf,
    running: BTreeMap<Name, Worker>,
}

impl Workers {
    /// None runs yet.
    pub fn new(wazero: PathBuf) -> Self {
        Self {
            wazero,
            running: BTreeMap::new(),
        }
    }

    /// Asks the worker of a runtime, which is started when it does not run.
    pub fn ask<T: DeserializeOwned>(
        &mut self,
        runtime: Name,
        request: &Request,
        patience: Duration,
    ) -> Result<T> {
        let mut worker = match self.running.remove(&runtime) {
            Some(worker) => worker,
            None => self.start(runtime)?,
        };
        let line = worker.ask(request, patience)?;
        // Only a worker that has answered is kept.
        self.running.insert(runtime, worker);
        match serde_json::from_str(&line)? {
            Reply::Ok(figures) => Ok(figures),
            Reply::Error(error) => bail!(error),
        }
    }

    /// Ends all of them: what comes next starts from nothing.
    pub fn end(&mut self) {
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
        // A thread, because reading a pipe knows no deadline. It ends with the worker.
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

    fn ask(&mut self, request: &Request, patience: Duration) -> Result<String> {
        // A worker that has died is noticed by what it does not answer.
        let _ = writeln!(self.input, "{}", serde_json::to_string(request)?);
        match self.lines.recv_timeout(patience) {
            Ok(line) => Ok(line),
            Err(RecvTimeoutError::Timeout) => {
                bail!(
                    "no answer after {} s; ended from outside",
                    patience.as_secs()
                )
            }
            Err(RecvTimeoutError::Disconnected) => {
                let status = self.child.wait()?;
                Err(anyhow!("the whole process ended: {status}"))
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
