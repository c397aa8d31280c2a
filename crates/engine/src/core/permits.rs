//! Admission control of calls: a fixed number of permits and a bounded queue, neither of which one
//! class of calls can exhaust.

use std::num::NonZeroU32;
use std::time::Instant;

use tokio::sync::{AcquireError, Semaphore, SemaphorePermit, TryAcquireError};

use crate::core::limits::Share;

/// The permits of an engine, and the queue for them. The queue is first come, first served.
///
/// A call needs a permit of each class that it belongs to, and one of all. When a class has used
/// up its part, calls of other classes still get a permit at once.
pub(crate) struct Permits {
    all: Capacity,
    /// Capacity for calls of [`Share::ThreeQuarters`]. It leaves at least one permit to other
    /// calls, unless there is only one.
    shared: Capacity,
    /// Capacity for calls that may wait for their host while they hold a permit: half of all. A
    /// registry that does not respond must not block calls that do not use it. With only one
    /// permit, it can.
    dependent: Capacity,
}

/// Permits for running calls, and room in the queue.
struct Capacity {
    running: Semaphore,
    queue: Semaphore,
}

/// The classes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Class {
    pub(crate) kind: CallKind,
    pub(crate) share: Share,
}

/// The use that a call makes of its permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallKind {
    /// The call only computes.
    Independent,
    /// The call may wait for replies of its host.
    Dependent,
}

/// A permit of each class of the call, released on drop.
pub(crate) struct Permit<'a> {
    _permits: SemaphorePermits<'a>,
}

/// Semaphore permits in the order of [`Permits::capacities`].
type SemaphorePermits<'a> = [Option<SemaphorePermit<'a>>; 3];

/// A reason for which a call did not get a permit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoPermit {
    /// All permits are in use and the queue is full.
    Overloaded,
    /// The deadline passed first.
    Deadline,
}

impl Permits {
    pub(crate) fn new(running: NonZeroU32, queued: u32) -> Self {
        let capacity = |part: fn(u32) -> u32| Capacity::new(part(running.get()), part(queued));
        Self {
            all: capacity(|all| all),
            shared: capacity(three_quarters),
            dependent: capacity(|all| all.div_ceil(2)),
        }
    }

    /// Waits for a permit until `deadline`. Dropping the future leaves the queue.
    pub(crate) async fn acquire(
        &self,
        class: Class,
        deadline: Instant,
    ) -> Result<Permit<'_>, NoPermit> {
        if deadline <= Instant::now() {
            return Err(NoPermit::Deadline);
        }
        if let Ok(permit) = self.try_acquire(class) {
            return Ok(permit);
        }
        let _queued = self.try_enqueue(class).map_err(|_| NoPermit::Overloaded)?;
        match tokio::time::timeout_at(deadline.into(), self.wait(class)).await {
            Ok(Ok(permit)) => Ok(permit),
            // The semaphores are never closed; if they were, no call would get a permit any more.
            Ok(Err(_)) => Err(NoPermit::Overloaded),
            Err(_) => Err(NoPermit::Deadline),
        }
    }

    /// Returns the capacities that a call needs permits of, the smallest first: a call that holds a
    /// permit of those continues as soon as any other call ends.
    fn capacities(&self, class: Class) -> [Option<&Capacity>; 3] {
        let dependent = (class.kind == CallKind::Dependent).then_some(&self.dependent);
        let shared = (class.share == Share::ThreeQuarters).then_some(&self.shared);
        [dependent, shared, Some(&self.all)]
    }

    fn try_acquire(&self, class: Class) -> Result<Permit<'_>, TryAcquireError> {
        let permits = self.try_each(class, |capacity| capacity.running.try_acquire())?;
        Ok(Permit { _permits: permits })
    }

    fn try_enqueue(&self, class: Class) -> Result<SemaphorePermits<'_>, TryAcquireError> {
        self.try_each(class, |capacity| capacity.queue.try_acquire())
    }

    async fn wait(&self, class: Class) -> Result<Permit<'_>, AcquireError> {
        let mut permits = SemaphorePermits::default();
        for (permit, capacity) in permits.iter_mut().zip(self.capacities(class)) {
            if let Some(capacity) = capacity {
                *permit = Some(capacity.running.acquire().await?);
            }
        }
        Ok(Permit { _permits: permits })
    }

    fn try_each<'a>(
        &'a self,
        class: Class,
        acquire: impl Fn(&'a Capacity) -> Result<SemaphorePermit<'a>, TryAcquireError>,
    ) -> Result<SemaphorePermits<'a>, TryAcquireError> {
        let mut permits = SemaphorePermits::default();
        for (permit, capacity) in permits.iter_mut().zip(self.capacities(class)) {
            *permit = capacity.map(&acquire).transpose()?;
        }
        Ok(permits)
    }
}

impl Capacity {
    fn new(running: u32, queued: u32) -> Self {
        let semaphore = |count: u32| {
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            Semaphore::new(count.min(Semaphore::MAX_PERMITS))
        };
        Self {
            running: semaphore(running),
            queue: semaphore(queued),
        }
    }
}

/// Returns three quarters of `all`, at most `all - 1` and at least 1; or `all` if it is 0 or 1.
fn three_quarters(all: u32) -> u32 {
    match all {
        0 | 1 => all,
        _ => all.saturating_sub((all / 4).max(1)),
    }
}

#[cfg(test)]
mod tests;
