//! Child processes that never outlive xtask.

mod progress;
pub mod reaper;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use anyhow::{Context as _, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process_group};

pub use self::progress::{Pending, Status, elapsed};

/// Runs a program with its output on the terminal.
pub fn run(mut command: Command) -> Result<()> {
    let status = Running::start(&mut command)?.wait()?;
    check_status(&command, status)
}

/// Runs a program that prints little, and returns its standard output.
pub fn output(mut command: Command) -> Result<String> {
    let output = capture(&mut command)?;
    check_status(&command, output.status).map_err(|error| {
        let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        if text.is_empty() {
            error
        } else {
            anyhow!(text).context(error)
        }
    })?;
    String::from_utf8(output.stdout)
        .with_context(|| format!("the output of `{}` is not UTF-8", command_line(&command)))
}

/// Runs a program that prints little, and returns its exit status and its output.
pub fn capture(command: &mut Command) -> Result<Output> {
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .stdin(Stdio::null());
    command
        .output()
        .with_context(|| format!("cannot start `{}`", command_line(command)))
}

/// Runs a program with its output in the file `log` and the last line of the output in `status`.
///
/// The error contains the end of the output.
pub fn run_to_log(mut command: Command, log: &Path, status: &Status) -> Result<()> {
    let name = command_line(&command);
    let mut file = File::create(log)?;
    writeln!(file, "$ {name}")?;
    let (reader, writer) = io::pipe()?;
    command.stdout(writer.try_clone()?).stderr(writer);
    let running = Running::start(&mut command)?;
    // Closes our write ends of the pipe, so that the reader ends when the program does.
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
    check_status(&command, running.wait()?).map_err(|error| {
        let end = tail.join("\n");
        anyhow!("{end}\nthe full output is in `{}`", log.display()).context(error)
    })
}

/// Replaces this process with the program, which then receives Ctrl-C directly. Returns only on
/// failure.
pub fn exec(mut command: Command) -> anyhow::Error {
    anyhow!(command.exec()).context(format!("cannot start `{}`", command_line(&command)))
}

/// Returns the command line without the path of the program.
fn command_line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let words = std::iter::once(name).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

fn check_status(command: &Command, status: ExitStatus) -> Result<()> {
    if !status.success() {
        bail!("`{}` failed ({status})", command_line(command));
    }
    Ok(())
}

/// A program in its own process group, which the reaper terminates if xtask cannot.
struct Running {
    child: Child,
}

impl Running {
    fn start(command: &mut Command) -> Result<Self> {
        // Without a terminal: the kernel stops a background process group that reads from one.
        command.stdin(Stdio::null()).process_group(0);
        reaper::start()?;
        let child = command
            .spawn()
            .with_context(|| format!("cannot start `{}`", command_line(command)))?;
        reaper::guard(child.id());
        Ok(Self { child })
    }

    fn wait(mut self) -> Result<ExitStatus> {
        Ok(self.child.wait()?)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The program is still running only if reading its output has failed.
        if let Ok(None) = self.child.try_wait() {
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
            let _ = self.child.wait();
        }
        reaper::release(self.child.id());
    }
}
