//! Compiled code on disk, from one process to the next.
//!
//! What is in a file is run, so files are believed only where nobody else could have put or changed
//! them: in a directory that belongs to this user and that others cannot write to, held open from
//! then on. The checksum in each file is for accidents (a full disk, a crash), not against
//! attackers. Whatever is wrong, the module is compiled again.

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
use thiserror::Error;
use tracing::{debug, warn};

use crate::Digest;

/// The first bytes of every file, with the version of this layout.
const MAGIC: &[u8; 16] = b"k8s-wasm code 1\n";

/// The bytes before the code: the magic and the SHA-256 of the code.
const HEADER: usize = MAGIC.len() + 32;

/// A file that is being written begins with this until it is whole.
const UNFINISHED: &str = ".";

/// Nobody writes any more what has not changed for so long: writing takes less than a second.
const ABANDONED: Duration = Duration::from_secs(60 * 60);

/// Group and others may write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// A directory of compiled code.
pub(crate) struct CodeCache {
    path: PathBuf,
    directory: OwnedFd,
    /// Stands for the version and settings of the code generator and the processor: other code has
    /// other names.
    generator: u64,
    warned: AtomicBool,
}

/// Why something on disk is not used.
#[derive(Debug, Error)]
enum Unusable {
    #[error("it cannot be accessed")]
    Io(#[from] io::Error),
    #[error("it is not a directory")]
    NotADirectory,
    #[error("it is not a plain file")]
    NotAFile,
    #[error("it belongs to another user")]
    ForeignOwner,
    #[error("other users may write to it")]
    WritableByOthers,
    #[error("its content is damaged")]
    Damaged,
    #[error("the code is of another engine")]
    Foreign(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<rustix::io::Errno> for Unusable {
    fn from(errno: rustix::io::Errno) -> Self {
        Self::Io(errno.into())
    }
}

impl CodeCache {
    /// Opens the directory and creates it where missing. `None`, with a warning, when it cannot be
    /// used safely.
    pub(crate) fn open(path: PathBuf, engine: &wasmtime::Engine) -> Option<Self> {
        match open_directory(&path) {
            Ok(directory) => {
                sweep(&path, &directory);
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
                warn!(path = %path.display(), error, "compiled code is not kept: the directory cannot be used");
                None
            }
        }
    }

    /// The compiled code of a module, when there is a file that can be believed.
    pub(crate) fn find(
        &self,
        digest: &Digest,
        engine: &wasmtime::Engine,
    ) -> Option<wasmtime::Module> {
        match self.read(&self.name(digest), engine) {
            Ok(module) => Some(module),
            Err(Unusable::Io(error)) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                debug!(path = %self.path.display(), %digest, error, "compiled code was not used");
                None
            }
        }
    }

    /// Keeps the compiled code of a module, in place of what was there. Failure is a warning, once.
    pub(crate) fn keep(&self, digest: &Digest, module: &wasmtime::Module) {
        let kept = module
            .serialize()
            .map_err(|error| Unusable::Foreign(error.into()));
        let kept = kept.and_then(|code| self.write(&self.name(digest), &code));
        if let Err(error) = kept
            && !self.warned.swap(true, Ordering::Relaxed)
        {
            let error: &dyn std::error::Error = &error;
            warn!(path = %self.path.display(), error, "compiled code could not be kept");
        }
    }

    fn name(&self, digest: &Digest) -> String {
        format!("{}-{:016x}.code", digest.hex(), self.generator)
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

    /// Writes under another name first, so that a reader never sees half a file.
    fn write(&self, name: &str, code: &[u8]) -> Result<(), Unusable> {
        // In a container every process has the same number, also the one that was killed while it wrote.
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
            // Best effort: what is left behind is never read.
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

/// Removes what processes that were killed have left unfinished. Best effort: it is never read.
fn sweep(path: &Path, directory: &OwnedFd) {
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

/// Nobody but this user may have written it.
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

/// The code in a file's content, when the file is whole.
fn checked_code(content: &[u8]) -> Result<&[u8], Unusable> {
    let (header, code) = content.split_at_checked(HEADER).ok_or(Unusable::Damaged)?;
    let checksum = header
        .strip_prefix(MAGIC.as_slice())
        .ok_or(Unusable::Damaged)?;
    if checksum != Sha256::digest(code).as_slice() {
        return Err(Unusable::Damaged);
    }
    Ok(code)
}

#[allow(
    unsafe_code,
    reason = "wasmtime can only be told, not shown, that code is its own"
)]
fn deserialize(code: &[u8], engine: &wasmtime::Engine) -> Result<wasmtime::Module, Unusable> {
    // SAFETY: `deserialize` wants bytes that `Module::serialize` made and nobody changed. They come
    // from a plain file of this user that others cannot write to, out of a directory that others
    // cannot write to either; this process and its like are the only ones that write there, always
    // the output of `serialize`; and the checksum shows that nothing was lost since. Whether the
    // code is of this version and these settings is checked by `deserialize` itself.
    unsafe { wasmtime::Module::deserialize(engine, code) }
        .map_err(|error| Unusable::Foreign(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;
    use crate::engine::wasmtime_engine;

    fn file(code: &[u8]) -> Vec<u8> {
        let mut content = MAGIC.to_vec();
        content.extend_from_slice(&Sha256::digest(code));
        content.extend_from_slice(code);
        content
    }

    #[test]
    fn what_a_killed_process_left_is_in_nobodys_way_and_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("code");
        let engine = wasmtime_engine(&Options::default()).unwrap();
        let open = || CodeCache::open(path.clone(), &engine).unwrap();
        let left = path.join(format!(".a.code.{}.0", process::id()));

        let cache = open();
        fs::write(&left, "half").unwrap();
        cache.write("a.code", b"code").unwrap();
        drop(open());
        assert!(left.exists(), "somebody may be writing it");

        let long_ago = SystemTime::now() - 2 * ABANDONED;
        let file = File::options().write(true).open(&left).unwrap();
        file.set_modified(long_ago).unwrap();
        drop(open());
        let names = fs::read_dir(&path).unwrap();
        let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["a.code"]);
    }

    #[test]
    fn a_whole_file_gives_its_code() {
        assert_eq!(checked_code(&file(b"code")).unwrap(), b"code");
    }

    #[test]
    fn any_changed_byte_or_missing_end_is_noticed() {
        let whole = file(b"code");
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            assert!(checked_code(&changed).is_err(), "byte {at} changed");
            assert!(checked_code(&whole[..at]).is_err(), "only {at} bytes");
        }
    }
}
