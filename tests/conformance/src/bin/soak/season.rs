//! What may be answered when: before a change the old, after it the new, meanwhile either, and refusals while nobody decides.

use std::sync::{Mutex, PoisonError};

/// One of two sets of policies that differ in an answer on each plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edition {
    /// The first.
    A,
    /// The other one.
    B,
}

impl Edition {
    /// As it is written in answers and names.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            Self::A => 'a',
            Self::B => 'b',
        }
    }

    /// The one that this is not.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// How things stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    phase: Phase,
    /// One more with each change.
    turn: u64,
    outages: u64,
}

/// What is in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Settled(Edition),
    Changing,
    Down,
}

/// Which answers are right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowed {
    /// Those of this edition only; `None`: of either.
    pub edition: Option<Edition>,
    /// Refusals, too, and no answer at all.
    pub refusal: bool,
}

impl Allowed {
    /// For a request that was made at `start` and answered at `end`.
    #[must_use]
    pub fn between(start: Moment, end: Moment) -> Self {
        let edition = match start.phase {
            Phase::Settled(edition) if start.turn == end.turn => Some(edition),
            _ => None,
        };
        Self {
            edition,
            refusal: start.phase == Phase::Down || start.outages != end.outages,
        }
    }

    /// Whether an answer of `edition` is right.
    #[must_use]
    pub fn includes(&self, edition: Edition) -> bool {
        self.edition.is_none_or(|only| only == edition)
    }
}

/// The moment that is now. Whoever changes something says so before and after.
#[derive(Debug)]
pub struct Season(Mutex<Moment>);

impl Season {
    /// It begins with `edition` in place.
    #[must_use]
    pub fn new(edition: Edition) -> Self {
        Self(Mutex::new(Moment {
            phase: Phase::Settled(edition),
            turn: 0,
            outages: 0,
        }))
    }

    /// How things stand.
    #[must_use]
    pub fn now(&self) -> Moment {
        *self.moment()
    }

    /// Another edition is about to be put in place.
    pub fn change(&self) {
        self.enter(Phase::Changing);
    }

    /// `edition` decides from now on.
    pub fn settle(&self, edition: Edition) {
        self.enter(Phase::Settled(edition));
    }

    /// The policies are about to be gone.
    pub fn go_down(&self) {
        self.enter(Phase::Down);
    }

    fn enter(&self, phase: Phase) {
        let mut moment = self.moment();
        moment.phase = phase;
        moment.turn += 1;
        moment.outages += u64::from(phase == Phase::Down);
    }

    fn moment(&self) -> std::sync::MutexGuard<'_, Moment> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_edition_is_right_only_while_it_changes() {
        let season = Season::new(Edition::A);
        let before = season.now();
        assert_eq!(
            Allowed::between(before, season.now()).edition,
            Some(Edition::A)
        );
        season.change();
        let meanwhile = season.now();
        assert_eq!(Allowed::between(before, meanwhile).edition, None);
        assert_eq!(Allowed::between(meanwhile, meanwhile).edition, None);
        season.settle(Edition::B);
        let after = season.now();
        assert_eq!(Allowed::between(meanwhile, after).edition, None);
        let allowed = Allowed::between(after, after);
        assert!(allowed.includes(Edition::B) && !allowed.includes(Edition::A));
        assert!(!allowed.refusal);
    }

    #[test]
    fn refusals_are_right_only_around_an_outage() {
        let season = Season::new(Edition::A);
        let before = season.now();
        season.go_down();
        let down = season.now();
        season.settle(Edition::A);
        let after = season.now();
        assert!(Allowed::between(before, down).refusal);
        assert!(Allowed::between(before, after).refusal);
        assert!(Allowed::between(down, after).refusal);
        assert!(!Allowed::between(after, after).refusal);
    }
}
