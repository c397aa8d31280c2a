//! Who may run now: a fixed number of calls at once and a bounded queue before them.

use std::num::NonZeroU32;
use std::time::Instant;

use tokio::sync::{Semaphore, SemaphorePermit};

/// The places for running calls, and the places to wait for one. Waiting is first come, first
/// served.
pub(crate) struct Slots {
    running: Semaphore,
    waiting: Semaphore,
}

/// Why a call did not get a slot.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoSlot {
    /// All slots and all waiting places are taken.
    Busy,
    /// The deadline came first.
    Deadline,
}

impl Slots {
    pub(crate) fn new(running: NonZeroU32, waiting: u32) -> Self {
        let places = |count: u32| {
            usize::try_from(count).map_or(Semaphore::MAX_PERMITS, |n| n.min(Semaphore::MAX_PERMITS))
        };
        Self {
            running: Semaphore::new(places(running.get())),
            waiting: Semaphore::new(places(waiting)),
        }
    }

    /// A slot, held until the permit is dropped. Dropping the future leaves the queue.
    pub(crate) async fn take(&self, deadline: Instant) -> Result<SemaphorePermit<'_>, NoSlot> {
        if deadline <= Instant::now() {
            return Err(NoSlot::Deadline);
        }
        if let Ok(slot) = self.running.try_acquire() {
            return Ok(slot);
        }
        let _place = self.waiting.try_acquire().map_err(|_| NoSlot::Busy)?;
        match tokio::time::timeout_at(deadline.into(), self.running.acquire()).await {
            Ok(Ok(slot)) => Ok(slot),
            // The semaphore is never closed; if it were, nobody would get a slot any more.
            Ok(Err(_)) => Err(NoSlot::Busy),
            Err(_) => Err(NoSlot::Deadline),
        }
    }
}
