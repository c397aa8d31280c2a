//! The lock-out guard: before a new set of policies serves, it is asked what a cluster asks in order to live.
//!
//! kube-apiserver may be configured to ask policies about less (`k8s-wasm manifests` does that). The guard does not rely on it: what
//! it refuses would lock a cluster out as soon as such a condition is lost.

mod ask;
mod corpus;
mod exempt;
mod picked;
mod refused;

use std::time::{Duration, Instant};

use crate::Host;
use crate::config::{Configuration, Guarded};
use crate::wait::wait_for;

pub use exempt::{Exempt, UnknownNeed};
pub use refused::{Cause, LockedOut, Refusal};

/// No review is begun after so long. Enough for policies that take half a second for each, which no cluster would bear.
const TIME: Duration = Duration::from_mins(1);

/// Something that a cluster needs to live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// What a configuration calls it.
    pub name: &'static str,
    /// A sentence.
    pub why: &'static str,
}

/// Everything that a cluster needs to live, as far as this project knows.
pub fn needs() -> impl Iterator<Item = Need> {
    corpus::needs().iter().map(|need| Need {
        name: &need.name,
        why: &need.why,
    })
}

/// A set of policies that leaves a cluster alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passed {
    /// How many reviews it was asked about.
    pub reviews: usize,
    /// How many it was not asked about, because it took too long for the others.
    pub not_asked: usize,
}

/// Asks the policies everything that a cluster needs and that the configuration does not exempt. Blocks, for two minutes at
/// most.
///
/// An authorizer locks out by denying, or by a failure that no other policy makes good; no opinion leaves the decision to
/// others, such as RBAC. An admission policy locks out by rejecting, or by a failure that must not be ignored; a changed object is
/// what validating policies are asked about next. Policies that are only watched are not asked: nothing comes of their answers.
///
/// # Errors
/// What is refused, by whom, and why.
pub fn check(configuration: &Configuration, host: &Host) -> Result<Passed, LockedOut> {
    check_within(configuration, host, TIME)
}

fn check_within(
    configuration: &Configuration,
    host: &Host,
    time: Duration,
) -> Result<Passed, LockedOut> {
    let questions = corpus::questions(&configuration.lock_out_exempt);
    let is_asked = |name: &access::PolicyName| {
        let mut admission = configuration.admission.iter();
        admission.any(|entry| entry.guarded == Guarded::Yes && entry.policy.name == *name)
    };
    let now = Instant::now();
    let deadline = now.checked_add(time).unwrap_or(now);
    let guard = ask::Guard::new(host, is_asked, deadline);
    let heard = wait_for(guard.ask_all(&questions)).unwrap_or_else(|error| ask::Heard {
        refusals: ask::nothing_asked(&questions, &error.to_string()),
        not_asked: questions.len(),
    });
    match LockedOut::of(heard.refusals) {
        Some(locked_out) => Err(locked_out),
        None => Ok(Passed {
            reviews: questions.len().saturating_sub(heard.not_asked),
            not_asked: heard.not_asked,
        }),
    }
}

#[cfg(test)]
mod tests;
