//! The policies of a plane that the guard asks, and how long it is patient with each.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use access::{Ask, Asked, Failure, FailureKind, PolicyName, Timing};

use crate::host::Chain;
use crate::policy::{Asker, LoadedPolicy};

/// A policy that is late so many times in a row hangs, as far as the guard can tell: it is not called any more.
const LATE_TIMES: u32 = 3;

/// As is one that is late for so long: nobody waits for half a minute three times.
const LATE_FOR: Duration = Duration::from_secs(10);

const GIVEN_UP: &str = "it did not answer in time when it was asked before";

/// Some policies of a plane.
pub(super) struct Picked<'a, P> {
    pub(super) rules: Vec<P>,
    pub(super) callees: Callees<'a>,
}

/// What is called, in the order of the rules.
pub(super) struct Callees<'a> {
    loaded: &'a [LoadedPolicy],
    places: Vec<Place>,
}

/// One policy.
struct Place {
    name: PolicyName,
    /// Where it stands in the chain of its plane.
    index: usize,
    late: Mutex<Late>,
}

/// How late a policy has been since its last answer.
#[derive(Debug, Default, Clone, Copy)]
struct Late {
    times: u32,
    time: Duration,
}

impl<'a, P: Clone> Picked<'a, P> {
    /// Those of a chain that the guard asks.
    pub(super) fn of(chain: &'a Chain<P>, is_asked: impl Fn(&P, &PolicyName) -> bool) -> Self {
        let (mut rules, mut places) = (Vec::new(), Vec::new());
        for (index, (policy, loaded)) in chain.rules.iter().zip(&chain.loaded).enumerate() {
            if !is_asked(policy, &loaded.name) {
                continue;
            }
            rules.push(policy.clone());
            places.push(Place {
                name: loaded.name.clone(),
                index,
                late: Mutex::default(),
            });
        }
        let loaded = &chain.loaded;
        Self {
            rules,
            callees: Callees { loaded, places },
        }
    }
}

impl Callees<'_> {
    /// How a chain asks them, before a deadline.
    pub(super) fn asker(&self, deadline: Instant) -> Patient<'_> {
        Patient {
            places: &self.places,
            asker: Asker::new(self.loaded, deadline),
        }
    }

    /// Whether one of them was late the last time that it was asked.
    pub(super) fn are_late(&self) -> bool {
        self.places.iter().any(|place| place.late().times > 0)
    }

    /// Whether a policy is not called any more.
    pub(super) fn has_given_up(&self, policy: &PolicyName) -> bool {
        let mut places = self.places.iter();
        places.any(|place| place.name == *policy && place.late().hangs())
    }
}

/// Asks, except for what hangs: that fails at once.
pub(super) struct Patient<'a> {
    places: &'a [Place],
    asker: Asker<'a>,
}

impl<'a, A: Send> Ask<A> for Patient<'a>
where
    Asker<'a>: Ask<A>,
{
    async fn ask(&self, policy: usize, review: &[u8]) -> Asked<A> {
        let problem = match self.places.get(policy) {
            Some(place) if !place.late().hangs() => {
                let asked = self.asker.ask(place.index, review).await;
                place.note(asked.answer.as_ref().err(), asked.timing);
                return asked;
            }
            Some(_) => Failure::new(FailureKind::Deadline, GIVEN_UP),
            None => Failure::new(FailureKind::Host, "the policy is not loaded"),
        };
        Asked {
            answer: Err(problem),
            timing: Timing::default(),
        }
    }
}

impl Place {
    fn note(&self, failure: Option<&Failure>, timing: Timing) {
        let mut late = self.late();
        match failure.map(|failure| failure.kind) {
            Some(FailureKind::Deadline) => {
                late.times = late.times.saturating_add(1);
                late.time = late.time.saturating_add(timing.elapsed);
            }
            // It was not called.
            Some(FailureKind::Busy) => {}
            _ => *late = Late::default(),
        }
    }

    fn late(&self) -> MutexGuard<'_, Late> {
        self.late.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Late {
    fn hangs(self) -> bool {
        self.times >= LATE_TIMES || self.time >= LATE_FOR
    }
}
