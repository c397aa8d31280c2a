//! Compiled code on disk: used when it can be believed, otherwise made again, never a failure.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use engine::{CodeOrigin, Engine, Module, Options};
use tempfile::TempDir;

use crate::support::*;

/// A directory that only this user can write to, and engines that use it.
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

    /// Loads the same module in a new engine, as a new process would.
    #[track_caller]
    fn load(&self) -> CodeOrigin {
        let module = load(&self.path());
        call(&module.entry("run").unwrap()).unwrap();
        module.code_origin()
    }

    /// The only file.
    #[track_caller]
    fn file(&self) -> PathBuf {
        let files: Vec<_> = fs::read_dir(self.path())
            .unwrap()
            .map(|file| file.unwrap().path())
            .collect();
        assert_eq!(files.len(), 1, "{files:?}");
        files[0].clone()
    }

    /// The file, as it is now, is not believed; the module is compiled again and then found again.
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
fn a_second_engine_finds_what_the_first_compiled() {
    let cache = Cache::new();
    assert_eq!(cache.load(), CodeOrigin::Compiled);
    assert_eq!(cache.load(), CodeOrigin::Cached);
}

#[test]
fn directory_and_file_are_private() {
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
fn different_modules_have_different_files() {
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

/// S9: what runs is what was meant to.
#[test]
fn a_changed_file_is_replaced() {
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
fn a_cut_file_is_replaced() {
    let cache = Cache::new();
    cache.load();
    let content = fs::read(cache.file()).unwrap();
    for len in [0, 10, 47, 48, content.len() / 2] {
        fs::write(cache.file(), &content[..len]).unwrap();
        cache.recovers();
    }
}

#[test]
fn whole_files_with_the_code_of_something_else_are_replaced() {
    let cache = Cache::new();
    cache.load();
    let mut content = b"k8s-wasm code 1\n".to_vec();
    content.extend(engine::Digest::of(b"not code").as_bytes());
    content.extend(b"not code");
    fs::write(cache.file(), content).unwrap();
    cache.recovers();
}

/// S9: what runs is what was meant to.
#[test]
fn a_file_that_others_may_write_is_replaced() {
    let cache = Cache::new();
    cache.load();
    fs::set_permissions(cache.file(), Permissions::from_mode(0o666)).unwrap();
    cache.recovers();
}

#[test]
fn a_symbolic_link_is_replaced() {
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
fn a_directory_that_others_may_write_to_is_not_used() {
    let cache = Cache::new();
    cache.load();
    for mode in [0o777, 0o770, 0o702] {
        fs::set_permissions(cache.path(), Permissions::from_mode(mode)).unwrap();
        assert_eq!(cache.load(), CodeOrigin::Compiled, "{mode:o}");
    }
    fs::set_permissions(cache.path(), Permissions::from_mode(0o755)).unwrap();
    assert_eq!(cache.load(), CodeOrigin::Cached);
}

/// Only root can give files away; everybody else has shown enough with the permissions above.
#[test]
fn what_belongs_to_another_user_is_not_used() {
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
fn a_directory_that_cannot_be_made_is_no_failure() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [file.clone(), file.join("below")] {
        assert_eq!(load(&path).code_origin(), CodeOrigin::Compiled);
    }
}

#[test]
fn a_directory_that_disappears_is_no_failure() {
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
