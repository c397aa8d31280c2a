//! The expected responses at a time: those of the edition in effect, of either during a change, and
//! refusals during an outage.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// One of two policy sets that differ in a result on each plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edition {
    /// The first edition, in effect at the start.
    A,
    /// The second edition.
    B,
}

impl Edition {
    /// Returns the letter in responses and names.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            Self::A => 'a',
            Self::B => 'b',
        }
    }

    /// Returns the other edition.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// The state of the policies at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    phase: Phase,
    /// The number of phases so far.
    phases: u64,
    /// The number of outages so far.
    outages: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Settled(Edition),
    Changing,
    Down,
}

/// The expected responses to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// The only edition whose responses are expected; `None` for both.
    pub edition: Option<Edition>,
    /// True if refusals and missing responses are also expected.
    pub refusal: bool,
}

impl Expected {
    /// Returns the expected responses to a request that was sent in state `start` and completed in
    /// state `end`.
    #[must_use]
    pub fn between(start: State, end: State) -> Self {
        let edition = match start.phase {
            Phase::Settled(edition) if start.phases == end.phases => Some(edition),
            _ => None,
        };
        Self {
            edition,
            refusal: start.phase == Phase::Down || start.outages != end.outages,
        }
    }

    /// Returns whether a response of `edition` is expected.
    #[must_use]
    pub fn includes(&self, edition: Edition) -> bool {
        self.edition.is_none_or(|only| only == edition)
    }
}

/// The current state. Every change is announced before and after it is made.
#[derive(Debug)]
pub struct Timeline(Mutex<State>);

impl Timeline {
    /// Creates a timeline that starts with `edition` in effect.
    #[must_use]
    pub fn new(edition: Edition) -> Self {
        Self(Mutex::new(State {
            phase: Phase::Settled(edition),
            phases: 0,
            outages: 0,
        }))
    }

    /// Returns the current state.
    #[must_use]
    pub fn now(&self) -> State {
        *self.lock()
    }

    /// Announces that the edition is about to change.
    pub fn begin_change(&self) {
        self.enter(Phase::Changing);
    }

    /// Announces that only `edition` is in effect.
    pub fn settle(&self, edition: Edition) {
        self.enter(Phase::Settled(edition));
    }

    /// Announces that the policies are about to be unavailable.
    pub fn begin_outage(&self) {
        self.enter(Phase::Down);
    }

    fn enter(&self, phase: Phase) {
        let mut state = self.lock();
        state.phase = phase;
        state.phases += 1;
        state.outages += u64::from(phase == Phase::Down);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expects_either_edition_only_during_a_change() {
        let timeline = Timeline::new(Edition::A);
        let before = timeline.now();
        assert_eq!(
            Expected::between(before, timeline.now()).edition,
            Some(Edition::A)
        );
        timeline.begin_change();
        let during = timeline.now();
        assert_eq!(Expected::between(before, during).edition, None);
        assert_eq!(Expected::between(during, during).edition, None);
        timeline.settle(Edition::B);
        let after = timeline.now();
        assert_eq!(Expected::between(during, after).edition, None);
        let expected = Expected::between(after, after);
        assert!(expected.includes(Edition::B) && !expected.includes(Edition::A));
        assert!(!expected.refusal);
    }

    #[test]
    fn expects_refusals_only_around_an_outage() {
        let timeline = Timeline::new(Edition::A);
        let before = timeline.now();
        timeline.begin_outage();
        let down = timeline.now();
        timeline.settle(Edition::A);
        let after = timeline.now();
        assert!(Expected::between(before, down).refusal);
        assert!(Expected::between(before, after).refusal);
        assert!(Expected::between(down, after).refusal);
        assert!(!Expected::between(after, after).refusal);
    }
}
