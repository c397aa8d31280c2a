//! The user's cache directory: build results that take minutes, one folder for each version.

use std::env;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::process::Status;

/// `$XDG_CACHE_HOME/k8s-wasm`, or `~/.cache/k8s-wasm`.
#[derive(Clone)]
pub struct Cache {
    root: PathBuf,
}

impl Cache {
    /// Determines the directory without creating it.
    pub fn open() -> Result<Self> {
        let base = match env::var_os("XDG_CACHE_HOME").filter(|value| !value.is_empty()) {
            Some(directory) => PathBuf::from(directory),
            None => env::home_dir()
                .context("neither XDG_CACHE_HOME nor HOME is set")?
                .join(".cache"),
        };
        Ok(Self {
            root: base.join("k8s-wasm"),
        })
    }

    /// Returns the path of `key` in the cache, which need not exist.
    pub fn path(&self, key: &str) -> PathBuf {
        self.root.join(key)
    }

    /// Returns the path of a log file for a long build, and creates its folder.
    pub fn log(&self, name: &str) -> Result<PathBuf> {
        let directory = self.path("logs");
        create(&directory)?;
        Ok(directory.join(format!("{name}.log")))
    }

    /// Returns the folder `key`; `build` fills it if it does not exist.
    ///
    /// `build` gets an empty folder that is renamed to `key` afterwards, so that an interrupted
    /// build is never taken for a complete one. If two processes need the same folder, one builds
    /// and the other waits.
    pub fn folder(
        &self,
        key: &str,
        status: &Status,
        build: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<PathBuf> {
        let folder = self.path(key);
        if folder.exists() {
            return Ok(folder);
        }
        create(folder.parent().unwrap_or(&self.root))?;
        let _lock = lock(&with_suffix(&folder, ".lock"), status)?;
        if folder.exists() {
            return Ok(folder);
        }
        let partial = with_suffix(&folder, ".partial");
        match fs::remove_dir_all(&partial) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error)
                    .with_context(|| format!("cannot remove `{}`", partial.display()));
            }
            _ => create(&partial)?,
        }
        build(&partial)?;
        fs::rename(&partial, &folder)
            .with_context(|| format!("cannot move into `{}`", folder.display()))?;
        Ok(folder)
    }
}

fn create(directory: &Path) -> Result<()> {
    fs::create_dir_all(directory)
        .with_context(|| format!("cannot create `{}`", directory.display()))
}

/// Locks a file until the returned handle is dropped or the process exits.
fn lock(path: &Path, status: &Status) -> Result<File> {
    let context = || format!("cannot lock `{}`", path.display());
    let file = File::options()
        .create(true)
        .append(true)
        .open(path)
        .with_context(context)?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => {
            status.set("waiting for another xtask that builds the same")
        }
        Err(TryLockError::Error(error)) => return Err(error).with_context(context),
    }
    file.lock().with_context(context)?;
    Ok(file)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    fn scratch() -> (tempfile::TempDir, Cache) {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache {
            root: directory.path().join("k8s-wasm"),
        };
        (directory, cache)
    }

    #[test]
    fn builds_once_per_key() {
        let (_directory, cache) = scratch();
        let mut builds = 0;
        for key in ["etcd/1", "etcd/1", "etcd/2"] {
            let folder = cache
                .folder(key, &Status::default(), |folder| {
                    builds += 1;
                    Ok(fs::write(folder.join("etcd"), key)?)
                })
                .unwrap();
            assert_eq!(fs::read_to_string(folder.join("etcd")).unwrap(), key);
        }
        assert_eq!(builds, 2);
    }

    #[test]
    fn starts_from_an_empty_folder_after_a_failed_build() {
        let (_directory, cache) = scratch();
        let failed = cache.folder("kube/1", &Status::default(), |folder| {
            fs::write(folder.join("half"), "")?;
            bail!("interrupted")
        });
        assert!(failed.is_err());
        assert!(!cache.path("kube/1").exists());

        let folder = cache
            .folder("kube/1", &Status::default(), |folder| {
                Ok(fs::write(folder.join("whole"), "")?)
            })
            .unwrap();
        assert!(folder.join("whole").exists());
        assert!(!folder.join("half").exists());
    }

    #[test]
    fn waits_while_another_process_builds() {
        let (_directory, cache) = scratch();
        let (started, wait_for_start) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                cache.folder("kube/1", &Status::default(), |folder| {
                    started.send(()).unwrap();
                    Ok(fs::write(folder.join("first"), "")?)
                })
            });
            wait_for_start.recv().unwrap();
            let folder = cache
                .folder("kube/1", &Status::default(), |_| bail!("built twice"))
                .unwrap();
            assert!(folder.join("first").exists());
        });
    }
}
