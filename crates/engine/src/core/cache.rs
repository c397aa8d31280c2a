//! The code cache: compiled modules on disk.
//!
//! The engine executes the code in these files, so it accepts them only where no other user can
//! have created or changed them: in a directory that is owned by the current user, that others
//! cannot write to, and that stays open from then on. The checksum in each file protects against
//! accidents such as a full disk or a crash, not against attackers. If a file cannot be used, the
//! module is compiled again.

use std::fs::{self, DirBuilder, File};
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, Mode, OFlags};
use sha2::{Digest as _, Sha256};
use tracing::{debug, warn};

use crate::core::digest::Digest;

/// First bytes of every file, with the version of the layout.
const MAGIC: &[u8; 16] = b"k8s-wasm code 1\n";

/// Length of the header: the magic and the SHA-256 of the code.
const HEADER_LEN: usize = MAGIC.len() + 32;

/// Prefix of the name of a file that is still being written.
const UNFINISHED: &str = ".";

/// Age after which an unfinished file is removed. Writing takes less than a second, so its writer
/// was killed.
const ABANDONED: Duration = Duration::from_secs(60 * 60);

/// Mode bits that permit group and others to write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// A directory that keeps compiled modules between processes.
pub(crate) struct CodeCache {
    path: PathBuf,
    directory: OwnedFd,
    /// Hash of the version and settings of the code generator and of the processor's features. It
    /// is part of the file names.
    generator: u64,
    warned: AtomicBool,
}

/// A reason for not using a directory or file.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("it cannot be accessed")]
    Io(#[from] io::Error),
    #[error("it is not a directory")]
    NotADirectory,
    #[error("it is not a regular file")]
    NotAFile,
    #[error("it is owned by another user")]
    ForeignOwner,
    #[error("it is writable for other users")]
    WritableByOthers,
    #[error("its content is corrupt")]
    Corrupt,
    #[error("the code was compiled by another engine")]
    Foreign(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<rustix::io::Errno> for Unusable {
    fn from(errno: rustix::io::Errno) -> Self {
        Self::Io(errno.into())
    }
}

impl CodeCache {
    /// Opens the directory, and creates it if it is missing. Logs a warning and returns `None` if
    /// it cannot be used safely.
    pub(crate) fn open(path: PathBuf, engine: &wasmtime::Engine) -> Option<Self> {
        match open_directory(&path) {
            Ok(directory) => {
                remove_abandoned(&path, &directory);
                let mut hasher = DefaultHasher::new();
                engine.precompile_compatibility_hash().hash(&mut hasher);
                let generator = hasher.finish();
                Some(Self {
                    path,
                    directory,
                    generator,
                    warned: AtomicBool::new(false),
                })
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                warn!(path = %path.display(), error, "code cache disabled: the directory cannot be used");
                None
            }
        }
    }

    /// Returns the compiled code of a module if there is a valid file for it.
    pub(crate) fn find(
        &self,
        digest: &Digest,
        engine: &wasmtime::Engine,
    ) -> Option<wasmtime::Module> {
        match self.read(&self.file_name(digest), engine) {
            Ok(module) => Some(module),
            Err(Unusable::Io(error)) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                debug!(path = %self.path.display(), %digest, error, "compiled code not used");
                None
            }
        }
    }

    /// Stores the compiled code of a module and replaces an existing file. Logs only the first
    /// failure.
    pub(crate) fn store(&self, digest: &Digest, module: &wasmtime::Module) {
        let stored = module
            .serialize()
            .map_err(|error| Unusable::Foreign(error.into()));
        let stored = stored.and_then(|code| self.write(&self.file_name(digest), &code));
        if let Err(error) = stored
            && !self.warned.swap(true, Ordering::Relaxed)
        {
            let error: &dyn std::error::Error = &error;
            warn!(path = %self.path.display(), error, "failed to store compiled code");
        }
    }

    fn file_name(&self, digest: &Digest) -> String {
        format!("{}-{:016x}.code", digest.to_hex(), self.generator)
    }

    fn read(&self, name: &str, engine: &wasmtime::Engine) -> Result<wasmtime::Module, Unusable> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let mut file = File::from(rustix::fs::openat(
            &self.directory,
            name,
            flags,
            Mode::empty(),
        )?);
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(Unusable::NotAFile);
        }
        check_owner(&metadata)?;
        let mut content = Vec::new();
        file.read_to_end(&mut content)?;
        deserialize(checked_code(&content)?, engine)
    }

    /// Writes to a temporary file and renames it, so that readers never see a partial file.
    fn write(&self, name: &str, code: &[u8]) -> Result<(), Unusable> {
        // In a container every process may have the same id, including one that was killed while
        // writing. The random part makes the name unique.
        let random = RandomState::new().hash_one(process::id());
        let temporary = format!("{UNFINISHED}{name}.{random:016x}");
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let mut file = File::from(rustix::fs::openat(
            &self.directory,
            &temporary,
            flags,
            Mode::RUSR | Mode::WUSR,
        )?);
        let written = write_content(&mut file, code)
            .map_err(Unusable::Io)
            .and_then(|()| {
                rustix::fs::renameat(&self.directory, &temporary, &self.directory, name)
                    .map_err(Unusable::from)
            });
        if written.is_err() {
            // Best effort: temporary files are never read.
            let _ = rustix::fs::unlinkat(&self.directory, &temporary, AtFlags::empty());
        }
        written
    }
}

fn open_directory(path: &Path) -> Result<OwnedFd, Unusable> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    let directory = File::open(path)?;
    let metadata = directory.metadata()?;
    if !metadata.is_dir() {
        return Err(Unusable::NotADirectory);
    }
    check_owner(&metadata)?;
    Ok(directory.into())
}

/// Removes unfinished files of processes that were killed. Best effort: they are never read.
fn remove_abandoned(path: &Path, directory: &OwnedFd) {
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if !name.to_string_lossy().starts_with(UNFINISHED) {
            continue;
        }
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        let age = modified.map(|modified| SystemTime::now().duration_since(modified));
        if matches!(age, Ok(Ok(age)) if age > ABANDONED) {
            let _ = rustix::fs::unlinkat(directory, &name, AtFlags::empty());
        }
    }
}

/// Checks that only the current user can have written a file or directory.
fn check_owner(metadata: &fs::Metadata) -> Result<(), Unusable> {
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(Unusable::ForeignOwner);
    }
    if metadata.mode() & WRITABLE_BY_OTHERS != 0 {
        return Err(Unusable::WritableByOthers);
    }
    Ok(())
}

fn write_content(file: &mut File, code: &[u8]) -> io::Result<()> {
    file.write_all(MAGIC)?;
    file.write_all(&Sha256::digest(code))?;
    file.write_all(code)
}

/// Returns the code in the content of a file if its checksum matches.
fn checked_code(content: &[u8]) -> Result<&[u8], Unusable> {
    let (header, code) = content
        .split_at_checked(HEADER_LEN)
        .ok_or(Unusable::Corrupt)?;
    let checksum = header
        .strip_prefix(MAGIC.as_slice())
        .ok_or(Unusable::Corrupt)?;
    if checksum != Sha256::digest(code).as_slice() {
        return Err(Unusable::Corrupt);
    }
    Ok(code)
}

#[allow(
    unsafe_code,
    reason = "wasmtime cannot verify that code is its own output"
)]
fn deserialize(code: &[u8], engine: &wasmtime::Engine) -> Result<wasmtime::Module, Unusable> {
    // SAFETY: `deserialize` requires unmodified output of `Module::serialize`. The bytes come from
    // a regular file that is owned by this user and not writable for others, in a directory that is
    // not writable for others either. Only processes of this program write there, always the output
    // of `serialize`, and the checksum shows that the file is complete. `deserialize` itself checks
    // that the code fits this version and these settings.
    unsafe { wasmtime::Module::deserialize(engine, code) }
        .map_err(|error| Unusable::Foreign(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::options::Options;
    use crate::core::pool::wasmtime_engine;

    fn file(code: &[u8]) -> Vec<u8> {
        let mut content = MAGIC.to_vec();
        content.extend_from_slice(&Sha256::digest(code));
        content.extend_from_slice(code);
        content
    }

    #[test]
    fn removes_leftovers_of_killed_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("code");
        let engine = wasmtime_engine(&Options::default()).unwrap();
        let open = || CodeCache::open(path.clone(), &engine).unwrap();
        let left = path.join(format!(".a.code.{}.0", process::id()));

        let cache = open();
        fs::write(&left, "half").unwrap();
        cache.write("a.code", b"code").unwrap();
        drop(open());
        assert!(left.exists(), "another process may still be writing it");

        let long_ago = SystemTime::now() - 2 * ABANDONED;
        let file = File::options().write(true).open(&left).unwrap();
        file.set_modified(long_ago).unwrap();
        drop(open());
        let names = fs::read_dir(&path).unwrap();
        let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["a.code"]);
    }

    #[test]
    fn accepts_a_complete_file() {
        assert_eq!(checked_code(&file(b"code")).unwrap(), b"code");
    }

    #[test]
    fn rejects_changed_and_truncated_files() {
        let whole = file(b"code");
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            assert!(checked_code(&changed).is_err(), "byte {at} changed");
            assert!(checked_code(&whole[..at]).is_err(), "only {at} bytes");
        }
    }
}
