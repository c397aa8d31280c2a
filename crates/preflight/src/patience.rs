//! Policies that time out, and the point at which the guard gives up on one.

use std::collections::HashMap;
use std::time::Duration;

use access::trace::Step;
use access::{FailureKind, Plane, PolicyName};

/// The number of consecutive timeouts after which a policy is considered to hang.
const MAX_TIMEOUTS: u32 = 3;

/// The total duration of consecutive timeouts after which a policy is considered to hang: three
/// timeouts of 30 seconds would take too long.
const MAX_TIMED_OUT: Duration = Duration::from_secs(10);

/// The timeouts of policies since their last response.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    timeouts: HashMap<(Plane, PolicyName), Timeouts>,
}

/// The consecutive timeouts of one policy.
#[derive(Debug, Default, Clone, Copy)]
struct Timeouts {
    count: u32,
    duration: Duration,
}

impl Patience {
    /// Records the result of a policy's call.
    pub(crate) fn record(&mut self, plane: Plane, step: &Step) {
        let Some(timing) = step.timing() else {
            return;
        };
        let key = (plane, step.policy.clone());
        match step.failure().map(|(failure, _)| failure.kind) {
            Some(FailureKind::Deadline) => {
                let timeouts = self.timeouts.entry(key).or_default();
                timeouts.count = timeouts.count.saturating_add(1);
                timeouts.duration = timeouts.duration.saturating_add(timing.duration);
            }
            // The policy was not called.
            Some(FailureKind::Overloaded) => {}
            _ => drop(self.timeouts.remove(&key)),
        }
    }

    /// Returns true if the last call of any policy timed out.
    pub(crate) fn has_timeouts(&self) -> bool {
        !self.timeouts.is_empty()
    }

    /// Returns true if the guard has given up on a policy.
    pub(crate) fn is_exhausted(&self, plane: Plane, policy: &PolicyName) -> bool {
        // Few policies time out, so a search is fine.
        self.timeouts.iter().any(|((on, name), timeouts)| {
            *on == plane
                && name == policy
                && (timeouts.count >= MAX_TIMEOUTS || timeouts.duration >= MAX_TIMED_OUT)
        })
    }
}
