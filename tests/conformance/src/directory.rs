//! The directory of one cluster, with its files and logs. Its programs do not outlive the process
//! that created it.

use std::fs::{self, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use crate::process::{self, Process};

/// A script that waits until the process that created the directory ends, however that happens: its
/// pipe then closes. The script then kills the process groups whose IDs are in the directory. All
/// tests of a binary share the test clusters, so no destructor would do so.
const WATCHDOG: &str = r#"
while read -r _; do :; done
for file in "$1"/*.pid; do
    [ -f "$file" ] && kill -s KILL -- "-$(cat "$file")"
done
[ "$2" = temporary ] || exit 0
for _ in 1 2 3 4 5; do
    rm -rf "$1" && exit 0
    sleep 1
done
"#;

/// A directory for programs, their files and logs.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    watchdog: Child,
    temporary: Option<TempDir>,
}

impl Directory {
    /// Creates a directory that is removed when this process ends.
    ///
    /// # Errors
    /// If the directory cannot be created, or the watchdog does not start.
    pub fn temporary() -> Result<Self> {
        let temporary = tempfile::Builder::new().prefix("k8s-wasm-").tempdir()?;
        let path = temporary.path().canonicalize()?;
        let watchdog = watchdog(&path, "temporary")?;
        Ok(Self {
            path,
            watchdog,
            temporary: Some(temporary),
        })
    }

    /// Creates the directory `path` if it does not exist. It stays when this process ends.
    ///
    /// # Errors
    /// If it is not empty, or as for [`Directory::temporary`].
    pub fn permanent(path: &Path) -> Result<Self> {
        fs::create_dir_all(path)
            .with_context(|| format!("failed to create the directory `{}`", path.display()))?;
        let path = path.canonicalize()?;
        let is_empty = fs::read_dir(&path)?.next().is_none();
        ensure!(is_empty, "the directory `{}` is not empty", path.display());
        let watchdog = watchdog(&path, "permanent")?;
        Ok(Self {
            path,
            watchdog,
            temporary: None,
        })
    }

    /// Returns the path of the directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file below the directory and returns its path.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Result<PathBuf> {
        let path = self.path.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, content)
            .with_context(|| format!("failed to write `{}`", path.display()))?;
        Ok(path)
    }

    /// Starts a program in a process group of its own, so that Ctrl-C does not reach it and the
    /// harness can shut it down in order. Its output goes to `<name>.log`.
    ///
    /// # Errors
    /// If the program cannot be started.
    pub fn spawn(&self, name: &'static str, mut command: Command) -> Result<Process> {
        let log = self.log(name);
        let output = OpenOptions::new().create(true).append(true).open(&log)?;
        let child = command
            .current_dir(&self.path)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("failed to start `{}`", command.get_program().display()))?;
        let pid_file = self.write(&format!("{name}.pid"), child.id().to_string())?;
        Ok(Process::new(name, child, log, pid_file))
    }

    /// Returns the last lines of the log of the program `name`.
    #[must_use]
    pub fn log_end(&self, name: &str) -> String {
        process::log_end(&self.log(name))
    }

    fn log(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}.log"))
    }
}

impl Drop for Directory {
    /// Ends the watchdog first, since the programs of the directory have already been shut down.
    fn drop(&mut self) {
        let _ = self.watchdog.kill();
        let _ = self.watchdog.wait();
        if let Some(temporary) = self.temporary.take() {
            // Files that cannot be removed do no harm.
            let _ = temporary.close();
        }
    }
}

fn watchdog(directory: &Path, lifetime: &str) -> Result<Child> {
    Command::new("sh")
        .args(["-c", WATCHDOG, "watchdog"])
        .arg(directory)
        .arg(lifetime)
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("failed to start the watchdog")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Closes the pipe, as the kernel does when this process is killed.
    fn close_pipe(directory: &mut Directory) {
        drop(directory.watchdog.stdin.take());
    }

    #[tokio::test]
    async fn kills_the_programs_when_the_process_ends() {
        let mut directory = Directory::temporary().unwrap();
        let mut command = Command::new("sh");
        // The watchdog kills the whole process group.
        command.args(["-c", "sleep 600 & sleep 600"]);
        let process = directory.spawn("sleeper", command).unwrap();
        close_pipe(&mut directory);
        let status = process.ended(Duration::from_secs(10)).await.unwrap();
        assert!(!status.success());
        assert!(directory.watchdog.wait().unwrap().success());
        assert!(!directory.path().exists());
    }

    #[test]
    fn a_permanent_directory_must_be_empty_and_is_kept() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("demo");
        let directory = Directory::permanent(&path).unwrap();
        directory.write("file", "content").unwrap();
        drop(directory);
        assert!(path.join("file").exists());
        let error = Directory::permanent(&path).unwrap_err();
        assert!(error.to_string().ends_with("is not empty"), "{error}");
    }
}
