//! The thread that makes running modules look at the time, about every millisecond.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use wasmtime::EngineWeak;

/// How often a running module is interrupted to check its deadline and to let others run.
const TICK: Duration = Duration::from_millis(1);

/// Ticks without a call after which the thread goes to sleep: long enough that a busy server never
/// pays for waking it.
const IDLE_TICKS: u32 = 100;

/// Increments the epoch of one engine while calls are in flight. Ends when dropped.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Thread,
}

struct Shared {
    in_flight: AtomicUsize,
    asleep: AtomicBool,
    ended: AtomicBool,
}

/// A call in flight: there are ticks as long as one of these exists.
pub(crate) struct Ticking<'a>(&'a Shared);

impl Ticker {
    /// Starts the thread. It holds `engine` weakly.
    pub(crate) fn start(engine: EngineWeak) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            in_flight: AtomicUsize::new(0),
            asleep: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        });
        let ours = Arc::clone(&shared);
        let handle = thread::Builder::new()
            .name("engine-ticker".into())
            .spawn(move || tick(&engine, &ours))?;
        Ok(Self {
            shared,
            thread: handle.thread().clone(),
        })
    }

    /// Says that a call begins. It costs a system call only when the thread sleeps.
    ///
    /// The order matters on both sides: here count, then look for a sleeper; there fall asleep,
    /// then look at the count. One of the two always sees the other, so that no call runs without
    /// ticks.
    pub(crate) fn enter(&self) -> Ticking<'_> {
        self.shared.in_flight.fetch_add(1, Ordering::SeqCst);
        if self.shared.asleep.load(Ordering::SeqCst)
            && self.shared.asleep.swap(false, Ordering::SeqCst)
        {
            self.thread.unpark();
        }
        Ticking(&self.shared)
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

impl Drop for Ticking<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The body of the thread.
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
    use crate::Options;
    use crate::engine::wasmtime_engine;

    /// Waits until `condition` holds; the test runner's own limit ends it otherwise.
    fn until(condition: impl Fn() -> bool) {
        while !condition() {
            thread::yield_now();
        }
    }

    #[test]
    fn sleeps_when_nothing_is_in_flight_and_wakes_for_a_call() {
        let engine = wasmtime_engine(&Options::default()).unwrap();
        let ticker = Ticker::start(engine.weak()).unwrap();
        until(|| ticker.shared.asleep.load(Ordering::SeqCst));

        let call = ticker.enter();
        assert!(!ticker.shared.asleep.load(Ordering::SeqCst));
        drop(call);
        until(|| ticker.shared.asleep.load(Ordering::SeqCst));
    }

    #[test]
    fn ends_with_its_owner() {
        let engine = wasmtime_engine(&Options::default()).unwrap();
        let ticker = Ticker::start(engine.weak()).unwrap();
        let shared = Arc::downgrade(&ticker.shared);
        drop(ticker);
        until(|| shared.strong_count() == 0);
    }
}
