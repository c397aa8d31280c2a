//! Who may run now: a fixed number of calls at once and a bounded queue before them, of which no class of calls takes all.

use std::num::NonZeroU32;
use std::time::Instant;

use tokio::sync::{AcquireError, Semaphore, SemaphorePermit, TryAcquireError};

use crate::limits::Share;

/// The places for running calls, and the places to wait for one. Waiting is first come, first
/// served.
///
/// A call needs a place of each class that it is in, and one of all. So a class can be crowded while
/// others find a place at once.
pub(crate) struct Slots {
    all: Places,
    /// For calls of [`Share::ThreeQuarters`]. At least one place is left to the others, unless there is one only.
    shared: Places,
    /// Half of all, for calls that may wait for somebody else while they hold a place: a registry
    /// that does not answer must not stop the calls that need nobody. Where there is one place only,
    /// it can.
    dependent: Places,
}

/// Places to run and places to wait.
struct Places {
    running: Semaphore,
    waiting: Semaphore,
}

/// The classes that a call is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Class {
    pub(crate) kind: Kind,
    pub(crate) share: Share,
}

/// What a call does with its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It computes.
    Independent,
    /// It may wait for replies of its host.
    Dependent,
}

/// A place of each class of the call, held until this is dropped.
pub(crate) struct Slot<'a> {
    _places: Permits<'a>,
}

/// In the order of [`Slots::of`].
type Permits<'a> = [Option<SemaphorePermit<'a>>; 3];

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
        let part = |of: fn(u32) -> u32| Places::new(of(running.get()), of(waiting));
        Self {
            all: part(|all| all),
            shared: part(three_quarters),
            dependent: part(|all| all.div_ceil(2)),
        }
    }

    /// A slot, held until it is dropped. Dropping the future leaves the queue.
    pub(crate) async fn take(&self, class: Class, deadline: Instant) -> Result<Slot<'_>, NoSlot> {
        if deadline <= Instant::now() {
            return Err(NoSlot::Deadline);
        }
        if let Ok(slot) = self.take_now(class) {
            return Ok(slot);
        }
        let _place = self.place_to_wait(class).map_err(|_| NoSlot::Busy)?;
        match tokio::time::timeout_at(deadline.into(), self.wait(class)).await {
            Ok(Ok(slot)) => Ok(slot),
            // The semaphores are never closed; if they were, nobody would get a slot any more.
            Ok(Err(_)) => Err(NoSlot::Busy),
            Err(_) => Err(NoSlot::Deadline),
        }
    }

    /// Whose places a call needs, the smallest first: whoever has one of those gets on as soon as any call ends.
    fn of(&self, class: Class) -> [Option<&Places>; 3] {
        let dependent = (class.kind == Kind::Dependent).then_some(&self.dependent);
        let shared = (class.share == Share::ThreeQuarters).then_some(&self.shared);
        [dependent, shared, Some(&self.all)]
    }

    fn take_now(&self, class: Class) -> Result<Slot<'_>, TryAcquireError> {
        let places = self.each(class, |places| places.running.try_acquire())?;
        Ok(Slot { _places: places })
    }

    fn place_to_wait(&self, class: Class) -> Result<Permits<'_>, TryAcquireError> {
        self.each(class, |places| places.waiting.try_acquire())
    }

    async fn wait(&self, class: Class) -> Result<Slot<'_>, AcquireError> {
        let mut permits = Permits::default();
        for (permit, places) in permits.iter_mut().zip(self.of(class)) {
            if let Some(places) = places {
                *permit = Some(places.running.acquire().await?);
            }
        }
        Ok(Slot { _places: permits })
    }

    fn each<'a>(
        &'a self,
        class: Class,
        take: impl Fn(&'a Places) -> Result<SemaphorePermit<'a>, TryAcquireError>,
    ) -> Result<Permits<'a>, TryAcquireError> {
        let mut permits = Permits::default();
        for (permit, places) in permits.iter_mut().zip(self.of(class)) {
            *permit = places.map(&take).transpose()?;
        }
        Ok(permits)
    }
}

impl Places {
    fn new(running: u32, waiting: u32) -> Self {
        let places = |count: u32| {
            usize::try_from(count).map_or(Semaphore::MAX_PERMITS, |n| n.min(Semaphore::MAX_PERMITS))
        };
        Self {
            running: Semaphore::new(places(running)),
            waiting: Semaphore::new(places(waiting)),
        }
    }
}

/// Three quarters, and at least one less than all, but not nothing.
fn three_quarters(all: u32) -> u32 {
    match all {
        0 | 1 => all,
        _ => all.saturating_sub((all / 4).max(1)),
    }
}

#[cfg(test)]
mod tests;
