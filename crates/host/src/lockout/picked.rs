//! The policies of a plane that the guard asks, and how long it is patient with each.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use access::{Entry, Evaluate, Evaluated, Failure, FailureKind, PolicyName, PolicyReview, Timing};

use crate::policy::LoadedPolicy;

/// A policy that is late so many times in a row hangs, as far as the guard can tell: it is not called any more.
const LATE_TIMES: u32 = 3;

/// As is one that is late for so long: nobody waits for half a minute three times.
const LATE_FOR: Duration = Duration::from_secs(10);

const GIVEN_UP: &str = "it did not answer in time when it was asked before";

/// Some policies of a plane.
pub(super) struct Picked<'a, P, M> {
    pub(super) chain: Vec<Entry<P, Patient<'a, M>>>,
}

/// One policy: it is evaluated unless it hangs; then it fails at once.
pub(super) struct Patient<'a, M> {
    policy: &'a LoadedPolicy<M>,
    late: Mutex<Late>,
}

/// How late a policy has been since its last answer.
#[derive(Debug, Default, Clone, Copy)]
struct Late {
    times: u32,
    time: Duration,
}

impl<'a, P: Clone, M> Picked<'a, P, M> {
    /// Those of a chain that the guard asks.
    pub(super) fn of(
        chain: &'a [Entry<P, LoadedPolicy<M>>],
        is_asked: impl Fn(&P, &PolicyName) -> bool,
    ) -> Self {
        let asked = chain
            .iter()
            .filter(|entry| is_asked(&entry.policy, entry.evaluator.name()));
        let chain = asked.map(|entry| Entry {
            policy: entry.policy.clone(),
            evaluator: Patient {
                policy: &entry.evaluator,
                late: Mutex::default(),
            },
        });
        Self {
            chain: chain.collect(),
        }
    }

    /// Whether one of them was late the last time that it was asked.
    pub(super) fn are_late(&self) -> bool {
        let mut entries = self.chain.iter();
        entries.any(|entry| entry.evaluator.late().times > 0)
    }

    /// Whether a policy is not called any more.
    pub(super) fn has_given_up(&self, policy: &PolicyName) -> bool {
        let mut evaluators = self.chain.iter().map(|entry| &entry.evaluator);
        evaluators.any(|patient| patient.policy.name() == policy && patient.late().hangs())
    }
}

impl<A: Send, M> Evaluate<A> for Patient<'_, M>
where
    M: Sync,
    LoadedPolicy<M>: Evaluate<A>,
{
    type Context = <LoadedPolicy<M> as Evaluate<A>>::Context;
    type Parsed = <LoadedPolicy<M> as Evaluate<A>>::Parsed;

    async fn evaluate(
        &self,
        review: &PolicyReview<'_, Self::Parsed>,
        context: &Self::Context,
    ) -> Evaluated<A> {
        if self.late().hangs() {
            return Evaluated {
                response: Err(Failure::new(FailureKind::Deadline, GIVEN_UP)),
                timing: Timing::default(),
            };
        }
        let evaluated = self.policy.evaluate(review, context).await;
        self.note(evaluated.response.as_ref().err(), evaluated.timing);
        evaluated
    }
}

impl<M> Patient<'_, M> {
    fn note(&self, failure: Option<&Failure>, timing: Timing) {
        let mut late = self.late();
        match failure.map(|failure| failure.kind) {
            Some(FailureKind::Deadline) => {
                late.times = late.times.saturating_add(1);
                late.time = late.time.saturating_add(timing.duration);
            }
            // It was not called.
            Some(FailureKind::Overloaded) => {}
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
