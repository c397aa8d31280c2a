//! The shared state of the built-in functions of one evaluation.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::Error;
use crate::regex::patterns::Patterns;

/// The time, the deadline and the compiled patterns of one evaluation.
#[derive(Debug)]
pub struct Context {
    now: i64,
    deadline: Option<Instant>,
    pub(crate) patterns: Patterns,
}

impl Context {
    /// Creates the context of one evaluation, during which the time is `now`.
    pub fn new(now: SystemTime) -> Self {
        Self {
            now: nanoseconds(now),
            deadline: None,
            patterns: Patterns::default(),
        }
    }

    /// Sets a deadline. Repetitive work that reaches it fails with [`Error::Deadline`].
    #[must_use]
    pub fn with_deadline(mut self, deadline: Instant) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Returns the time of the evaluation in nanoseconds since 1970.
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

/// Returns nanoseconds since 1970. 64 bits cover the years 1677 to 2262; other times are clamped.
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
    fn fails_after_the_deadline() {
        let context = Context::new(UNIX_EPOCH).with_deadline(Instant::now());
        assert_eq!(context.check_deadline(), Err(Error::Deadline));
    }
}
