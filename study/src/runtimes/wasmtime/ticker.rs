//! The thread behind deadlines in wasmtime, which increments the epoch each millisecond while its
//! process is measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use wasmtime::Engine;

/// The interval of epochs.
const TICK: Duration = Duration::from_millis(1);

/// A thread that sleeps while its process is not measured, so that it does not disturb others.
pub struct Ticker {
    busy: Arc<AtomicBool>,
    thread: Thread,
}

impl Ticker {
    /// Starts the thread, which sleeps at first and lives as long as the process.
    pub fn start(engine: Engine) -> Self {
        let busy = Arc::new(AtomicBool::new(false));
        let ours = Arc::clone(&busy);
        let handle = thread::spawn(move || tick(&engine, &ours));
        Self {
            busy,
            thread: handle.thread().clone(),
        }
    }

    /// Wakes the thread before calls, or puts it to sleep.
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
