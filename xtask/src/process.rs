//! Starts other programs so that none of them outlives this one.

pub mod keeper;
mod progress;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context as _, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process_group};

pub use self::progress::{Pending, Status, elapsed};

/// Runs a program with its output on the terminal.
pub fn run(mut command: Command) -> Result<()> {
    let status = Running::start(&mut command)?.wait()?;
    succeeded(&command, status)
}

/// Runs a program that prints little, and returns its standard output.
pub fn output(mut command: Command) -> Result<String> {
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .stdin(Stdio::null());
    let output = command
        .output()
        .with_context(|| format!("cannot start `{}`", shown(&command)))?;
    succeeded(&command, output.status).map_err(|error| {
        let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        if text.is_empty() {
            error
        } else {
            anyhow!(text).context(error)
        }
    })?;
    String::from_utf8(output.stdout)
        .with_context(|| format!("`{}` printed no UTF-8", shown(&command)))
}

/// Runs a program with its output in the file `log`, its last line in `status`.
///
/// The error carries the end of the output.
pub fn run_to_log(mut command: Command, log: &Path, status: &Status) -> Result<()> {
    let name = shown(&command);
    let mut file = File::create(log)?;
    writeln!(file, "$ {name}")?;
    let (reader, writer) = io::pipe()?;
    command.stdout(writer.try_clone()?).stderr(writer);
    let running = Running::start(&mut command)?;
    // Closes our ends of the pipe: it has to end when the program does.
    command.stdout(Stdio::null()).stderr(Stdio::null());

    let mut tail = Vec::new();
    for line in BufReader::new(reader).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        writeln!(file, "{line}")?;
        status.set(&line);
        tail.push(line);
        if tail.len() > 20 {
            tail.remove(0);
        }
    }
    succeeded(&command, running.wait()?).map_err(|error| {
        let end = tail.join("\n");
        anyhow!("{end}\nThe whole output is in `{}`", log.display()).context(error)
    })
}

/// Becomes the program; returns only when that fails. Ctrl-C then reaches the program directly.
pub fn become_program(mut command: Command) -> anyhow::Error {
    anyhow!(command.exec()).context(format!("cannot start `{}`", shown(&command)))
}

/// The command line, without the path of the program.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let words = std::iter::once(name).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

fn succeeded(command: &Command, status: ExitStatus) -> Result<()> {
    if !status.success() {
        bail!("`{}` failed ({status})", shown(command));
    }
    Ok(())
}

/// A program in a process group of its own, which the keeper ends if we cannot.
struct Running {
    child: Child,
}

impl Running {
    fn start(command: &mut Command) -> Result<Self> {
        // A background group that reads the terminal is stopped, so it gets none.
        command.stdin(Stdio::null()).process_group(0);
        keeper::start()?;
        let child = command
            .spawn()
            .with_context(|| format!("cannot start `{}`", shown(command)))?;
        keeper::guard(child.id());
        Ok(Self { child })
    }

    fn wait(mut self) -> Result<ExitStatus> {
        Ok(self.child.wait()?)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Still running only when following its output failed.
        if let Ok(None) = self.child.try_wait() {
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
            let _ = self.child.wait();
        }
        keeper::release(self.child.id());
    }
}
