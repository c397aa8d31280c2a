//! The code cache: files are used if they are valid and safe, otherwise the module is compiled
//! again. A bad file or directory never fails a load.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use engine::{CodeOrigin, Engine, Module, Options};
use tempfile::TempDir;

use crate::support::*;

/// A directory that only this user can write to, for engines that use it as their code cache.
struct Cache {
    directory: TempDir,
}

impl Cache {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("deep/code")
    }

    /// Loads the same module in a new engine, like a new process.
    #[track_caller]
    fn load(&self) -> CodeOrigin {
        let module = load(&self.path());
        call(&module.entry("run").unwrap()).unwrap();
        module.code_origin()
    }

    /// Returns the only file.
    #[track_caller]
    fn file(&self) -> PathBuf {
        let files: Vec<_> = fs::read_dir(self.path())
            .unwrap()
            .map(|file| file.unwrap().path())
            .collect();
        assert_eq!(files.len(), 1, "{files:?}");
        files[0].clone()
    }

    /// Checks that the current file is rejected: the module is compiled again, and found after that.
    #[track_caller]
    fn recovers(&self) {
        assert_eq!(self.load(), CodeOrigin::Compiled);
        assert_eq!(self.load(), CodeOrigin::Cached);
        self.file();
    }
}

fn load(directory: &Path) -> Module {
    let options = Options {
        code_cache: Some(directory.to_owned()),
        ..options()
    };
    let wasm = wat::parse_str(r#"(module (func (export "run")))"#).unwrap();
    Engine::new(options).unwrap().load(&wasm).unwrap()
}

#[test]
fn shares_compiled_code_between_engines() {
    let cache = Cache::new();
    assert_eq!(cache.load(), CodeOrigin::Compiled);
    assert_eq!(cache.load(), CodeOrigin::Cached);
}

#[test]
fn creates_a_private_directory_and_file() {
    let cache = Cache::new();
    cache.load();
    assert_eq!(
        fs::metadata(cache.path()).unwrap().permissions().mode() & 0o777,
        0o700
    );
    assert_eq!(
        fs::metadata(cache.file()).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[test]
fn keeps_one_file_per_module() {
    let cache = Cache::new();
    cache.load();
    let options = Options {
        code_cache: Some(cache.path()),
        ..options()
    };
    let other = wat::parse_str(r#"(module (func (export "run") unreachable))"#).unwrap();
    let other = Engine::new(options).unwrap().load(&other).unwrap();
    assert_eq!(other.code_origin(), CodeOrigin::Compiled);
    assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 2);
}

/// S9: the module that runs is the intended one.
#[test]
fn replaces_a_changed_file() {
    let cache = Cache::new();
    cache.load();
    for at in [0, 20, 60] {
        let mut content = fs::read(cache.file()).unwrap();
        let at = if at == 60 { content.len() - 1 } else { at };
        content[at] ^= 1;
        fs::write(cache.file(), content).unwrap();
        cache.recovers();
    }
}

#[test]
fn replaces_a_truncated_file() {
    let cache = Cache::new();
    cache.load();
    let content = fs::read(cache.file()).unwrap();
    for len in [0, 10, 47, 48, content.len() / 2] {
        fs::write(cache.file(), &content[..len]).unwrap();
        cache.recovers();
    }
}

#[test]
fn replaces_a_complete_file_that_is_not_code() {
    let cache = Cache::new();
    cache.load();
    let mut content = b"k8s-wasm code 1\n".to_vec();
    content.extend(engine::Digest::compute(b"not code").as_bytes());
    content.extend(b"not code");
    fs::write(cache.file(), content).unwrap();
    cache.recovers();
}

/// S9: the module that runs is the intended one.
#[test]
fn replaces_a_file_that_others_can_write_to() {
    let cache = Cache::new();
    cache.load();
    fs::set_permissions(cache.file(), Permissions::from_mode(0o666)).unwrap();
    cache.recovers();
}

#[test]
fn replaces_a_symbolic_link() {
    let cache = Cache::new();
    cache.load();
    let elsewhere = cache.directory.path().join("elsewhere");
    fs::rename(cache.file(), &elsewhere).unwrap();
    cache.load();
    let file = cache.file();
    fs::remove_file(&file).unwrap();
    symlink(&elsewhere, &file).unwrap();
    cache.recovers();
    assert!(fs::symlink_metadata(file).unwrap().is_file());
}

#[test]
fn ignores_a_directory_that_others_can_write_to() {
    let cache = Cache::new();
    cache.load();
    for mode in [0o777, 0o770, 0o702] {
        fs::set_permissions(cache.path(), Permissions::from_mode(mode)).unwrap();
        assert_eq!(cache.load(), CodeOrigin::Compiled, "{mode:o}");
    }
    fs::set_permissions(cache.path(), Permissions::from_mode(0o755)).unwrap();
    assert_eq!(cache.load(), CodeOrigin::Cached);
}

/// Only root can change the owner of files; the test ends early for other users.
#[test]
fn ignores_files_and_directories_of_other_users() {
    let cache = Cache::new();
    cache.load();
    if chown(cache.file(), Some(12345), None).is_err() {
        return;
    }
    cache.recovers();
    chown(cache.path(), Some(12345), None).unwrap();
    assert_eq!(cache.load(), CodeOrigin::Compiled);
}

#[test]
fn loads_without_a_cache_when_the_directory_cannot_be_created() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [file.clone(), file.join("below")] {
        assert_eq!(load(&path).code_origin(), CodeOrigin::Compiled);
    }
}

#[test]
fn loads_without_a_cache_when_the_directory_disappears() {
    let cache = Cache::new();
    let options = Options {
        code_cache: Some(cache.path()),
        ..options()
    };
    let engine = Engine::new(options).unwrap();
    fs::remove_dir(cache.path()).unwrap();
    let wasm = wat::parse_str(r#"(module (func (export "run")))"#).unwrap();
    for _ in 0..2 {
        let module = engine.load(&wasm).unwrap();
        call(&module.entry("run").unwrap()).unwrap();
        assert_eq!(module.code_origin(), CodeOrigin::Compiled);
    }
}
