//! CPU permits: a bound on the modules that compute at once.
//!
//! Each call has a thread of its caller, and these threads must leave processors to the other work
//! of the process.

use std::future::{self, Future};
use std::num::NonZeroUsize;
use std::pin::pin;
use std::task::ready;
use std::thread;

use tokio::sync::Semaphore;

/// The permits to compute, shared by the calls of a host. A module that computes for long yields
/// about every millisecond and queues for its next permit, first come, first served.
pub(crate) struct CpuPermits(Semaphore);

impl CpuPermits {
    /// Creates one permit for every two processors, at least one.
    pub(crate) fn new() -> Self {
        let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self::with_permits(processors.div_euclid(2).max(1))
    }

    fn with_permits(permits: usize) -> Self {
        Self(Semaphore::new(permits))
    }

    /// Runs a future that is polled only with a permit. A future that waits holds no permit.
    pub(crate) async fn run<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        let mut acquire = Box::pin(self.0.acquire());
        future::poll_fn(|context| {
            // The semaphore is never closed; if it were, all calls would run without a bound.
            let permit = ready!(acquire.as_mut().poll(context));
            let polled = future.as_mut().poll(context);
            drop(permit);
            acquire.set(self.0.acquire());
            polled
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    /// Computes in steps with a yield after each, and records the most that computed at once.
    async fn compute(running: &AtomicUsize, most: &AtomicUsize) {
        for _ in 0..20 {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            thread::sleep(Duration::from_micros(100));
            running.fetch_sub(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
        }
    }

    #[test]
    fn runs_at_most_one_call_per_permit() {
        let permits = CpuPermits::with_permits(2);
        let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| runtime.block_on(permits.run(compute(&running, &most))));
            }
        });
        assert!(most.load(Ordering::SeqCst) <= 2);
    }

    #[tokio::test]
    async fn a_waiting_call_holds_no_permit() {
        let permits = CpuPermits::with_permits(1);
        let mut waiting = pin!(permits.run(future::pending::<()>()));
        tokio::select! {
            biased;
            () = &mut waiting => panic!("a pending future completed"),
            () = permits.run(future::ready(())) => {}
        }
    }
}
