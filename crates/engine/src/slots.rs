//! Who may run now: a fixed number of calls at once and a bounded queue before them.

use std::num::NonZeroU32;
use std::time::Instant;

use tokio::sync::{AcquireError, Semaphore, SemaphorePermit, TryAcquireError};

/// The places for running calls, and the places to wait for one. Waiting is first come, first
/// served.
pub(crate) struct Slots {
    running: Semaphore,
    waiting: Semaphore,
    /// Half of both, for calls that may wait for somebody else while they hold a place: a registry
    /// that does not answer must not stop the calls that need nobody. Where there is one place only,
    /// it can.
    dependent: Semaphore,
    dependent_waiting: Semaphore,
}

/// What a call does with its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It computes.
    Independent,
    /// It may wait for replies of its host.
    Dependent,
}

/// A place, held until this is dropped.
pub(crate) struct Slot<'a> {
    _dependent: Option<SemaphorePermit<'a>>,
    _running: SemaphorePermit<'a>,
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
            dependent: Semaphore::new(places(running.get().div_ceil(2))),
            dependent_waiting: Semaphore::new(places(waiting.div_ceil(2))),
        }
    }

    /// A slot, held until it is dropped. Dropping the future leaves the queue.
    pub(crate) async fn take(&self, kind: Kind, deadline: Instant) -> Result<Slot<'_>, NoSlot> {
        if deadline <= Instant::now() {
            return Err(NoSlot::Deadline);
        }
        if let Some(slot) = self.take_now(kind) {
            return Ok(slot);
        }
        let _place = self.place_to_wait(kind).map_err(|_| NoSlot::Busy)?;
        match tokio::time::timeout_at(deadline.into(), self.wait(kind)).await {
            Ok(Ok(slot)) => Ok(slot),
            // The semaphores are never closed; if they were, nobody would get a slot any more.
            Ok(Err(_)) => Err(NoSlot::Busy),
            Err(_) => Err(NoSlot::Deadline),
        }
    }

    fn take_now(&self, kind: Kind) -> Option<Slot<'_>> {
        let dependent = match kind {
            Kind::Independent => None,
            Kind::Dependent => Some(self.dependent.try_acquire().ok()?),
        };
        Some(Slot {
            _dependent: dependent,
            _running: self.running.try_acquire().ok()?,
        })
    }

    fn place_to_wait(
        &self,
        kind: Kind,
    ) -> Result<(Option<SemaphorePermit<'_>>, SemaphorePermit<'_>), TryAcquireError> {
        let dependent = match kind {
            Kind::Independent => None,
            Kind::Dependent => Some(self.dependent_waiting.try_acquire()?),
        };
        Ok((dependent, self.waiting.try_acquire()?))
    }

    async fn wait(&self, kind: Kind) -> Result<Slot<'_>, AcquireError> {
        // In this order: whoever has a place of the one kind gets on as soon as any call ends.
        let dependent = match kind {
            Kind::Independent => None,
            Kind::Dependent => Some(self.dependent.acquire().await?),
        };
        Ok(Slot {
            _dependent: dependent,
            _running: self.running.acquire().await?,
        })
    }
}
