//! The thread behind deadlines of wasmtime: it moves the epoch each millisecond while its process is the one that is measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use wasmtime::Engine;

/// How often a running module looks at the time.
const TICK: Duration = Duration::from_millis(1);

/// Of a process that is not measured at the moment, nothing must be heard.
pub struct Ticker {
    busy: Arc<AtomicBool>,
    thread: Thread,
}

impl Ticker {
    /// Starts the thread, which lives as long as the process, and sleeps.
    pub fn start(engine: Engine) -> Self {
        let busy = Arc::new(AtomicBool::new(false));
        let ours = Arc::clone(&busy);
        let handle = thread::spawn(move || tick(&engine, &ours));
        Self {
            busy,
            thread: handle.thread().clone(),
        }
    }

    /// Says whether there will be calls.
    pub fn set_busy(&self, busy: bool) {
        self.busy.store(busy, Ordering::SeqCst);
        self.thread.unpark();
    }
}

fn tick(engine: &Engine, busy: &AtomicBool) {
    loop {
        if busy.load(Ordering::SeqCst) {
            engine.increment_epoch();
            thread::park_timeout(TICK);
        } else {
            thread::park();
        }
    }
}
