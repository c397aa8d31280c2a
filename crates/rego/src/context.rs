//! What the built-in functions of one evaluation share.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::Error;
use crate::regex::Patterns;

/// What the built-in functions of one evaluation share: its time, its deadline, and the patterns it compiled.
#[derive(Debug)]
pub struct Context {
    now: i64,
    deadline: Option<Instant>,
    pub(crate) patterns: Patterns,
}

impl Context {
    /// A context for one evaluation, which takes place at `now` however long it lasts.
    pub fn new(now: SystemTime) -> Self {
        Self {
            now: nanoseconds(now),
            deadline: None,
            patterns: Patterns::default(),
        }
    }

    /// Work that repeats stops with [`Error::Deadline`] once this instant has passed.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Instant) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Nanoseconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        self.now
    }

    pub(crate) fn check_deadline(&self) -> Result<(), Error> {
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(Error::Deadline),
            _ => Ok(()),
        }
    }
}

/// The years that fit 64 bits of nanoseconds are 1677 to 2262; a clock outside of them is held to the end.
fn nanoseconds(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |n| -n),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passed_deadline_stops_work() {
        let context = Context::new(UNIX_EPOCH).with_deadline(Instant::now());
        assert_eq!(context.check_deadline(), Err(Error::Deadline));
    }
}
