//! Retries after transient errors.

use std::sync::atomic::{AtomicBool, Ordering};

use config::Format;

use super::*;
use crate::FileModules;

/// A gate that rejects policy sets while it is closed, with a transient error.
#[derive(Clone, Default)]
struct Barrier {
    is_closed: Arc<AtomicBool>,
}

impl Barrier {
    fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
    }

    fn open(&self) {
        self.is_closed.store(false, Ordering::Relaxed);
    }
}

impl Gate for Barrier {
    fn check(&self, _: &Configuration, _: &Host) -> Result<(), GateError> {
        if self.is_closed.load(Ordering::Relaxed) {
            return Err(GateError::new("no response in time", true));
        }
        Ok(())
    }
}

/// Opens a policy set, changes its file, and reloads it while the gate is closed.
fn rejected() -> (Live, Barrier, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list.yaml");
    std::fs::write(&path, "modules: []").unwrap();
    let barrier = Barrier::default();
    let live = Live::open(LiveOptions {
        sources: vec![Source::file(Format::Authorization, &path)],
        modules: Box::new(FileModules),
        capabilities: Capabilities::none(),
        code_cache: None,
        gate: Box::new(barrier.clone()),
    })
    .unwrap();
    barrier.close();
    std::fs::write(&path, "modules: [] # changed").unwrap();
    let error = live.reload().unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert_eq!(error.to_string(), "no response in time");
    (live, barrier, folder)
}

/// Returns the delay of the next retry, in seconds.
fn delay(live: &Live) -> Option<u64> {
    live.loaded.lock().retry.map(|retry| retry.delay.as_secs())
}

fn in_seconds(seconds: u64) -> Instant {
    Instant::now() + Duration::from_secs(seconds)
}

#[test]
fn retries_after_transient_errors_with_growing_delays() {
    let (live, barrier, _folder) = rejected();
    for expected in [5, 10, 20, 40, 60, 60] {
        assert_eq!(delay(&live), Some(expected));
        assert_eq!(live.reload().unwrap(), Reload::Unchanged);
        live.reload_at(in_seconds(expected)).unwrap_err();
    }
    barrier.open();
    let later = live.reload_at(in_seconds(60));
    assert_eq!(later.unwrap(), Reload::Changed);
    assert_eq!(delay(&live), None);
    let later = live.reload_at(in_seconds(3600));
    assert_eq!(later.unwrap(), Reload::Unchanged);
}

#[test]
fn reload_now_loads_unchanged_files() {
    let (live, barrier, _folder) = rejected();
    barrier.open();
    let before = live.current();
    live.reload_now().unwrap();
    assert!(!Arc::ptr_eq(&before, &live.current()));
    assert_eq!(delay(&live), None);
}
