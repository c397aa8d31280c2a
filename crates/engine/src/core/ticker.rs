//! The thread that interrupts running modules about every millisecond.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use wasmtime::EngineWeak;

/// The interval at which a running module is interrupted, to check its deadline and to let other
/// tasks run.
const TICK: Duration = Duration::from_millis(1);

/// Number of ticks without a call after which the thread sleeps: long enough that a busy server
/// never has to wake it.
const IDLE_TICKS: u32 = 100;

/// A thread that increments the epoch of one engine while calls are in flight. It ends on drop.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Thread,
}

struct Shared {
    in_flight: AtomicUsize,
    asleep: AtomicBool,
    ended: AtomicBool,
}

/// A call in flight. The epoch advances as long as at least one of these exists.
pub(crate) struct TickGuard<'a>(&'a Shared);

impl Ticker {
    /// Starts the thread. It holds only a weak reference to `engine`.
    pub(crate) fn start(engine: EngineWeak) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            in_flight: AtomicUsize::new(0),
            asleep: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        });
        let of_thread = Arc::clone(&shared);
        let handle = thread::Builder::new()
            .name("engine-ticker".into())
            .spawn(move || tick(&engine, &of_thread))?;
        Ok(Self {
            shared,
            thread: handle.thread().clone(),
        })
    }

    /// Registers a call in flight. This costs a system call only if the thread sleeps.
    ///
    /// The order of operations matters on both sides. This side counts the call, then checks
    /// whether the thread sleeps; the thread marks itself as asleep, then checks the count. One of
    /// the two always sees the other, so no call runs without ticks.
    pub(crate) fn enter(&self) -> TickGuard<'_> {
        self.shared.in_flight.fetch_add(1, Ordering::SeqCst);
        if self.shared.asleep.load(Ordering::SeqCst)
            && self.shared.asleep.swap(false, Ordering::SeqCst)
        {
            self.thread.unpark();
        }
        TickGuard(&self.shared)
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

impl Drop for TickGuard<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Runs the loop of the thread.
fn tick(engine: &EngineWeak, shared: &Shared) {
    let mut idle: u32 = 0;
    while !shared.ended.load(Ordering::SeqCst) {
        let Some(engine) = engine.upgrade() else {
            return;
        };
        engine.increment_epoch();
        drop(engine);
        idle = if shared.in_flight.load(Ordering::SeqCst) == 0 {
            idle.saturating_add(1)
        } else {
            0
        };
        if idle < IDLE_TICKS {
            thread::park_timeout(TICK);
            continue;
        }
        shared.asleep.store(true, Ordering::SeqCst);
        if shared.in_flight.load(Ordering::SeqCst) == 0 && !shared.ended.load(Ordering::SeqCst) {
            thread::park();
        }
        shared.asleep.store(false, Ordering::SeqCst);
        idle = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::options::Options;
    use crate::core::pool::wasmtime_engine;

    /// Waits until `condition` holds; the timeout of the test runner ends the wait otherwise.
    fn wait_until(condition: impl Fn() -> bool) {
        while !condition() {
            thread::yield_now();
        }
    }

    #[test]
    fn sleeps_without_calls_and_wakes_for_a_call() {
        let engine = wasmtime_engine(&Options::default()).unwrap();
        let ticker = Ticker::start(engine.weak()).unwrap();
        wait_until(|| ticker.shared.asleep.load(Ordering::SeqCst));

        let call = ticker.enter();
        assert!(!ticker.shared.asleep.load(Ordering::SeqCst));
        drop(call);
        wait_until(|| ticker.shared.asleep.load(Ordering::SeqCst));
    }

    #[test]
    fn ends_on_drop() {
        let engine = wasmtime_engine(&Options::default()).unwrap();
        let ticker = Ticker::start(engine.weak()).unwrap();
        let shared = Arc::downgrade(&ticker.shared);
        drop(ticker);
        wait_until(|| shared.strong_count() == 0);
    }
}
