//! The directory of one cluster: its files, its logs, and the promise that nothing outlives the process that made it.

use std::fs::{self, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use crate::process::{self, Process};

/// Waits until the pipe from the process that made the directory closes, which it does however that process ends, then
/// ends the process groups that are written down in the directory. Test clusters are shared by all tests of a binary, so
/// no destructor would do it.
const KEEPER: &str = r#"
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

/// A directory in which programs run.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    keeper: Child,
    temporary: Option<TempDir>,
}

impl Directory {
    /// A fresh directory that goes away with this process.
    ///
    /// # Errors
    /// The directory cannot be made, or no shell can be started to watch over it.
    pub fn temporary() -> Result<Self> {
        let temporary = tempfile::Builder::new().prefix("k8s-wasm-").tempdir()?;
        let path = temporary.path().canonicalize()?;
        let keeper = keeper(&path, "temporary")?;
        Ok(Self {
            path,
            keeper,
            temporary: Some(temporary),
        })
    }

    /// The directory `path`, made when it is not there, and left when this process is done.
    ///
    /// # Errors
    /// There is something in it already, or as for [`Directory::temporary`].
    pub fn lasting(path: &Path) -> Result<Self> {
        fs::create_dir_all(path)
            .with_context(|| format!("cannot make the directory `{}`", path.display()))?;
        let path = path.canonicalize()?;
        let is_empty = fs::read_dir(&path)?.next().is_none();
        ensure!(is_empty, "the directory `{}` is not empty", path.display());
        let keeper = keeper(&path, "lasting")?;
        Ok(Self {
            path,
            keeper,
            temporary: None,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file below the directory and returns its path.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Result<PathBuf> {
        let path = self.path.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, content).with_context(|| format!("cannot write `{}`", path.display()))?;
        Ok(path)
    }

    /// Starts a program in a process group of its own, so that Ctrl-C reaches us alone and we end it in good order. Its
    /// output goes to `<name>.log`.
    ///
    /// # Errors
    /// The program cannot be started.
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
            .with_context(|| format!("cannot start `{}`", command.get_program().display()))?;
        let pid_file = self.write(&format!("{name}.pid"), child.id().to_string())?;
        Ok(Process::new(name, child, log, pid_file))
    }

    /// The last lines that the program `name` wrote.
    #[must_use]
    pub fn log_end(&self, name: &str) -> String {
        process::log_end(&self.log(name))
    }

    fn log(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}.log"))
    }
}

impl Drop for Directory {
    /// The keeper goes first: it must not look after a directory whose programs have ended in good order.
    fn drop(&mut self) {
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
        if let Some(temporary) = self.temporary.take() {
            // What cannot be removed is in the way of nobody.
            let _ = temporary.close();
        }
    }
}

fn keeper(directory: &Path, lifetime: &str) -> Result<Child> {
    Command::new("sh")
        .args(["-c", KEEPER, "keeper"])
        .arg(directory)
        .arg(lifetime)
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot start a shell to end what we start")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// What the kernel does when this process is killed, however that happens.
    fn close_the_pipe(directory: &mut Directory) {
        drop(directory.keeper.stdin.take());
    }

    #[tokio::test]
    async fn nothing_outlives_the_process_that_started_it() {
        let mut directory = Directory::temporary().unwrap();
        let mut command = Command::new("sh");
        // The group is ended, children and all.
        command.args(["-c", "sleep 600 & sleep 600"]);
        let process = directory.spawn("sleeper", command).unwrap();
        close_the_pipe(&mut directory);
        let status = process.ended(Duration::from_secs(10)).await.unwrap();
        assert!(!status.success());
        assert!(directory.keeper.wait().unwrap().success());
        assert!(!directory.path().exists());
    }

    #[test]
    fn a_lasting_directory_is_fresh_and_stays() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("demo");
        let directory = Directory::lasting(&path).unwrap();
        directory.write("file", "content").unwrap();
        drop(directory);
        assert!(path.join("file").exists());
        let error = Directory::lasting(&path).unwrap_err();
        assert!(error.to_string().ends_with("is not empty"), "{error}");
    }
}
