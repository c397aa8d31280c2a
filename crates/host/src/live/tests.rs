//! When files are loaded again although none has changed.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::config::Format;

/// A module that hangs while it is told to.
#[derive(Clone, Default)]
struct Moody(Arc<AtomicBool>);

impl ModuleSource for Moody {
    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        let text = if self.0.load(Ordering::Relaxed) {
            r#"(module (memory (export "memory") 1) (func (export "authz") (loop (br 0))))"#
        } else {
            r#"(module
                (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
                (memory (export "memory") 1)
                (data (i32.const 0) "\08\00\00\00\29\00\00\00{\22response\22:{\22status\22:{\22allowed\22:false}}}")
                (func (export "authz")
                    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 64)))))"#
        };
        Ok(wat::parse_str(text).expect("a module"))
    }
}

/// A set that was served, whose files have changed since and whose module hangs now.
fn refused() -> (Live, Moody, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("list.yaml");
    let list = "modules: [{name: p, module: x, timeout: 50ms}]";
    std::fs::write(&path, list).expect("a file");
    let modules = Moody::default();
    let live = Live::open(Parts {
        sources: vec![Source::file(Format::Authorization, &path)],
        modules: Box::new(modules.clone()),
        capabilities: Capabilities::none(),
        code_cache: None,
    });
    let live = live.expect("policies");
    modules.0.store(true, Ordering::Relaxed);
    std::fs::write(&path, format!("{list} # changed")).expect("a file");
    let error = live.reload().expect_err("must be refused");
    assert!(error.is_transient(), "{error}");
    (live, modules, folder)
}

/// How long after now it is tried again, in whole seconds.
fn pause(live: &Live) -> Option<u64> {
    live.lock().again.map(|again| again.pause.as_secs())
}

fn in_seconds(seconds: u64) -> Instant {
    Instant::now() + Duration::from_secs(seconds)
}

#[test]
fn what_did_not_load_because_of_the_moment_is_tried_again_ever_more_rarely() {
    let (live, modules, _folder) = refused();
    for expected in [5, 10, 20, 40, 60, 60] {
        assert_eq!(pause(&live), Some(expected));
        assert_eq!(live.reload().expect("not yet"), Reload::Unchanged);
        live.reload_at(in_seconds(expected)).expect_err("it hangs");
    }
    modules.0.store(false, Ordering::Relaxed);
    let later = live.reload_at(in_seconds(60));
    assert_eq!(later.expect("policies"), Reload::Changed);
    assert_eq!(pause(&live), None);
    let later = live.reload_at(in_seconds(3600));
    assert_eq!(later.expect("nothing to do"), Reload::Unchanged);
}

#[test]
fn loading_can_be_asked_for_whatever_the_files_say() {
    let (live, modules, _folder) = refused();
    modules.0.store(false, Ordering::Relaxed);
    let before = live.current();
    live.reload_now().expect("policies");
    assert!(!Arc::ptr_eq(&before, &live.current()));
    assert_eq!(pause(&live), None);
}
