//! Whose modules compute: each call has a thread of its caller, and those must leave processors to the caller's other work.

use std::future::{self, Future};
use std::num::NonZeroUsize;
use std::pin::pin;
use std::task::ready;
use std::thread;

use tokio::sync::Semaphore;

/// How many calls of a host compute at once. A module that computes for long yields about every millisecond, and then it is
/// another's turn, first come, first served.
pub(crate) struct Turns(Semaphore);

impl Turns {
    /// Half of the processors, at least one.
    pub(crate) fn new() -> Self {
        let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self::at_once(processors.div_euclid(2).max(1))
    }

    fn at_once(calls: usize) -> Self {
        Self(Semaphore::new(calls))
    }

    /// The future, which is polled only when it is its turn. What it waits for costs it no turn.
    pub(crate) async fn take<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        let mut turn = Box::pin(self.0.acquire());
        future::poll_fn(|context| {
            // The semaphore is never closed; if it were, everybody could go on.
            let permit = ready!(turn.as_mut().poll(context));
            let polled = future.as_mut().poll(context);
            drop(permit);
            turn.set(self.0.acquire());
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

    /// Computes in steps, between which it yields, and notes how many do so at once.
    async fn computes(now: &AtomicUsize, most: &AtomicUsize) {
        for _ in 0..20 {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            thread::sleep(Duration::from_micros(100));
            now.fetch_sub(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
        }
    }

    #[test]
    fn no_more_calls_compute_at_once_than_there_are_turns() {
        let turns = Turns::at_once(2);
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| runtime.block_on(turns.take(computes(&now, &most))));
            }
        });
        assert!(most.load(Ordering::SeqCst) <= 2);
    }

    #[tokio::test]
    async fn who_waits_for_others_has_no_turn() {
        let turns = Turns::at_once(1);
        let mut waiting = pin!(turns.take(future::pending::<()>()));
        tokio::select! {
            biased;
            () = &mut waiting => panic!("it waits for ever"),
            () = turns.take(future::ready(())) => {}
        }
    }
}
